"""Fills `ReportData` from Kafka (what is so now) and PostgreSQL (what was so on each day); the queries are in `queries.sql`.

Of compacted topics the highest revision of a key counts, as the table of topics asks of every reader.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec
from asyncpg import Connection
from asyncpg.exceptions import PostgresError

from fenxiao_runtime.queries import load_queries
from fenxiao_schemas.codec import Codec, Rejected
from fenxiao_schemas.events import CreatorRegistered, ProductRegistered
from fenxiao_schemas.policy import parse_policy
from fenxiao_schemas.topics import EVENTS, INVITATIONS, OUTCOMES, RECOMMENDATIONS, TIERS, Topic, codec_of
from fenxiao_tools.connect import postgres
from fenxiao_tools.errors import ToolError
from fenxiao_tools.install import read_deployment
from fenxiao_tools.report.data import ReportData, TierChange
from fenxiao_tools.report.topic import read_bodies

QUERIES = load_queries("fenxiao_tools.report", schema="scorer", file="queries.sql")
NAMED = (b'{"type":"product_registered"', b'{"type":"creator_registered"')
"""How the events begin that carry a name: the codec writes the tag first. All others are skipped unread."""


async def read_report(
    bootstrap_servers: str,
    postgres_dsn: str,
    *,
    source: str = "",
    notes: Iterable[str] = (),
    report: Callable[[str], None] = lambda _line: None,
) -> ReportData:
    """Read all that a report shows.

    Args:
        bootstrap_servers: Kafka's, as aiokafka takes them.
        postgres_dsn: A libpq URL.
        source: Where the commands came from, in words.
        notes: Further lines for the header.
        report: Takes one line of progress at a time.

    Raises:
        ToolError: A server can't be reached, or Fenxiao is not installed there.
    """
    async with postgres(postgres_dsn) as connection:
        deployment = await read_deployment(connection)
        if deployment is None:
            raise ToolError("nothing is installed in this database: fenxiao install")
        changes, floors = await _read_changes(connection), await _read_floors(connection)
    report(f"{len(changes):,} changes of tier")
    topics = _Topics(bootstrap_servers, deployment.partitions)
    tiers = await topics.latest(TIERS, lambda message: message.product_id)
    titles, creators = await topics.names()
    report(f"{len(tiers):,} products with a tier, {len(creators):,} creators")
    statuses, refusals = await topics.outcomes()
    made = await topics.latest(RECOMMENDATIONS, lambda message: message.creator_id)
    invited = await topics.latest(INVITATIONS, lambda message: message.product_id)
    report(f"{len(made):,} lists of goods for people, {len(invited):,} of people for goods")
    return ReportData(
        source=source,
        changes=changes,
        tiers=tiers,
        titles=titles,
        creators=creators,
        recommendations=[made[key] for key in sorted(made)],
        invitations=[invited[key] for key in sorted(invited)],
        outcomes=statuses,
        refusals=refusals,
        l5_floors_bps=floors,
        notes=tuple(notes),
    )


async def _read_changes(connection: Connection) -> list[TierChange]:
    try:
        rows = await connection.fetch(QUERIES["tier_history"])
    except PostgresError as error:
        raise ToolError(f"the history of tiers can't be read (is Fenxiao installed there?): {error}") from error
    return [TierChange(**dict(row)) for row in rows]


async def _read_floors(connection: Connection) -> tuple[int, ...]:
    """What the newest policy asks for L5."""
    try:
        content = await connection.fetchval(QUERIES["newest_policy"])
    except PostgresError as error:
        raise ToolError(f"the policy can't be read (is Fenxiao installed there?): {error}") from error
    return parse_policy(content).tiers.l5.floors() if content else ()


class _Topics:
    """What the topics of one deployment say."""

    def __init__(self, bootstrap_servers: str, partitions: int) -> None:
        self._servers, self._partitions = bootstrap_servers, partitions

    async def latest(self, topic: Topic, key_of: Callable[[Any], str]) -> dict[str, Any]:
        """The highest revision of each key of a compacted topic of ours."""
        latest: dict[str, Any] = {}
        async for message in self._read(topic):
            known = latest.get(key_of(message))
            if known is None or known.revision < message.revision:
                latest[key_of(message)] = message
        return latest

    async def outcomes(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many commands had each status, and each reason among the refused."""
        statuses, refusals = Counter[str](), Counter[str]()
        async for outcome in self._read(OUTCOMES):
            statuses[outcome.status] += 1
            refusals[outcome.reason] += outcome.status == "refused"
        return dict(statuses), dict(+refusals)

    async def names(self) -> tuple[dict[str, str], dict[str, str]]:
        """Titles by product, names by creator: those registered last."""
        titles: dict[str, str] = {}
        creators: dict[str, str] = {}
        decoder = msgspec.json.Decoder(ProductRegistered | CreatorRegistered)
        async for bodies in read_bodies(self._servers, EVENTS, self._partitions):
            for event in (decoder.decode(body) for body in bodies if body.startswith(NAMED)):
                if isinstance(event, ProductRegistered):
                    titles[event.product_id] = event.title
                else:
                    creators[event.creator_id] = event.name
        return titles, creators

    async def _read(self, topic: Topic) -> AsyncIterator[Any]:
        codec: Codec[Any] = codec_of(topic)
        async for bodies in read_bodies(self._servers, topic, self._partitions):
            for message in codec.decode_own_batch(bodies):
                if isinstance(message, Rejected):
                    raise ToolError(f"{topic.name} holds a record that can't be read: {message.error}")
                yield message
