"""`verify` on a small deployment's logs, made by the real catalog in memory; then with one fault seeded at a time."""

import copy
import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from rich.console import Console

from fenxiao_oracle import expected_tiers
from fenxiao_schemas import commands as c
from fenxiao_schemas.codec import encode
from fenxiao_schemas.events import Barrier, SaleRecorded
from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.topics import COMMANDS, EVENTS, OUTCOMES, TIERS, codec_of
from fenxiao_tools.logs import PartitionLog, TopicLog
from fenxiao_tools.verify import VerifyReport, check_logs
from fenxiao_tools.verifying.show import as_json, show
from support.catalog_world import PARTITIONS, MemoryCatalog, at

POLICIES = {1: default_policy()}
Logs = dict[str, TopicLog]
Fault = Callable[[Logs], None]


def a_product(product: str) -> list[c.Command]:
    common: dict[str, Any] = {"product_id": product, "at_ms": at()}
    return [
        c.RegisterProduct(
            command_id=f"{product}-r", merchant_id="m", category="home/bath", title="杯", price_minor=900,
            currency="CNY", **common,
        ),
        c.ListProduct(command_id=f"{product}-l", **common),
        c.ListProduct(command_id=f"{product}-l", **common),  # a duplicate
        c.ListProduct(command_id=f"{product}-m", **common),  # refused: no change
    ]  # fmt: skip


def a_sale(product: str, line: str, quantity: int = 2) -> c.RecordSale:
    return c.RecordSale(
        command_id=f"s-{line}", product_id=product, order_id="o", order_line_id=line, quantity=quantity,
        paid_minor=quantity * 800, currency="CNY", creator_id="c", at_ms=at(),
    )  # fmt: skip


def a_refund(product: str, line: str, refund: str) -> c.RecordRefund:
    return c.RecordRefund(
        command_id=f"r-{refund}", product_id=product, order_line_id=line, refund_id=refund, quantity=1,
        amount_minor=800, at_ms=at(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Logs:
    """Six products with sales, a refund that waited for its sale, one that still waits, and an unreadable record."""
    import asyncio

    async def make() -> Logs:
        catalog = MemoryCatalog()
        for number in range(6):
            product = f"p{number}"
            catalog.send(*a_product(product))
            catalog.send(a_refund(product, f"{product}-0", f"{product}-early"))
            catalog.send(*(a_sale(product, f"{product}-{n}") for n in range(4)))
            catalog.send(a_refund(product, f"{product}-1", f"{product}-1"), a_refund(product, "no", f"{product}-no"))
        catalog.send(*(c.HoldProduct(command_id=f"h{n}", product_id=f"p{n}", at_ms=at()) for n in range(6)))
        catalog.send_raw(0, b"k", b"{")
        await catalog.close_day(0)
        await catalog.settle(0)
        topics = (COMMANDS, OUTCOMES, EVENTS)
        return {
            topic.name: [log_of(catalog.broker.values(topic.name, p)) for p in range(PARTITIONS)] for topic in topics
        }

    logs = asyncio.run(make())
    decode = codec_of(EVENTS).decode
    events = [[decode(body or b"") for body in log.bodies] for log in logs[EVENTS.name]]
    logs[TIERS.name] = []
    for messages in expected_tiers(events, POLICIES):
        log = log_of([body for _, body in messages])
        log.keys = [key for key, _ in messages]
        logs[TIERS.name].append(log)
    return logs


def log_of(bodies: list[Any]) -> PartitionLog:
    count = len(bodies)
    return PartitionLog(start=0, end=count, offsets=list(range(count)), keys=[b"k"] * count, bodies=list(bodies))


@pytest.fixture
def logs(made: Logs) -> Logs:
    return copy.deepcopy(made)


def check(logs: Logs) -> VerifyReport:
    return check_logs(logs, POLICIES)


def remove(log: PartitionLog, index: int) -> None:
    for column in (log.offsets, log.keys, log.bodies):
        del column[index]


def insert(log: PartitionLog, index: int, key: bytes | None, body: bytes | None) -> None:
    log.keys.insert(index, key)
    log.bodies.insert(index, body)
    log.offsets = list(range(len(log.bodies)))
    log.end = len(log.bodies)


def index_of(log: PartitionLog, text: bytes) -> int:
    return next(n for n, body in enumerate(log.bodies) if text in (body or b""))


def longest(logs: Logs, topic: str) -> PartitionLog:
    """The partition with the most records, which has sales and revisions."""
    return max(logs[topic], key=lambda log: len(log.bodies))


def renumbered(log: PartitionLog, codec: Any) -> None:
    """The seqs anew, as if the writer itself had lost or doubled the record."""
    decoded = [codec.decode(body) for body in log.bodies]
    log.bodies = [encode(msgspec.structs.replace(each, seq=seq)) for seq, each in enumerate(decoded, start=1)]


def test_good_logs_are_good(logs: Logs) -> None:
    report = check(logs)
    assert report.good, (report.problems, report.books.problems, report.lag, report.comparison.differences)
    assert str(report) == "6 products, 0 differ"
    books = report.books
    assert (books.commands, books.duplicates, books.parked) == (6 * 12 + 1, 6, 6)
    assert books.refused == {"no_change": 6, "unreadable": 1}
    assert books.asked == books.booked
    assert (books.asked["sales"].count, books.asked["refunds"].quantity) == (24, 12)


def lost_sale_event(logs: Logs) -> None:
    log = longest(logs, EVENTS.name)
    remove(log, index_of(log, b'"sale_recorded"'))


def lost_sale_event_renumbered(logs: Logs) -> None:
    """The catalog forgot it: no gap, and only the books can tell."""
    log = longest(logs, EVENTS.name)
    remove(log, index_of(log, b'"sale_recorded"'))
    renumbered(log, codec_of(EVENTS))


def doubled_sale_event(logs: Logs) -> None:
    log = longest(logs, EVENTS.name)
    index = index_of(log, b'"sale_recorded"')
    insert(log, index, log.keys[index], log.bodies[index])
    renumbered(log, codec_of(EVENTS))


def doubled_sale_command_and_event(logs: Logs) -> None:
    """The same line sold twice, each with a command and an outcome: the ids are no longer unique."""
    number = next(n for n, log in enumerate(logs[EVENTS.name]) if log is longest(logs, EVENTS.name))
    log = logs[EVENTS.name][number]
    decode = codec_of(EVENTS).decode
    event = next(e for e in map(decode, (b or b"" for b in log.bodies)) if isinstance(e, SaleRecorded))
    commands, outcomes = logs[COMMANDS.name][number], logs[OUTCOMES.name][number]
    command = next(
        b for b in commands.bodies if event.order_line_id.encode() in (b or b"") and b"record_sale" in (b or b"")
    )
    outcome = next(b for b in outcomes.bodies if f'"s-{event.order_line_id}"'.encode() in (b or b""))
    last = len(log.bodies) + 1
    insert(log, len(log.bodies), b"k", encode(msgspec.structs.replace(event, seq=last)))
    insert(commands, len(commands.bodies), b"k", command)
    again = msgspec.structs.replace(
        codec_of(OUTCOMES).decode(outcome or b""), seq=len(outcomes.bodies) + 1, offset=commands.end - 1, event_seq=last
    )
    insert(outcomes, len(outcomes.bodies), b"k", encode(again))


def changed_money(logs: Logs) -> None:
    log = longest(logs, EVENTS.name)
    index = index_of(log, b'"sale_recorded"')
    log.bodies[index] = (log.bodies[index] or b"").replace(b'"paid_minor":1600', b'"paid_minor":1601')


def missing_outcome(logs: Logs) -> None:
    log = longest(logs, OUTCOMES.name)
    remove(log, 3)


def missing_outcome_renumbered(logs: Logs) -> None:
    log = longest(logs, OUTCOMES.name)
    remove(log, 3)
    renumbered(log, codec_of(OUTCOMES))


def second_first_outcome(logs: Logs) -> None:
    log = longest(logs, OUTCOMES.name)
    insert(log, 3, b"k", log.bodies[2])
    renumbered(log, codec_of(OUTCOMES))


def outcome_of_no_command(logs: Logs) -> None:
    log = longest(logs, COMMANDS.name)
    del log.offsets[3], log.keys[3], log.bodies[3]


def answer_to_another(logs: Logs) -> None:
    log = longest(logs, OUTCOMES.name)
    body = log.bodies[3] or b""
    log.bodies[3] = body.replace(b'"command_id":"', b'"command_id":"x')


def released_what_never_waited(logs: Logs) -> None:
    log = longest(logs, OUTCOMES.name)
    index = index_of(log, b'"parked"')
    log.bodies[index] = (log.bodies[index] or b"").replace(b'"parked"', b'"refused"')


def event_again_with_other_content(logs: Logs) -> None:
    log = longest(logs, EVENTS.name)
    index = index_of(log, b'"sale_recorded"')
    insert(log, index + 1, b"k", (log.bodies[index] or b"").replace(b'"paid_minor":1600', b'"paid_minor":1601'))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lost_sale_event, "was due"),
        (lost_sale_event_renumbered, "and became event"),
        (doubled_sale_event, "is among sales twice"),
        (doubled_sale_command_and_event, "is among sales twice"),
        (changed_money, "minor=1600), and became event"),
        (missing_outcome, "was due"),
        (missing_outcome_renumbered, "has no outcome"),
        (second_first_outcome, "more than one first outcome"),
        (outcome_of_no_command, "does not exist"),
        (answer_to_another, "is answered under the id 'x"),
        (released_what_never_waited, "was refused, then accepted"),
        (event_again_with_other_content, "came twice, with different content"),
    ],
)
def test_a_fault_in_the_books_is_told(logs: Logs, fault: Fault, told: str) -> None:
    fault(logs)
    report = check(logs)
    assert not report.good
    assert told in "\n".join([*report.problems, *report.books.problems])


def changed_byte(log: PartitionLog) -> None:
    log.bodies[0] = (log.bodies[0] or b"").replace(b'"score_bps":4', b'"score_bps":3', 1)


def other_encoding(log: PartitionLog) -> None:
    log.bodies[0] = (log.bodies[0] or b"").replace(b'"seq":1,', b'"seq": 1,')


def lost_last_revision(log: PartitionLog) -> None:
    """Of the first product whose last message is not the log's last: that would look as if it were to come."""
    last = {key: index for index, key in enumerate(log.keys)}
    remove(log, min(last.values()))


def twice_with_other_content(log: PartitionLog) -> None:
    insert(log, 1, log.keys[0], (log.bodies[0] or b"").replace(b'"day":2', b'"day":3'))


def one_revision_too_many(log: PartitionLog) -> None:
    tier = codec_of(TIERS).decode(log.bodies[-1] or b"")
    extra = msgspec.structs.replace(tier, revision=tier.revision + 1, seq=tier.seq + 1)
    insert(log, len(log.bodies), log.keys[-1], encode(extra))


def unknown_product(log: PartitionLog) -> None:
    tier = codec_of(TIERS).decode(log.bodies[-1] or b"")
    insert(log, len(log.bodies), b"z", encode(msgspec.structs.replace(tier, product_id="z", revision=1)))


def wrong_key(log: PartitionLog) -> None:
    log.keys[0] = b"other"


def tombstone(log: PartitionLog) -> None:
    insert(log, len(log.bodies), log.keys[0], None)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (changed_byte, "revision 1"),
        (other_encoding, "revision 1"),
        (lost_last_revision, "is missing"),
        (twice_with_other_content, "is there twice"),
        (one_revision_too_many, "should not be"),
        (unknown_product, "should not be"),
        (wrong_key, "its key is"),
        (tombstone, "can't be read"),
    ],
)
def test_a_tier_that_differs_is_told(logs: Logs, fault: Callable[[PartitionLog], None], told: str) -> None:
    fault(longest(logs, TIERS.name))
    report = check(logs)
    assert report.differ == 1
    assert not report.good
    assert told in report.comparison.differences[0].what


def test_a_difference_is_described_field_by_field(logs: Logs) -> None:
    changed_byte(longest(logs, TIERS.name))
    (difference,) = check(logs).comparison.differences
    assert [line.split(":")[0] for line in difference.fields] == ["score_bps"]
    assert "should be" in difference.fields[0]


def test_what_kafka_may_do_is_no_difference(logs: Logs) -> None:
    """Records sent twice by a relay that crashed, and older revisions compacted away."""
    for topic in (EVENTS, OUTCOMES, TIERS):
        log = longest(logs, topic.name)
        for index in (2, 3):
            insert(log, index + 2, log.keys[index], log.bodies[index])
    log = longest(logs, TIERS.name)
    newest = {key: index for index, key in enumerate(log.keys)}
    keep = sorted(newest.values())
    gone = len(set(log.bodies)) - len(keep)
    assert gone
    log.keys, log.bodies = [log.keys[n] for n in keep], [log.bodies[n] for n in keep]
    report = check(logs)
    assert report.good, (report.problems, report.books.problems, report.lag, report.comparison.differences)
    assert report.comparison.compacted == gone
    assert report.repeats == 4


def test_a_scorer_that_is_behind_is_no_difference_but_not_good(logs: Logs) -> None:
    log = longest(logs, TIERS.name)
    del log.keys[-2:], log.bodies[-2:], log.offsets[-2:]
    report = check(logs)
    assert report.differ == 0
    assert not report.good
    assert "2 messages are still to come" in report.lag[0]


def test_a_catalog_that_is_behind_is_no_fault_but_not_good(logs: Logs) -> None:
    """Neither outcomes nor events of the last commands are there yet."""
    for log in logs[COMMANDS.name]:
        insert(log, len(log.bodies), b"k", log.bodies[0])
    report = check(logs)
    assert report.books.balanced
    assert report.books.unanswered == PARTITIONS
    assert not report.good


def test_messages_of_later_events_are_left_alone(logs: Logs) -> None:
    """The tiers' end is pinned last, so the scorer may have gone on."""
    log = longest(logs, TIERS.name)
    tier = codec_of(TIERS).decode(log.bodies[-1] or b"")
    later = msgspec.structs.replace(tier, revision=tier.revision + 1, seq=tier.seq + 1, as_of_seq=10_000)
    insert(log, len(log.bodies), log.keys[-1], encode(later))
    report = check(logs)
    assert report.good
    assert report.comparison.newer == 1


def test_expired_commands_are_not_missed(logs: Logs) -> None:
    """Commands and outcomes are kept for a month, the events for ever."""
    for topic in (COMMANDS, OUTCOMES):
        for log in logs[topic.name]:
            half = len(log.bodies) // 2
            for column in (log.offsets, log.keys, log.bodies):
                del column[:half]
            log.start = half
    report = check(logs)
    assert report.books.balanced, report.books.problems
    assert not report.problems


def test_a_broken_events_log_verifies_nothing(logs: Logs) -> None:
    log = longest(logs, EVENTS.name)
    log.bodies[0] = encode(Barrier(seq=1))
    report = check(logs)
    assert "the calendar starts at seq 1" in report.problems[0]
    assert report.differ == report.products == 6


def test_what_is_printed(logs: Logs) -> None:
    changed_byte(longest(logs, TIERS.name))
    changed_money(logs)
    report = check(logs)
    out = io.StringIO()
    show(report, Console(file=out, width=200))
    lines = out.getvalue().splitlines()
    assert lines[-1] == str(report)
    assert "should be" in out.getvalue()
    assert "no_change" in out.getvalue()
    values = json.loads(json.dumps(as_json(report)))
    assert values["good"] is False
    assert values["differ"] == report.differ
    assert values["books"]["balanced"] is False
