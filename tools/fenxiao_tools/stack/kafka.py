"""Apache Kafka as a local process: one KRaft node on loopback ports, run from the jars of `kafka_jars`."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

from fenxiao_tools.stack.child import Child, Command
from fenxiao_tools.stack.kafka_probe import serves
from fenxiao_tools.stack.kafka_settings import as_properties, new_cluster_id, settings
from fenxiao_tools.stack.model import StackError
from fenxiao_tools.stack.waiting import free_port, wait_until

JAVA_VERSION_MIN = 17
HEAP = "-Xmx768m"
COMPILER = "-XX:TieredStopAtLevel=1"
"""A broker that lives for minutes, on few cores, is done before optimising its code would pay: a third less CPU."""
READY_S_MAX = 120.0
FORMAT_S_MAX = 60.0
START_TRIES_MAX = 3
PORT_TAKEN = "Address already in use"
LOG4J = """rootLogger.level=info
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
"""
NO_JAVA = (
    f"no Java {JAVA_VERSION_MIN} or newer on this machine: install it (Debian: apt-get install default-jre-headless"
    " maven), or start Docker, or name servers in FENXIAO_KAFKA_BOOTSTRAP_SERVERS and FENXIAO_POSTGRES_DSN"
)


def find_java() -> str:
    """The machine's Java.

    Raises:
        StackError: There is none, or it is too old for Kafka 4.
    """
    java = shutil.which("java")
    if java is None:
        raise StackError(NO_JAVA)
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=FORMAT_S_MAX, check=False)  # noqa: S603
    version = re.search(r'version "(\d+)', done.stderr + done.stdout)
    if done.returncode != 0 or version is None or int(version[1]) < JAVA_VERSION_MIN:
        raise StackError(NO_JAVA)
    return java


class Kafka:
    """One node with its directory; it keeps ports and data over kill and start."""

    def __init__(self, directory: Path, *, java: str, jars: Path, remove: bool) -> None:
        self._directory = directory
        self._java = [
            java,
            HEAP,
            COMPILER,
            f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}",
            "-cp",
            f"{jars}/*",
        ]
        self._remove = remove
        self._child: Child | None = None
        self._port = 0

    @property
    def bootstrap_servers(self) -> str:
        """The node's address."""
        return f"127.0.0.1:{self._port}"

    def launch(self) -> None:
        """Set the directory up and start the process, without waiting for it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / "log4j2.properties").write_text(LOG4J)
        self._take_ports()
        if not (self._directory / "data" / "meta.properties").exists():
            self._format()
        self.start()

    def _take_ports(self) -> None:
        self._port, controller = free_port(), free_port()
        clients, controllers = f"PLAINTEXT://127.0.0.1:{self._port}", f"127.0.0.1:{controller}"
        values = settings(
            listeners=f"{clients},CONTROLLER://{controllers}",
            advertised=clients,
            controller=controllers,
            log_dir=str(self._directory / "data"),
        )
        self._properties.write_text(as_properties(values))

    @property
    def _properties(self) -> Path:
        return self._directory / "server.properties"

    def _format(self) -> None:
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={new_cluster_id()}", f"--config={self._properties}"]
        command = [*self._java, *tool]
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_S_MAX, check=False)  # noqa: S603
        if done.returncode != 0:
            raise StackError(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[-500:]}")

    def start(self) -> None:
        """Start the process on the ports and data it has, without waiting for it."""
        self._child = Child(
            Command(
                argv=[*self._java, "kafka.Kafka", str(self._properties)],
                log=self._directory / "kafka.log",
                stop_signal=signal.SIGTERM,
                remove=(self._directory,) if self._remove else (),
            ),
        )

    def await_first_start(self) -> None:
        """Wait until it serves; if another process was quicker to take a port, take others and start again."""
        for _ in range(START_TRIES_MAX - 1):
            try:
                return self.await_ready()
            except StackError:
                if self._child is None or self._child.running or PORT_TAKEN not in self._child.log_tail():
                    raise
                self.launch()
        return self.await_ready()

    def await_ready(self) -> None:
        """Wait until the node serves.

        Raises:
            StackError: It ended, or it took too long.
        """
        wait_until(self._ready, timeout_s=READY_S_MAX, what=f"Kafka (log: {self._directory / 'kafka.log'})")

    def _ready(self) -> bool:
        if self._child is None or not self._child.running:
            raise StackError(f"Kafka ended while starting: {self._last_error()}")
        return serves("127.0.0.1", self._port)

    def _last_error(self) -> str:
        lines = self._child.log_tail().splitlines() if self._child else []
        errors = [line for line in lines if "ERROR" in line or "Exception" in line or "Error" in line]
        return (errors or lines or ["it said nothing"])[-1]

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._child is not None:
            self._child.kill()

    def ask_to_stop(self) -> None:
        """Begin a clean stop."""
        if self._child is not None:
            self._child.ask_to_stop()

    def stop(self) -> None:
        """Stop cleanly and wait for it."""
        if self._child is not None:
            self._child.stop()
