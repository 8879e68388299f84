"""The tiers topic against the oracle: every message that is there, byte for byte, and the last one of every product.

The topic is compacted and a record may be there twice: a (product, revision) is the same each time, an older revision
may be gone if a newer one is there, and each message's digest of the one before vouches for what is gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fenxiao_oracle import Expected
from fenxiao_schemas.codec import Rejected
from fenxiao_schemas.tiers import Tier
from fenxiao_schemas.topics import TIERS, codec_of
from fenxiao_tools.logs import PartitionLog

DIFFERENCES_MAX: Final = 5
"""So many are described; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One product's: what is wrong, and the fields that differ, a line each."""

    product_id: str
    what: str
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Comparison:
    """What was compared.

    Attributes:
        products: How many products there are, here or there.
        messages: How many messages were compared.
        compacted: How many older ones are gone.
        newer: Messages of events that came after we looked.
        differing: The products that differ.
        differences: The first few of them.
        lag: What the scorer has not published yet, a line each.
    """

    products: int = 0
    messages: int = 0
    compacted: int = 0
    newer: int = 0
    differing: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)
    lag: list[str] = field(default_factory=list)

    def differs(self, product_id: str, what: str, fields: Sequence[str] = ()) -> None:
        """Note a difference; a product counts once."""
        if product_id not in self.differing and len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(Difference(product_id, what, tuple(fields)))
        self.differing.add(product_id)


def compare_tiers(expected: Sequence[Expected], topic: Sequence[PartitionLog]) -> Comparison:
    """Hold what is in the tiers topic against what must be there."""
    result = Comparison()
    for number, (must, log) in enumerate(zip(expected, topic, strict=True)):
        _Partition(number, must, result).compare(log)
    return result


class _Partition:
    def __init__(self, number: int, expected: Expected, result: Comparison) -> None:
        self._number, self._expected, self._result = number, expected, result
        self._must: dict[bytes, list[bytes]] = {}
        self._seq_of_last: dict[bytes, int] = {}
        for seq, (key, body) in enumerate(expected.messages, start=1):
            self._must.setdefault(key, []).append(body)
            self._seq_of_last[key] = seq
        self._found: dict[tuple[bytes, int], bytes] = {}
        self._keys: set[bytes] = set()
        self._last_seq = 0

    def compare(self, log: PartitionLog) -> None:
        codec = codec_of(TIERS)
        for key, body in zip(log.keys, log.bodies, strict=True):
            message = codec.decode_batch([body])[0]
            if isinstance(message, Rejected) or key is None or body is None:
                self._result.differs(
                    (key or b"?").decode(errors="replace"), f"a record of partition {self._number} can't be read"
                )
            else:
                self._take(key, body, message)
        for key in self._must:
            self._check_last(key)
        self._result.products += len(self._keys | self._must.keys())
        held = len({(key, revision) for key, revision in self._found if revision <= len(self._must.get(key, ()))})
        if not self._result.lag:
            self._result.compacted += len(self._expected.messages) - held

    def _take(self, key: bytes, body: bytes, message: Tier) -> None:
        product_id, revision = message.product_id, message.revision
        self._last_seq = max(self._last_seq, message.seq)
        before = self._found.setdefault((key, revision), body)
        must = self._must.get(key, [])
        if key != product_id.encode():
            self._result.differs(product_id, f"its key is {key!r}")
        elif before != body:
            self._result.differs(
                product_id, f"revision {revision} is there twice, with different content", list(_fields(before, body))
            )
        elif revision <= len(must):
            self._result.messages += 1
            if must[revision - 1] != body:
                self._result.differs(product_id, f"revision {revision}", list(_fields(must[revision - 1], body)))
        elif message.as_of_seq > self._expected.as_of_seq:
            self._result.newer += 1
            return
        else:
            self._result.differs(product_id, f"revision {revision} should not be: the last one is {len(must)}")
        self._keys.add(key)

    def _check_last(self, key: bytes) -> None:
        if (key, len(self._must[key])) in self._found:
            return
        product_id, revision, seq = key.decode(), len(self._must[key]), self._seq_of_last[key]
        if seq < self._last_seq:
            self._result.differs(product_id, f"its last revision, {revision}, is missing")
        elif not any(line.startswith(self._lag()) for line in self._result.lag):
            missing = len(self._expected.messages) - self._last_seq
            self._result.lag.append(f"{self._lag()}: {missing} messages are still to come")

    def _lag(self) -> str:
        return f"the scorer is behind in partition {self._number}"


def _fields(expected: bytes, found: bytes) -> Iterator[str]:
    """The fields that differ, by their path."""
    must, have = dict(_flat(msgspec.json.decode(expected))), dict(_flat(msgspec.json.decode(found)))
    for path in must | have:
        if must.get(path) != have.get(path):
            yield f"{path}: {have.get(path)!r}, should be {must.get(path)!r}"
    if must == have:
        yield "the same values, encoded otherwise"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _flat(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            name = part["name"] if isinstance(part, dict) and "name" in part else number
            yield from _flat(part, f"{path}[{name}]")
    else:
        yield path, value
