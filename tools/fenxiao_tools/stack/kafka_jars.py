"""Apache Kafka as jars from Maven Central, fetched once per user and shared by all runs; `kafka` runs them."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from fenxiao_tools.stack.kafka_settings import KAFKA_VERSION
from fenxiao_tools.stack.model import Report, StackError
from fenxiao_tools.stack.waiting import Stopwatch, wait_until

CACHE_VARIABLE = "FENXIAO_CACHE_DIR"
# Kafka speaks slf4j 1.7 and brings log4j's core, but not what ties the two together.
LOG4J_VERSION = "2.25.5"
MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
DOWNLOAD_S_MAX = 900.0
PARTIAL_PREFIX = ".partial-"
REASON_PARTS_MAX = 3
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>fenxiao</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
NO_MAVEN = (
    "Kafka's jars are not here yet and Maven, which fetches them, is missing: install it (Debian: apt-get install"
    " maven), or start Docker, or name servers in FENXIAO_KAFKA_BOOTSTRAP_SERVERS and FENXIAO_POSTGRES_DSN"
)


def cache_dir() -> Path:
    """Where downloads are kept between runs."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else platformdirs.user_cache_path("fenxiao")


def kafka_jars(report: Report) -> Path:
    """The directory with Kafka's jars, fetched if need be.

    Raises:
        StackError: They are not there and can't be fetched.
    """
    home = cache_dir()
    jars = home / f"kafka-{KAFKA_VERSION}-log4j-{LOG4J_VERSION}"
    if jars.is_dir():
        return jars
    home.mkdir(parents=True, exist_ok=True)
    with _lock(home / f"{jars.name}.lock", report):
        if not jars.is_dir():
            _fetch_into(home, jars, report)
    return jars


@contextmanager
def _lock(path: Path, report: Report) -> Iterator[None]:
    """Let one process at a time download; the kernel lets go of the lock of one that dies."""

    def taken() -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    with path.open("w") as file:
        if not taken():
            report("another process is downloading Kafka; waiting for it")
            wait_until(taken, timeout_s=DOWNLOAD_S_MAX, what="the other process's download of Kafka")
        yield


def _fetch_into(home: Path, jars: Path, report: Report) -> None:
    """Download beside the goal and rename, so that a download that was cut short is never taken for whole."""
    for leftover in home.glob(f"{PARTIAL_PREFIX}*"):
        shutil.rmtree(leftover)
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError(NO_MAVEN)
    report(f"downloading Apache Kafka {KAFKA_VERSION} (about 45 MB, kept in {home})")
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix=PARTIAL_PREFIX, dir=home) as work:
        _run_maven(maven, Path(work))
        (Path(work) / "libs").rename(jars)
    report(f"downloaded Kafka in {stopwatch}")


def _run_maven(maven: str, work: Path) -> None:
    (work / "pom.xml").write_text(POM)
    # Strict checksums: a damaged jar fails here and not as a riddle inside the broker.
    command = [
        maven,
        "-B",
        "-q",
        "-Dstyle.color=never",
        "--strict-checksums",
        MAVEN_GOAL,
        "-DoutputDirectory=libs",
        "-DincludeScope=runtime",
    ]
    try:
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=DOWNLOAD_S_MAX, check=False)  # noqa: S603 - our own pom
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Kafka's download did not end within {DOWNLOAD_S_MAX:g} s") from error
    if done.returncode != 0:
        raise StackError(f"Kafka's jars could not be downloaded: {_reason(done.stdout + done.stderr)}")


def _reason(output: str) -> str:
    """What failed and its root: Maven prints the whole chain of causes in one line, parted by colons."""
    errors = [line for line in output.splitlines() if "[ERROR]" in line] or ["mvn said nothing"]
    chain = errors[0].partition("[ERROR]")[2].partition(" -> [Help")[0].strip().split(": ") or errors
    return ": ".join(chain if len(chain) <= REASON_PARTS_MAX else [chain[0], *chain[1 - REASON_PARTS_MAX :]])
