"""`fenxiao rebuild` against a deployment that has worked: nothing differs, and whatever is tampered with is named."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from fenxiao_schemas.events import AnyEvent, DayClosed
from fenxiao_schemas.policy import default_policy_text, parse_policy
from fenxiao_schemas.tiers import Tier
from fenxiao_schemas.topics import EVENTS, TIERS, codec_of
from fenxiao_scorer.core import restore, snapshot
from fenxiao_scorer.store import PostgresScorerStore, Snapshot
from fenxiao_tools.errors import ToolError
from fenxiao_tools.feed import Feed
from fenxiao_tools.ingest.items import CloseDay, Source
from fenxiao_tools.ingest.synthetic import open_synthetic
from fenxiao_tools.ingest.synthetic.world import Size
from fenxiao_tools.install import install
from fenxiao_tools.logs import open_logs
from fenxiao_tools.processes import Services
from fenxiao_tools.rebuild import Rebuilt, rebuild, rebuild_as_of
from fenxiao_tools.rebuilding.as_of import tally
from fenxiao_tools.stack import Stack
from support.databases import new_database
from support.random_log import RandomLog, Shape
from support.scorer_run import run
from support.topics import delete_topics

pytestmark = pytest.mark.integration
PARTITIONS = 3
DAYS = 10
WAIT_S = 120.0
SETTINGS = {"FENXIAO_SCORER_SNAPSHOT_EVENTS": "300"}
EASIER = (
    ("\nversion = 1 ", "\nversion = 9 "),
    ("delivered_min = 30", "delivered_min = 1"),
    ("score_bps = 4800", "score_bps = 3000"),
)
TELLS_ALL = ("materiality_bps = 100 ", "materiality_bps = 1 ")
"""So that the last message of each product says what the close found."""

type Spoil = Callable[[asyncpg.Connection], Awaitable[str]]


@pytest.fixture
def source() -> Source:
    return open_synthetic(Size(products=40, days=DAYS, creators=20), seed=11)


@asynccontextmanager
async def worked(stack: Stack, source: Source, tmp_path: Path) -> AsyncIterator[Stack]:
    """A deployment that has taken the whole source; its services have stopped."""
    await delete_topics(stack)
    async with new_database(stack.postgres_dsn) as dsn:
        place = Stack(bootstrap_servers=stack.bootstrap_servers, postgres_dsn=dsn, origin=stack.origin)
        await install(
            place.bootstrap_servers,
            dsn,
            partitions=PARTITIONS,
            first_day=source.first_day,
            utc_offset_minutes=source.utc_offset_minutes,
            currency=source.currency,
            policy_text=default_policy_text(),
            report=lambda _: None,
        )
        services = Services(place, tmp_path, names=("catalog", "scorer"), settings=SETTINGS, report=lambda _: None)
        try:
            services.start()
            async with Feed(place.bootstrap_servers, dsn) as feed:
                for item in source.items():
                    if isinstance(item, CloseDay):
                        await feed.close_day(item.day)
                    else:
                        await feed.send(item)  # type: ignore[arg-type]  # a clean market has nothing else
                await feed.wait_until_caught_up(WAIT_S, lambda _: None)
            rebuilt = await rebuild(place.bootstrap_servers, dsn, compare=True)
            assert rebuilt.comparison is not None
            assert rebuilt.comparison.differing == set(), "also while the services are running"
        finally:
            services.stop()
        yield place


async def test_nothing_differs_and_what_was_tampered_with_is_named(
    stack: Stack, source: Source, tmp_path: Path
) -> None:
    async with worked(stack, source, tmp_path) as place:
        rebuilt = await compared(place)
        assert lines(rebuilt) == []
        assert rebuilt.comparison is not None
        assert rebuilt.comparison.good
        assert rebuilt.comparison.products == 40
        checked = rebuilt.comparison.partitions
        assert sum(each.messages for each in checked) == sum(done.messages for done in rebuilt.progress) > 40
        assert all(each.rebuilt.hexdigest() == each.live.hexdigest() for each in checked)
        assert any(each.snapshot.startswith("equal") for each in checked)
        assert all(done.closes == DAYS for done in rebuilt.progress)
        typed = await asyncio.to_thread(fenxiao, place, "--verify")
        assert (typed.returncode, typed.stdout.splitlines()[-1]) == (0, "40 products, 0 differ"), typed.stderr
        again = await rebuild(place.bootstrap_servers, place.postgres_dsn)
        assert again.fingerprints == rebuilt.fingerprints
        for spoil in (spoil_a_row, drop_a_row, spoil_the_mark, spoil_a_snapshot, tear_a_snapshot):
            expected = await with_connection(place, spoil)
            found = lines(await compared(place))
            assert any(expected in line for line in found), (expected, found)
        assert len(lines(await compared(place))) == 5, "each of them once, and nothing else"
        typed = await asyncio.to_thread(fenxiao, place, "--verify", "--json")
        told = json.loads(typed.stdout)
        assert (typed.returncode, told["differ"], told["good"]) == (1, 5, False), typed.stderr

        await check_as_of(place, source, tmp_path)


async def check_as_of(place: Stack, source: Source, tmp_path: Path) -> None:
    """A past day under another policy gives what a fresh fold of those events under that policy gives."""
    day = source.first_day + DAYS - 4
    file = tmp_path / "easy.toml"
    text = default_policy_text()
    for old, new in (*EASIER, TELLS_ALL):
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text)
    answer = await rebuild_as_of(place.bootstrap_servers, place.postgres_dsn, str(day), policy=file)
    policy = msgspec.structs.replace(parse_policy(file.read_text()), version=1)
    fresh = run(RandomLog(Shape(), await events_until(place, day), {1: policy}))
    last = {message.key.decode(): message.value for messages in fresh.messages for message in messages}
    assert {tier.product_id: worth(tier) for tier in answer.tiers()} == {
        product_id: worth(codec_of(TIERS).decode(value)) for product_id, value in last.items()
    }
    counts = tally(answer.moves())
    assert counts.up > 0
    assert sum(counts.tiers.values()) == sum(counts.tiers_before.values()) == 40

    unchanged = await rebuild_as_of(place.bootstrap_servers, place.postgres_dsn, str(day))
    counts = tally(unchanged.moves())
    assert (counts.up, counts.down, counts.stayed) == (0, 0, 40)
    assert unchanged.published == answer.published

    for wrong, why in ((source.first_day - 1, "before the first"), (source.first_day + DAYS, "not closed yet")):
        with pytest.raises(ToolError, match=why):
            await rebuild_as_of(place.bootstrap_servers, place.postgres_dsn, str(wrong))


def fenxiao(place: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ["--bootstrap-servers", place.bootstrap_servers, "--dsn", place.postgres_dsn]
    command = [sys.executable, "-c", "from fenxiao_tools.cli import main; main()", "rebuild", *where, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def worth(tier: Tier) -> tuple[object, ...]:
    return (tier.policy_version, tier.tier, tier.score_bps, tier.evidence, tier.forces)


async def events_until(place: Stack, day: int) -> list[list[AnyEvent]]:
    """The events of each partition up to the close of a day."""
    async with open_logs(place.bootstrap_servers, [EVENTS]) as reader:
        logs = await reader.read(EVENTS, await reader.ends(EVENTS))
    result: list[list[AnyEvent]] = []
    for log in logs:
        events: list[Any] = codec_of(EVENTS).decode_own_batch(log.bodies)
        end = next(at for at, event in enumerate(events) if isinstance(event, DayClosed) and event.day == day)
        result.append(events[: end + 1])
    return result


async def compared(place: Stack) -> Rebuilt:
    return await rebuild(place.bootstrap_servers, place.postgres_dsn, compare=True)


def lines(rebuilt: Rebuilt) -> list[str]:
    assert rebuilt.comparison is not None
    return [*map(str, rebuilt.comparison.differences), *rebuilt.comparison.lag]


async def with_connection(place: Stack, spoil: Spoil) -> str:
    connection = await asyncpg.connect(place.postgres_dsn)
    try:
        return await spoil(connection)
    finally:
        await connection.close()


async def spoil_a_row(connection: asyncpg.Connection) -> str:
    row = await connection.fetchrow(
        "UPDATE scorer.tier_current SET score_bps = score_bps + 7 WHERE product_id = 'p000003' RETURNING score_bps"
    )
    score = row["score_bps"]
    return f"scorer.tier_current: product p000003, score_bps: {score}, should be {score - 7}"


async def drop_a_row(connection: asyncpg.Connection) -> str:
    await connection.execute("DELETE FROM scorer.tier_current WHERE product_id = 'p000004'")
    return "scorer.tier_current: product p000004, row: nothing, should be tier"


async def spoil_the_mark(connection: asyncpg.Connection) -> str:
    mark = await connection.fetchval("UPDATE scorer.partitions SET mark = mark + 1 WHERE partition = 2 RETURNING mark")
    return f"partition 2, scorer.partitions: mark: {mark}, should be {mark - 1}"


async def spoil_a_snapshot(connection: asyncpg.Connection) -> str:
    """A whole snapshot of another state: its checksum is right."""
    store = PostgresScorerStore()
    kept = (await store.snapshots(connection, 0, 2**40))[0]
    state = restore(kept.content)
    slot = state.products.count - 1
    state.products.facts["price_minor"][slot] += 1
    price, product_id = state.products.facts["price_minor"][slot], state.products.ids.name(slot)
    await connection.execute("DELETE FROM scorer.snapshots WHERE partition = 0")
    await store.save_snapshot(connection, 0, Snapshot(kept.next_offset, snapshot(state)))
    where = f"partition 0, snapshot at offset {kept.next_offset}"
    return f"{where}: product {product_id}, price_minor: {price}, should be {price - 1}"


async def tear_a_snapshot(connection: asyncpg.Connection) -> str:
    offset = await connection.fetchval("SELECT max(next_offset) FROM scorer.snapshots WHERE partition = 1")
    await connection.execute(
        "UPDATE scorer.snapshots SET content = substr(content, 1, length(content) - 9)"
        " WHERE partition = 1 AND next_offset = $1",
        offset,
    )
    return f"partition 1, snapshot at offset {offset}: content: the scorer snapshot's checksum does not match"
