"""The state as bytes and back: a versioned, compressed format with a checksum. A restored state goes on byte for byte."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import cramjam
import msgspec

from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.cells import Cells
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.errors import SnapshotError
from fenxiao_scorer.core.products import Products
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.texts import Texts
from fenxiao_scorer.core.windows import Counters

FORMAT: Final = 2
"""Raise it with any change of what is dumped; an older snapshot is then refused and the log replayed."""
_MAGIC: Final = b"fenxiao-scorer-state\x00"
_VERSION_BYTES: Final = 4
_SUM_BYTES: Final = 32
_LENGTH_BYTES: Final = 8
_LEVEL: Final = 1
_PLAIN: Final = ("partition", "first_day", "open_day", "dispatch_day", "last_event_seq", "tier_seq", "curves_day")


class Captured:
    """A state as of one moment, which does not change when the state does; to be encoded later, by any thread."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts

    def encode(self) -> bytes:
        """Magic, version, SHA-256 of the rest; the rest are the parts, compressed, each behind its length.

        The GIL is held for a part at a time at the most.
        """
        body = bytearray()
        for name, part in self._parts.items():
            packed = cramjam.zstd.compress(msgspec.msgpack.encode([name, part]), level=_LEVEL)
            body += len(packed).to_bytes(_LENGTH_BYTES, "big")
            body += packed
        return b"".join((_MAGIC, FORMAT.to_bytes(_VERSION_BYTES, "big"), hashlib.sha256(body).digest(), body))


def capture(state: ScorerState) -> Captured:
    """Copy what may change; the ledgers' runs never do."""
    counters = state.counters.dump(state.products.count)
    return Captured(
        {
            "plain": [getattr(state, name) for name in _PLAIN],
            "policy": _encoded(state.policy),
            "policies": {version: _encoded(policy) for version, policy in sorted(state.supplied_policies.items())},
            "curves": None if state.curves is None else state.curves.dump(),
            "supplied": {day: curves.dump() for day, curves in sorted(state.supplied_curves.items())},
            "rights": list(state.rights),
            "products": state.products.dump(),
            "categories": state.categories.dump(),
            "creators": state.creators.dump(),
            "counters": counters,
            "pairs": state.pairs.dump(),
            "prices": state.prices.dump(),
        }
    )


def snapshot(state: ScorerState) -> bytes:
    """The whole state, at once."""
    return capture(state).encode()


def restore(data: bytes) -> ScorerState:
    """The state that was dumped; raises `SnapshotError` for anything torn or of another version."""
    head = len(_MAGIC) + _VERSION_BYTES
    if data[: len(_MAGIC)] != _MAGIC or len(data) < head + _SUM_BYTES:
        raise SnapshotError("not a scorer snapshot, or cut short within its head")
    version = int.from_bytes(data[len(_MAGIC) : head], "big")
    if version != FORMAT:
        raise SnapshotError(f"a scorer snapshot of format {version}, where this scorer reads {FORMAT}")
    body = memoryview(data)[head + _SUM_BYTES :]
    if hashlib.sha256(body).digest() != data[head : head + _SUM_BYTES]:
        raise SnapshotError("the scorer snapshot's checksum does not match: it is torn or was changed")
    return _loaded(dict(_parts(body)))


def _parts(body: memoryview) -> Iterator[tuple[str, Any]]:
    at = 0
    while at < len(body):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(body[at:start], "big")
        name, part = msgspec.msgpack.decode(bytes(cramjam.zstd.decompress(body[start:at])))
        yield name, part


def _loaded(parts: dict[str, Any]) -> ScorerState:
    state = ScorerState(0)
    for name, value in zip(_PLAIN, parts["plain"], strict=True):
        setattr(state, name, value)
    state.rights = [(public, private, label, *flags) for public, private, label, *flags in parts["rights"]]
    state.products = Products.load(parts["products"])
    state.categories = Categories.load(parts["categories"])
    state.creators = Texts.load(parts["creators"])
    state.counters = Counters.load(parts["counters"])
    state.pairs = Cells.load(parts["pairs"], state.products.facts, are_prices=False)
    state.prices = Cells.load(parts["prices"], state.products.facts, are_prices=True)
    state.curves = None if parts["curves"] is None else Curves.load(parts["curves"])
    state.supplied_curves = {day: Curves.load(curves) for day, curves in parts["supplied"].items()}
    state.supplied_policies = {version: _policy(text) for version, text in parts["policies"].items()}
    if parts["policy"] is not None:
        state.set_policy(_policy(parts["policy"]))
    return state


def _encoded(policy: Policy | None) -> bytes | None:
    return None if policy is None else msgspec.json.encode(policy)


def _policy(text: bytes) -> Policy:
    return msgspec.json.decode(text, type=Policy)
