"""The products of a partition as a struct of arrays: their facts, and what was decided and published of them.

Facts are set one by one, in the order of the events; everything else is read and written in columns. `state` comes next.
"""

from typing import Any, Final

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, grown, packed, unpacked
from fenxiao_scorer.core.cells import SLOTS_MAX
from fenxiao_scorer.core.errors import CapacityError

NEVER: Final = -(1 << 30)
"""A violation's day when there was none."""
ALWAYS: Final = 1 << 30
"""An authority's last day when it has none."""
DIGEST_BYTES: Final = 16

_COLUMNS: Final[dict[str, tuple[Any, int]]] = {
    "category": (np.int32, 0),
    "price_minor": (np.int64, 0),
    "authority": (np.int8, 1),
    "authority_until_day": (np.int32, ALWAYS),
    "authority_fallback": (np.int8, 1),
    "listed": (np.bool_, 0),
    "held": (np.bool_, 0),
    "minor_day": (np.int32, NEVER),
    "serious_day": (np.int32, NEVER),
    "open_commission_bps": (np.int32, -1),
    "tier": (np.int8, 0),
    "closed": (np.int8, 0),
    "below": (np.int16, 0),
    "best": (np.int8, 0),
    "revision": (np.int64, 0),
    "published_tier": (np.int8, 0),
    "published_evidence": (np.int8, 0),
    "published_rights": (np.int32, 0),
    "published_score": (np.int32, 0),
}


class Products:
    """A slot per product. The columns are longer than `count`; `open_commission_bps` is -1 without an open plan."""

    category: AnyArray
    price_minor: AnyArray
    authority: AnyArray
    authority_until_day: AnyArray
    authority_fallback: AnyArray
    listed: AnyArray
    held: AnyArray
    minor_day: AnyArray
    serious_day: AnyArray
    open_commission_bps: AnyArray
    tier: AnyArray
    closed: AnyArray
    below: AnyArray
    best: AnyArray
    revision: AnyArray
    published_tier: AnyArray
    published_evidence: AnyArray
    published_rights: AnyArray
    published_score: AnyArray

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.slots: dict[str, int] = {}
        self.digests = bytearray()
        self._capacity = 0
        for name, (kind, fill) in _COLUMNS.items():
            setattr(self, name, np.full(0, fill, kind))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ids)

    def add(self, product_id: str) -> int:
        """The slot of a new product."""
        slot = len(self.ids)
        if slot == SLOTS_MAX:
            raise CapacityError(f"product {product_id!r} is one more than the {SLOTS_MAX} that a partition can hold")
        self.ids.append(product_id)
        self.slots[product_id] = slot
        self.digests.extend(bytes(DIGEST_BYTES))
        if slot >= self._capacity:
            self._grow()
        return slot

    def _grow(self) -> None:
        for name, (_, fill) in _COLUMNS.items():
            setattr(self, name, grown(getattr(self, name), self.count, fill))
        self._capacity = len(self.tier)

    def digest(self, slot: int) -> bytes:
        """The digest of the product's last message."""
        return bytes(self.digests[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES])

    def set_digest(self, slot: int, digest: bytes) -> None:
        """Remember the digest of the product's newest message."""
        self.digests[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES] = digest

    def dump(self) -> dict[str, Any]:
        """For a snapshot."""
        columns = {name: packed(getattr(self, name)[: self.count]) for name in _COLUMNS}
        return {"ids": self.ids, "digests": bytes(self.digests), "columns": columns}

    @classmethod
    def load(cls, parts: dict[str, Any]) -> "Products":
        """From a snapshot."""
        products = cls()
        products.ids = parts["ids"]
        products.slots = {product_id: slot for slot, product_id in enumerate(products.ids)}
        products.digests = bytearray(parts["digests"])
        for name in _COLUMNS:
            setattr(products, name, unpacked(parts["columns"][name]))
        products._capacity = products.count
        return products
