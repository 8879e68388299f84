"""The state as bytes and back: a versioned format with a checksum. A restored state goes on byte for byte."""

import hashlib
from typing import Any, Final

import msgspec
import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core.arrays import packed, unpacked
from fenxiao_scorer.core.categories import Categories
from fenxiao_scorer.core.cells import Pairs, Prices
from fenxiao_scorer.core.curves import Curves
from fenxiao_scorer.core.errors import SnapshotError
from fenxiao_scorer.core.products import Products
from fenxiao_scorer.core.state import ScorerState
from fenxiao_scorer.core.windows import Counters

FORMAT: Final = 1
"""Raise it with any change of what is dumped; an older snapshot is then refused and the log replayed."""
_MAGIC: Final = b"fenxiao-scorer-state\x00"
_VERSION_BYTES: Final = 4
_SUM_BYTES: Final = 32
_PLAIN: Final = ("partition", "first_day", "open_day", "dispatch_day", "last_event_seq", "tier_seq", "curves_day")


def snapshot(state: ScorerState) -> bytes:
    """The whole state: magic, version, SHA-256 of the body, body."""
    body = msgspec.msgpack.encode(_parts(state))
    return _MAGIC + FORMAT.to_bytes(_VERSION_BYTES, "big") + hashlib.sha256(body).digest() + body


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
    return _loaded(msgspec.msgpack.decode(body))


def _parts(state: ScorerState) -> dict[str, Any]:
    count = state.products.count
    state.grow()
    touched = np.concatenate([np.zeros(0, np.int64), *state.touched]).astype(np.int64)
    return {
        "plain": [getattr(state, name) for name in _PLAIN],
        "policy": _encoded(state.policy),
        "policies": {version: _encoded(policy) for version, policy in sorted(state.supplied_policies.items())},
        "curves": None if state.curves is None else state.curves.dump(),
        "supplied": {day: curves.dump() for day, curves in sorted(state.supplied_curves.items())},
        "rights": state.rights,
        "products": state.products.dump(),
        "categories": state.categories.paths,
        "creators": list(state.creators)[1:],
        "counters": state.counters.dump(count),
        "pairs": state.pairs.dump(),
        "prices": state.prices.dump(),
        "touched": packed(touched),
    }


def _loaded(parts: dict[str, Any]) -> ScorerState:
    state = ScorerState(0)
    for name, value in zip(_PLAIN, parts["plain"], strict=True):
        setattr(state, name, value)
    state.rights = [(public, private, label, *flags) for public, private, label, *flags in parts["rights"]]
    state.products = Products.load(parts["products"])
    state.categories = Categories.load(parts["categories"])
    for number, creator in enumerate(parts["creators"]):
        state.creators[creator] = number
    state.counters = Counters.load(parts["counters"])
    state.pairs = Pairs.load(parts["pairs"], state.products.count)
    state.prices = Prices.load(parts["prices"], state.products.count)
    state.touched = [unpacked(parts["touched"])]
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
