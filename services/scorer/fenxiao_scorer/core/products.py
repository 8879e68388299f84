"""The products of a partition: a record each, of their facts and of what was decided and published. `state` comes next."""

from typing import Any, Final, NamedTuple

import numpy as np

from fenxiao_scorer.core.arrays import AnyArray, Ints, grown, packed, unpacked
from fenxiao_scorer.core.tables import DIGEST_BYTES, FACTS, FRESH
from fenxiao_scorer.core.texts import Texts, TextTable

ID_BYTES_MAX: Final = 255


class ProductTable(NamedTuple):
    """What compiled code needs of them; `touched` holds the slots touched since the last control record, each once."""

    facts: AnyArray
    ids: TextTable
    touched: AnyArray
    touched_count: Ints


class Products:
    """A slot per product; all arrays are longer than there are products.

    Attributes:
        ids: Their ids; a slot is an id's number.
        facts: A record of `tables.FACTS` each.
        digests: Of the last message of each.
    """

    def __init__(self) -> None:
        self.ids = Texts()
        self.facts: AnyArray = np.zeros(0, FACTS)
        self.digests: AnyArray = np.zeros((0, DIGEST_BYTES), np.uint8)
        self._touched: AnyArray = np.zeros(0, np.int32)
        self._touched_count = np.zeros(1, np.int64)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ids)

    def reserve(self, more: int, id_bytes: int) -> None:
        """Make room for so many more products, whose ids have so many bytes in all."""
        self.ids.reserve(more, id_bytes)
        room = self.count + more
        self.facts = grown(self.facts, room, _FRESH)
        self.digests, self._touched = grown(self.digests, room, 0), grown(self._touched, room, 0)

    @property
    def table(self) -> ProductTable:
        """As compiled code takes it; of no use after the next `reserve`."""
        return ProductTable(self.facts, self.ids.table, self._touched, self._touched_count)

    def take_touched(self) -> Ints:
        """The slots touched since the last time, each once, in rising order."""
        slots = np.sort(self._touched[: self._touched_count[0]]).astype(np.int64)
        self._touched_count[0] = 0
        self.facts["touched"][slots] = False
        return slots

    def dump(self) -> dict[str, Any]:
        """For a snapshot."""
        n = self.count
        touched = packed(self._touched[: self._touched_count[0]].copy())
        facts = {name: packed(self.facts[name][:n].copy()) for name in FACTS.names or ()}
        return {
            "ids": self.ids.dump(),
            "facts": facts,
            "digests": packed(self.digests[:n].ravel().copy()),
            "touched": touched,
        }

    @classmethod
    def load(cls, parts: dict[str, Any]) -> "Products":
        """From a snapshot."""
        products = cls()
        products.ids = Texts.load(parts["ids"])
        n = products.count
        products.facts = np.full(n, _FRESH, FACTS)
        for name in FACTS.names or ():
            products.facts[name] = unpacked(parts["facts"][name])
        products.digests = unpacked(parts["digests"]).reshape(n, DIGEST_BYTES)
        touched = unpacked(parts["touched"])
        products._touched = np.zeros(n, np.int32)
        products._touched[: len(touched)] = touched
        products._touched_count[0] = len(touched)
        return products


def _fresh() -> Any:
    record = np.zeros((), FACTS)
    for name, value in FRESH.items():
        record[name] = value
    return record


_FRESH: Final = _fresh()
