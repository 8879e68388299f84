"""The parts of `fenxiao rebuild` without servers: the fold in lockstep, what is compared, past days, and the error lines."""

import dataclasses
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import AnyEvent, DayClosed
from fenxiao_schemas.policy import default_policy_text
from fenxiao_schemas.topics import TIERS, codec_of
from fenxiao_scorer.core import fingerprint, read_events, snapshot
from fenxiao_tools.errors import ToolError
from fenxiao_tools.rebuild import Rebuilt, check_closed, day_number, rebuild_as_of
from fenxiao_tools.rebuilding.as_of import AsOf, Move, tally
from fenxiao_tools.rebuilding.comparing import Comparison
from fenxiao_tools.rebuilding.folding import Half, Progress, Rebuild
from fenxiao_tools.rebuilding.kafka import Records, new_events
from fenxiao_tools.rebuilding.live import Kept, Live, Position, Row, instead
from fenxiao_tools.rebuilding.show import as_of_json, rebuilt_json, show_as_of, show_rebuilt
from support.random_log import RandomLog, Shape, random_log
from support.scorer_run import Run, days_of, events_of, run

PLACE = ("--bootstrap-servers", "127.0.0.1:1", "--dsn", "postgresql://me:secret@127.0.0.1:1/none")
SHAPE = Shape(partitions=3, products=15, creators=4, days=5, actions_per_day=50)


def in_pieces(log: RandomLog, size: int) -> list[tuple[int, Sequence[AnyEvent]]]:
    """A stretch of each partition in turn; the first partition comes whole, long before the others."""
    first, *others = log.partitions
    pieces = [(0, first)]
    for start in range(0, max(map(len, others)), size):
        pieces += [(number, events[start : start + size]) for number, events in enumerate(others, start=1)]
    return [(number, events) for number, events in pieces if events]


def test_partitions_wait_for_each_others_days_and_nothing_else() -> None:
    log = random_log(1, SHAPE)
    expected = run(log)
    said: list[list[bytes]] = [[] for _ in log.partitions]
    folded = Rebuild(3, log.policies.__getitem__, watch=lambda number, step: said[number].extend(step.values))
    pieces = in_pieces(log, 17)
    for number, events in pieces:
        folded.take(number, events_of(events))
    assert said == [[message.value for message in messages] for messages in expected.messages]
    assert [fingerprint(state) for state in folded.states] == [fingerprint(state) for state in expected.states]
    assert [done.messages for done in folded.progress] == [len(messages) for messages in expected.messages]
    assert [done.events for done in folded.progress] == [len(events) for events in log.partitions]
    assert not any(folded.waits(number) for number in range(3))


def test_a_partition_whose_neighbours_never_close_waits() -> None:
    log = random_log(1, SHAPE)
    folded = Rebuild(3, log.policies.__getitem__)
    folded.take(0, events_of(log.partitions[0]))
    assert folded.waits(0)
    assert not folded.wants(0)
    assert folded.progress[0].closes == 1


def test_what_a_relay_sent_twice_is_folded_once() -> None:
    bodies = [encode(event) for event in random_log(1, SHAPE).partitions[0][:30]]
    sent = [*bodies[:9], *bodies[4:20], *bodies[2:30]]
    events, offsets = new_events(Records(list(range(len(sent))), list(sent)), 3, "here")
    assert events.seqs.tolist() == list(range(4, 31))
    assert len(offsets) == len(events)
    with pytest.raises(ToolError, match="here, offset 71 can't be read"):
        new_events(Records([70, 71], [bodies[0], b"{"]), 0, "here")


# Compared with what is live


def live_of(log: RandomLog, result: Run, **changes: object) -> Live:
    """The tables as they are when everything is committed."""
    rows = {
        product_id: Row(*values)
        for each in result.rows
        for product_id, *values in zip(
            each.product_ids, each.revisions, each.days, each.tiers, each.scores, each.evidences, strict=True
        )
    }
    values = {
        "first_day": log.shape.first_day,
        "closed_day": None,
        "policies": log.policies,
        "positions": [
            Position(next_offset=len(events), mark=len(events), tier_seq=len(messages))
            for events, messages in zip(log.partitions, result.messages, strict=True)
        ],
        "snapshots": [
            Kept(len(events), snapshot(state)) for events, state in zip(log.partitions, result.states, strict=True)
        ],
        "rows": rows,
        **changes,
    }
    return Live(**values)  # type: ignore[arg-type]


def compare(log: RandomLog, live: Live, topic: Sequence[Sequence[bytes]]) -> Comparison:
    comparison = Comparison(live)
    for number, bodies in enumerate(topic):
        comparison.file(number, Records(list(range(len(bodies))), list(bodies)))
    folded = Rebuild(len(topic), live.policy, watch=comparison.watch)
    for number, events in enumerate(log.partitions):
        folded.take(number, events_of(events))
    for number in range(len(topic)):
        folded.take(number, comparison.at_snapshot(number))
    comparison.finish(folded.states, folded.progress)
    return comparison


def topic_of(result: Run) -> list[list[bytes]]:
    return [[message.value for message in messages] for messages in result.messages]


@pytest.fixture(scope="module")
def log() -> RandomLog:
    return random_log(2, SHAPE)


@pytest.fixture(scope="module")
def result(log: RandomLog) -> Run:
    return run(log)


def test_all_equal(log: RandomLog, result: Run) -> None:
    found = compare(log, live_of(log, result), topic_of(result))
    assert found.good, [str(each) for each in found.differences]
    assert sum(each.messages for each in found.partitions) == sum(map(len, result.messages))
    assert all(each.snapshot.startswith("equal") for each in found.partitions)


def test_a_compacted_topic_with_repeats_is_equal_as_far_as_it_goes(log: RandomLog, result: Run) -> None:
    topic = []
    for messages in result.messages:
        last = {message.key: message.value for message in messages}
        kept = [message.value for message in messages if last[message.key] == message.value]
        topic.append([*kept[:3], *kept[1:]])
    found = compare(log, live_of(log, result), topic)
    assert found.good, [str(each) for each in found.differences]
    assert sum(each.compacted for each in found.partitions) == sum(map(len, result.messages)) - len(found_ids(result))


def found_ids(result: Run) -> set[bytes]:
    return {message.key for messages in result.messages for message in messages}


def test_a_changed_message_is_named_by_its_fields(log: RandomLog, result: Run) -> None:
    topic = topic_of(result)
    tier = codec_of(TIERS).decode(topic[1][5])
    topic[1][5] = encode(msgspec.structs.replace(tier, score_bps=tier.score_bps ^ 1))
    found = compare(log, live_of(log, result), topic)
    where = f"partition 1, scorer.tiers, seq 6: product {tier.product_id}"
    assert [str(each) for each in found.differences] == [
        f"{where}, score_bps: {tier.score_bps ^ 1}, should be {tier.score_bps}"
    ]
    assert found.partitions[1].live.hexdigest() != found.partitions[1].rebuilt.hexdigest()
    assert found.partitions[0].live.hexdigest() == found.partitions[0].rebuilt.hexdigest()


def test_a_missing_last_message_differs_and_one_on_its_way_is_late(log: RandomLog, result: Run) -> None:
    topic = topic_of(result)
    messages = result.messages[0]
    last = {message.key: message for message in messages}
    gone = next(message for message in last.values() if message.seq < len(messages))
    without = [[body for body in topic[0] if body != gone.value], *topic[1:]]
    found = compare(log, live_of(log, result), without)
    assert [each.product_id for each in found.differences] == [gone.key.decode()]

    late = compare(log, live_of(log, result), [topic[0][:-2], *topic[1:]])
    assert late.differing == set()
    assert late.lag == ["partition 0: 2 messages are committed, but not in Kafka yet"]
    late.catch_up(0, Records([0, 1], list(topic[0][-2:])))
    assert late.good


def test_what_was_published_since_is_left_alone(log: RandomLog, result: Run) -> None:
    """The log as far as the scorer had committed it, and a topic that has gone on."""
    until = [len(list(chain.from_iterable(days_of(events)[:3]))) for events in log.partitions]
    before = RandomLog(
        log.shape, [events[:end] for events, end in zip(log.partitions, until, strict=True)], log.policies
    )
    found = compare(before, live_of(before, run(before)), topic_of(result))
    assert found.good, [str(each) for each in found.differences]


def test_a_record_of_which_some_steps_are_committed() -> None:
    """The scorer died in the middle of a close: what it has published of it is there, and the rest is not expected."""
    log = random_log(4, Shape(partitions=3, products=60, days=6, actions_per_day=150))
    result = run(log)
    *others, events = log.partitions
    counts = Counter(codec_of(TIERS).decode(message.value).as_of_seq for message in result.messages[2])
    close = next(at for at, event in enumerate(events) if isinstance(event, DayClosed) and counts[event.seq] > 2)
    said: list[bytes] = []
    folded = Rebuild(3, log.policies.__getitem__, watch=lambda n, step: said.extend(step.values) if n == 2 else None)
    for number, each in enumerate(others):
        folded.take(number, events_of(each))
    folded.take(2, events_of(events[:close]))
    before = len(said)
    folded.take(2, Half(events_of(events[close : close + 1]), 2, 1))
    assert len(said) == before + 2
    assert said == [message.value for message in result.messages[2][: before + 2]]
    assert folded.is_done(2)


# A past day


def test_a_past_day_tells_every_product_as_it_is(log: RandomLog) -> None:
    """As a fold of the days until then would have it whose policy publishes every move."""
    day = log.shape.first_day + 2
    policy = log.policies[2]
    answer = AsOf(day)
    for folded in (folds := answer.folds(3, log.policies.__getitem__, instead(policy))):
        for number, events in enumerate(log.partitions):
            folded.take(number, read_events([encode(event) for event in events]))
    assert all(folded.is_done(number) for folded in folds for number in range(3))

    until = RandomLog(log.shape, [until_close(events, day) for events in log.partitions], log.policies)
    published = {m.key: m.value for messages in run(until).messages for m in messages}
    assert answer.published == published
    fine = msgspec.structs.replace(policy, tiers=msgspec.structs.replace(policy.tiers, materiality_bps=1))
    one = {version: msgspec.structs.replace(fine, version=version) for version in log.policies}
    last = {m.key: m.value for messages in run(RandomLog(log.shape, until.partitions, one)).messages for m in messages}
    expected = [codec_of(TIERS).decode(body) for _, body in sorted(last.items())]
    assert [(t.product_id, t.tier, t.score_bps, t.evidence, t.forces) for t in answer.tiers()] == [
        (t.product_id, t.tier, t.score_bps, t.evidence, t.forces) for t in expected
    ]
    assert len(answer.moves()) == len(published)

    shown = printed(lambda console: show_as_of(answer, 3, console))
    assert "As of the close of day 20002 (2024-10-06)" in shown
    assert f"{len(published)} products: " in shown.splitlines()[-1]
    told = json.loads(json.dumps(as_of_json(answer)))
    assert [product["product_id"] for product in told["products"]] == sorted(key.decode() for key in published)
    assert set(told["products"][0]) == {"product_id", "tier", "score_bps", "evidence", "forces"}


def printed(show: Callable[[Console], None]) -> str:
    out = io.StringIO()
    show(Console(file=out, width=200))
    return out.getvalue()


def test_a_rebuild_is_shown_with_what_differs(log: RandomLog, result: Run) -> None:
    rows = live_of(log, result).rows
    product_id = min(rows)
    live = live_of(log, result, rows=rows | {product_id: dataclasses.replace(rows[product_id], tier=9)})
    comparison = compare(log, live, topic_of(result))
    rebuilt = Rebuilt([Progress(1000, 5, 30, 0.1)] * 3, ["ab" * 32] * 3, comparison)
    *_, difference, last = printed(lambda console: show_rebuilt(rebuilt, console)).splitlines()
    assert difference.startswith(f"  scorer.tier_current: product {product_id}, tier: 9, should be ")
    assert last == f"{len(rows)} products, 1 differ"
    told = rebuilt_json(rebuilt)
    assert (told["good"], told["differ"], told["partitions"][0]["events_per_s"]) == (False, 1, 10_000)
    plain = printed(lambda console: show_rebuilt(Rebuilt(rebuilt.progress, rebuilt.fingerprints), console))
    assert "differ" not in plain
    assert "abababab" in plain


def until_close(events: Sequence[AnyEvent], day: int) -> list[AnyEvent]:
    end = next(at for at, event in enumerate(events) if isinstance(event, DayClosed) and event.day == day)
    return list(events[: end + 1])


def test_moves_are_counted() -> None:
    moves = [Move("a", 1, 3, 10, 30), Move("b", 5, 4, 90, 80), Move("c", 2, 2, 20, 20), Move("d", 1, 3, 0, 1)]
    counts = tally(moves)
    assert (counts.up, counts.down, counts.stayed) == (2, 1, 1)
    assert counts.tiers == {0: 0, 1: 0, 2: 1, 3: 2, 4: 1, 5: 0}
    assert counts.tiers_before == {0: 0, 1: 2, 2: 1, 3: 0, 4: 0, 5: 1}


def test_days_and_what_is_none() -> None:
    assert day_number("1970-01-02") == day_number("1") == 1
    assert day_number("2026-03-31") == 20543
    for text in ("31.3.2026", "2026-02-30", "-4", "", "yesterday"):
        with pytest.raises(ToolError, match="is no day: say it as YYYY-MM-DD"):
            day_number(text)
    check_closed(11, 10, 11)
    with pytest.raises(ToolError, match=r"day 9 \(1970-01-10\) is before the first one, 10 \(1970-01-11\)"):
        check_closed(9, 10, 11)
    with pytest.raises(ToolError, match=r"day 12 \(1970-01-13\) is not closed yet: the last closed one is 11"):
        check_closed(12, 10, 11)
    with pytest.raises(ToolError, match="is not closed yet: no day is"):
        check_closed(10, 10, None)


async def test_a_policy_file_with_an_error_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(default_policy_text().replace("neutral_bps = 5000", "neutral_bps = -1"))
    with pytest.raises(ToolError, match=r"mine\.toml: .*neutral_bps"):
        await rebuild_as_of("nowhere:1", "postgresql://nowhere", "20000", policy=file)


def fenxiao(*arguments: str) -> subprocess.CompletedProcess[str]:
    start = "from fenxiao_tools.cli import main; main()"
    command = [sys.executable, "-c", start, "rebuild", *PLACE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_the_command_line_says_what_does_not_go_together() -> None:
    assert fenxiao("--policy", "x.toml").returncode == 2
    assert fenxiao("--verify", "--as-of", "3").returncode == 2
    assert last_line(fenxiao("--as-of", "soon")).startswith("fenxiao: 'soon' is no day")
    line = last_line(fenxiao("--verify"))
    assert line.startswith("fenxiao: PostgreSQL can't be reached")
    assert "secret" not in line
