"""Holds the live state against the rebuilt one: tier messages, current tiers, snapshots and positions. No I/O.

What the fold publishes is compared as it comes (`watch`), a snapshot when the fold is where it was taken (`at_snapshot`),
and the rest at the end (`finish`). The topic is compacted: older messages may be gone, but what is there must be equal.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import msgspec

from fenxiao_scorer.core import Portrait, ScorerState, Step, restore
from fenxiao_scorer.core.fingerprint import Facet
from fenxiao_tools.rebuilding.folding import Look, Progress
from fenxiao_tools.rebuilding.kafka import Records
from fenxiao_tools.rebuilding.live import Live, Row

DIFFERENCES_MAX: Final = 10
"""So many are described; all are counted."""


class _Head(msgspec.Struct):
    seq: int
    product_id: str


_HEADS: Final = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what is there and what should be.

    Attributes:
        product_id: Whose it is; empty if it is no product's.
    """

    where: str
    product_id: str
    field: str
    found: Any
    expected: Any

    def __str__(self) -> str:
        whose = f"product {self.product_id}, " if self.product_id else ""
        return f"{self.where}: {whose}{self.field}: {_shown(self.found)}, should be {_shown(self.expected)}"


@dataclass(slots=True)
class Found:
    """A partition's tier messages as Kafka has them.

    Attributes:
        bodies: Of those that are committed, by `seq`, until they have been compared.
        last_seq: Of the last record that was read.
        newer: The products that were published since.
    """

    bodies: dict[int, bytes] = field(default_factory=dict)
    last_seq: int = 0
    newer: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Checked:
    """What was compared of a partition.

    Attributes:
        messages: How many messages were equal or not, but there.
        compacted: How many older ones are gone.
        pending: Messages that are committed but not in Kafka yet, by `seq`.
        snapshot: A word on the snapshot.
    """

    messages: int = 0
    compacted: int = 0
    pending: dict[int, bytes] = field(default_factory=dict)
    snapshot: str = "none"
    rebuilt: Any = field(default_factory=hashlib.sha256)
    live: Any = field(default_factory=hashlib.sha256)


class Comparison:
    """The live state against what a rebuild says.

    Attributes:
        partitions: What was compared, by partition.
        differing: What differs: products, and of a partition what is no product's.
        differences: The first few of them.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self.found = [Found() for _ in live.positions]
        self.partitions = [Checked() for _ in live.positions]
        self.differing: set[str] = set()
        self.differences: list[Difference] = []
        self._said: dict[str, Row] = {}
        self._last: list[dict[bytes, tuple[int, bool]]] = [{} for _ in live.positions]
        for number, offset, why in live.torn:
            self._differs(number, f"snapshot at offset {offset}", "", "content", why, "a whole snapshot")

    @property
    def products(self) -> int:
        """How many products have been published."""
        return len(self._said)

    @property
    def lag(self) -> list[str]:
        """What is committed but cannot be read yet, a line each."""
        return [
            f"partition {number}: {len(each.pending):,} messages are committed, but not in Kafka yet"
            for number, each in enumerate(self.partitions)
            if each.pending
        ]

    @property
    def good(self) -> bool:
        """Whether everything is there and equal."""
        return not self.differing and not self.lag

    # What Kafka has

    def file(self, partition: int, records: Records) -> None:
        """Take in records of the tiers topic, before the fold."""
        found, committed = self.found[partition], self._live.positions[partition].tier_seq
        for offset, body, head in self._heads(partition, records):
            found.last_seq = max(found.last_seq, head.seq)
            if head.seq > committed:
                found.newer.add(head.product_id)
            elif found.bodies.setdefault(head.seq, body) != body:
                self._differs(partition, f"offset {offset}", head.product_id, "seq", f"{head.seq} a second time", "new")

    def catch_up(self, partition: int, records: Records) -> None:
        """Take in records that came after that, for messages that were not there yet."""
        pending = self.partitions[partition].pending
        for _, body, head in self._heads(partition, records):
            if head.seq in pending:
                self._compare(partition, head.seq, pending.pop(head.seq), body)

    def _heads(self, partition: int, records: Records) -> Iterator[tuple[int, bytes, _Head]]:
        for offset, body in zip(records.offsets, records.values, strict=True):
            try:
                yield offset, body or b"", _HEADS.decode(body or b"")
            except msgspec.MsgspecError as error:
                self._differs(partition, f"scorer.tiers at offset {offset}", "", "record", str(error), "a tier message")

    # The fold

    def watch(self, partition: int, step: Step) -> None:
        """Compare what a step publishes, and remember who changed tier."""
        found, checked, last = self.found[partition], self.partitions[partition], self._last[partition]
        for seq, key, value in zip(count(step.first_seq), step.keys, step.values, strict=False):
            body = found.bodies.pop(seq, None)
            last[key] = seq, body is not None
            if body is not None:
                self._compare(partition, seq, value, body)
            elif seq > found.last_seq:
                checked.pending[seq] = value
            else:
                checked.compacted += 1
        rows = step.rows
        columns = (rows.revisions, rows.days, rows.tiers, rows.scores, rows.evidences)
        self._said.update(zip(rows.product_ids, map(Row, *columns), strict=True))

    def _compare(self, partition: int, seq: int, expected: bytes, found: bytes) -> None:
        checked = self.partitions[partition]
        checked.messages += 1
        checked.rebuilt.update(expected)
        checked.live.update(found)
        if expected == found:
            return
        must, have = dict(_flat(msgspec.json.decode(expected))), dict(_flat(msgspec.json.decode(found)))
        where = f"scorer.tiers, seq {seq}"
        fields = [name for name in must | have if must.get(name) != have.get(name)]
        for name in fields:
            self._differs(partition, where, must["product_id"], name, have.get(name), must.get(name))
        if not fields:
            self._differs(partition, where, must["product_id"], "encoding", found.decode(), expected.decode())

    def at_snapshot(self, partition: int) -> Look:
        """Compares the state on the way with the snapshot that was taken there."""

        def look(state: ScorerState) -> None:
            kept = self._live.snapshots[partition]
            if kept is None:
                return
            rebuilt, restored = Portrait(state), Portrait(restore(kept.content))
            equal = rebuilt.digest() == restored.digest()
            self.partitions[partition].snapshot = f"{'equal' if equal else 'DIFFERS'} at offset {kept.next_offset:,}"
            if not equal:
                for product_id, name, found, expected in _apart(restored, rebuilt):
                    where = f"snapshot at offset {kept.next_offset}"
                    self._differs(partition, where, product_id, name, found, expected)

        return look

    # The end

    def finish(self, states: list[ScorerState], progress: list[Progress]) -> None:
        """Compare positions and current tiers, and see whether each product's last message is there."""
        for number, (position, state, done) in enumerate(zip(self._live.positions, states, progress, strict=True)):
            if not position.step and state.last_event_seq != position.mark:
                self._differs(number, "scorer.partitions", "", "mark", position.mark, state.last_event_seq)
            if done.messages != position.tier_seq:
                self._differs(number, "scorer.partitions", "", "out_seqs", position.tier_seq, done.messages)
            self._check_rest(number)
        self._check_rows()

    def _check_rest(self, number: int) -> None:
        found = self.found[number]
        for seq, body in found.bodies.items():
            product_id = _HEADS.decode(body).product_id
            self._differs(number, "scorer.tiers", product_id, "seq", seq, "no message")
        for key, (seq, there) in self._last[number].items():
            product_id = key.decode()
            if not there and seq <= found.last_seq and product_id not in found.newer:
                self._differs(number, "scorer.tiers", product_id, f"seq {seq}, its last message", None, "there")

    def _check_rows(self) -> None:
        rows = self._live.rows
        for product_id in sorted(rows.keys() | self._said.keys()):
            found, expected = rows.get(product_id), self._said.get(product_id)
            if found == expected:
                continue
            if found is None or expected is None:
                self._differs(None, "scorer.tier_current", product_id, "row", found, expected)
                continue
            for name in Row.__slots__:
                have, must = getattr(found, name), getattr(expected, name)
                if have != must:
                    self._differs(None, "scorer.tier_current", product_id, name, have, must)

    def _differs(
        self, partition: int | None, where: str, product_id: str, name: str, found: Any, expected: Any
    ) -> None:
        if partition is not None:
            where = f"partition {partition}, {where}"
        self.differing.add(product_id or f"{where}: {name}")
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(Difference(where, product_id, name, found, expected))


def _apart(found: Portrait, expected: Portrait) -> Iterator[tuple[str, str, Any, Any]]:
    """Where two states differ: the product, the field, and both values."""
    have, must = found.plain(), expected.plain()
    yield from (("", name, have[name], must[name]) for name in must if have[name] != must[name])
    theirs = {facet.name: facet for facet in found.facets()}
    for facet in expected.facets():
        yield from _entries_apart(facet.name, _entries(found, theirs.pop(facet.name, None)), expected.entries(facet))
    for name, facet in theirs.items():
        yield from _entries_apart(name, found.entries(facet), {})


def _entries(portrait: Portrait, facet: Facet | None) -> dict[tuple[str, str], Any]:
    return {} if facet is None else portrait.entries(facet)


def _entries_apart(
    name: str, have: dict[tuple[str, str], Any], must: dict[tuple[str, str], Any]
) -> Iterator[tuple[str, str, Any, Any]]:
    if have == must:
        return
    for key in must | have:
        if have.get(key) != must.get(key):
            product_id, about = key
            yield product_id, f"{name}: {about}" if about else name, have.get(key), must.get(key)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The plain values of a message by their paths."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _flat(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            name = part["name"] if isinstance(part, dict) and "name" in part else number
            yield from _flat(part, f"{path}[{name}]")
    else:
        yield path, value


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Row):
        return f"tier {value.tier}, {value.score_bps}, {value.evidence}, revision {value.revision}"
    return "nothing" if value is None else str(value)
