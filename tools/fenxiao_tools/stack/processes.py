"""Both servers as processes of this machine, the origin that needs no container engine; and their faults, on demand."""

import shutil
import tempfile
from pathlib import Path

from fenxiao_tools.stack.kafka import Kafka, find_java
from fenxiao_tools.stack.kafka_jars import kafka_jars
from fenxiao_tools.stack.kafka_settings import KAFKA_VERSION
from fenxiao_tools.stack.model import Report, Stack
from fenxiao_tools.stack.postgres import Postgres
from fenxiao_tools.stack.waiting import Stopwatch

# rwx--x--x: PostgreSQL's user may pass through, and see nothing.
WORK_DIR_MODE = 0o711


class Processes:
    """Kafka and PostgreSQL in one work directory, which goes when they go unless it is to be kept.

    Start it again on a directory that was kept, and the data is there.
    """

    def __init__(self, *, work_dir: Path | None, keep: bool, report: Report) -> None:
        self._named_dir = work_dir
        self._keep = keep
        self._report = report
        self._work_dir: Path | None = None
        self._made_dir = False
        self.kafka: Kafka | None = None
        self.postgres: Postgres | None = None

    def start(self) -> Stack:
        """Start both side by side: Kafka takes seconds, most of them waiting."""
        java, jars = find_java(), kafka_jars(self._report)
        self._report(f"starting Kafka {KAFKA_VERSION} and PostgreSQL as local processes")
        stopwatch = Stopwatch()
        work_dir = self._take_work_dir()
        self.kafka = Kafka(work_dir / "kafka", java=java, jars=jars, remove=not self._keep)
        self.postgres = Postgres(work_dir / "postgres", remove=not self._keep)
        self.kafka.launch()
        self.postgres.launch()
        self.postgres.await_ready()
        self._report(f"PostgreSQL serves after {stopwatch}")
        self.kafka.await_first_start()
        self._report(f"Kafka serves after {stopwatch}")
        return Stack(
            bootstrap_servers=self.kafka.bootstrap_servers,
            postgres_dsn=self.postgres.dsn,
            origin="processes",
        )

    def _take_work_dir(self) -> Path:
        if self._named_dir is None:
            self._work_dir, self._made_dir = Path(tempfile.mkdtemp(prefix="fenxiao-")), True
        else:
            self._work_dir, self._made_dir = self._named_dir.resolve(), not self._named_dir.exists()
            self._work_dir.mkdir(parents=True, exist_ok=True)
        if self._made_dir:
            self._work_dir.chmod(WORK_DIR_MODE)
        return self._work_dir

    def stop(self) -> None:
        """Stop both side by side, then remove what they wrote."""
        servers = [server for server in (self.kafka, self.postgres) if server is not None]
        for server in servers:
            server.ask_to_stop()
        for server in servers:
            server.stop()
        self.kafka = self.postgres = None
        if self._work_dir is not None:
            self._clear(self._work_dir)

    def _clear(self, work_dir: Path) -> None:
        if self._keep:
            self._report(f"kept the servers' data in {work_dir}")
        elif self._made_dir:
            shutil.rmtree(work_dir, ignore_errors=True)
        else:
            for name in ("kafka", "postgres"):
                shutil.rmtree(work_dir / name, ignore_errors=True)
        self._work_dir = None
