"""Both servers as containers, when a Docker engine answers and has or gets the images.

testcontainers' own Kafka container knows only Confluent's image, so Apache's is run by a small class here.
"""

import contextlib
import logging

from docker.client import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from fenxiao_tools.stack.kafka_probe import serves
from fenxiao_tools.stack.kafka_settings import KAFKA_VERSION, as_environment, new_cluster_id, settings
from fenxiao_tools.stack.model import Report, Stack, StackError, UnavailableError
from fenxiao_tools.stack.waiting import Stopwatch, wait_until

KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE = "postgres:18"
KAFKA_PORT = 9092
CONTROLLER_PORT = 9094
ENGINE_S_MAX = 5
# The longest silence of a pull, not its length: a layer is unpacked without a word.
PULL_SILENCE_S_MAX = 120
READY_S_MAX = 120.0
ADDRESS_FILE = "/tmp/advertised"  # noqa: S108 - inside the container, which is ours alone
# The broker must advertise an address that is known only once the container runs: it waits until it is told.
START_SCRIPT = (
    f"until [ -s {ADDRESS_FILE} ]; do sleep 0.1; done;"
    f' export KAFKA_ADVERTISED_LISTENERS="$(cat {ADDRESS_FILE})"; exec /etc/kafka/docker/run'
)


class KafkaContainer(DockerContainer):
    """Apache's image as one KRaft node, set up as `kafka_settings` says."""

    def __init__(self) -> None:
        super().__init__(KAFKA_IMAGE)
        self.with_command(["sh", "-c", START_SCRIPT])
        values = settings(
            listeners=f"PLAINTEXT://0.0.0.0:{KAFKA_PORT},CONTROLLER://127.0.0.1:{CONTROLLER_PORT}",
            advertised="",
            controller=f"127.0.0.1:{CONTROLLER_PORT}",
            log_dir="/tmp/kafka-data",  # noqa: S108 - as above
        )
        self.with_envs(**as_environment(values), CLUSTER_ID=new_cluster_id())
        self.with_exposed_ports(KAFKA_PORT)

    def tell_address(self) -> tuple[str, int]:
        """Let the broker start under the address that leads to it from here."""
        host, port = self.get_container_host_ip(), int(self.get_exposed_port(KAFKA_PORT))
        self.exec(["sh", "-c", f"echo PLAINTEXT://{host}:{port} > {ADDRESS_FILE}"])
        return host, port


class Containers:
    """Two containers, removed at stop, with their volumes."""

    def __init__(self, *, report: Report) -> None:
        self._report = report
        self._started: list[DockerContainer] = []

    def start(self) -> Stack:
        """Start both.

        Raises:
            UnavailableError: No engine answers, or an image can't be had.
            StackError: A container does not come up.
        """
        # Its lines are for its authors; what matters is reported here.
        logging.getLogger("testcontainers").setLevel(logging.ERROR)
        _prepare_engine(self._report)
        self._report("starting Kafka and PostgreSQL in containers")
        stopwatch = Stopwatch()
        try:
            stack = self._start_both()
        except (DockerException, TimeoutError) as error:
            raise StackError(f"a container of the stack did not come up: {error}") from error
        self._report(f"Kafka and PostgreSQL serve after {stopwatch}")
        return stack

    def _start_both(self) -> Stack:
        kafka = KafkaContainer()
        self._started.append(kafka)
        kafka.start()
        host, port = kafka.tell_address()
        postgres = PostgresContainer(POSTGRES_IMAGE, username="postgres", dbname="postgres", driver=None)
        self._started.append(postgres)
        postgres.start()
        wait_until(lambda: serves(host, port), timeout_s=READY_S_MAX, what="Kafka's container")
        return Stack(
            bootstrap_servers=f"{host}:{port}",
            postgres_dsn=f"{postgres.get_connection_url()}?sslmode=disable",
            origin="containers",
        )

    def stop(self) -> None:
        """Remove both."""
        while self._started:
            self._started.pop().stop()


def _prepare_engine(report: Report) -> None:
    """Look for an engine and the images, so that a machine without them falls through to processes at once."""
    try:
        with contextlib.closing(DockerClient.from_env(timeout=ENGINE_S_MAX)) as client:
            client.ping()
    except (DockerException, OSError) as error:
        raise UnavailableError("no Docker engine answers") from error
    with contextlib.closing(DockerClient.from_env(timeout=PULL_SILENCE_S_MAX)) as client:
        for image in (KAFKA_IMAGE, POSTGRES_IMAGE):
            _have_image(client, image, report)
        if not testcontainers_config.ryuk_disabled:
            try:
                _have_image(client, testcontainers_config.ryuk_image, report)
            except UnavailableError:
                # The reaper only cleans up after a killed run; the stack works without it.
                testcontainers_config.ryuk_disabled = True


def _have_image(client: DockerClient, image: str, report: Report) -> None:
    try:
        client.images.get(image)
    except ImageNotFound:
        report(f"pulling the image {image}")
    else:
        return
    try:
        client.images.pull(image)
    except (APIError, DockerException, OSError) as error:
        raise UnavailableError(f"a Docker engine answers, but the image {image} can't be had") from error
