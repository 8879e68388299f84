"""A made-up market: what the public sets lack, in any size, the same for the same seed, byte for byte.

`world` draws who takes part and how good each product is; `campaigns` plans what merchants and the platform do to the
products; `orders` makes each day's sales and what follows from them, `fraud` the fake ones, `views` the views; `disorder`
then does to the tidy stream what real senders do: late, early, repeated, wrong. `market` runs the days.
"""

from fenxiao_tools.ingest.items import Source
from fenxiao_tools.ingest.synthetic.market import items
from fenxiao_tools.ingest.synthetic.world import CURRENCY, FIRST_DAY, UTC_OFFSET_MINUTES, Size

__all__ = ["FIRST_DAY", "Size", "open_synthetic"]


def open_synthetic(size: Size, *, seed: int, poison: bool = False) -> Source:
    """A market.

    Args:
        size: How large, and from when on.
        seed: Equal seeds and sizes make equal markets.
        poison: Add a few records that are no commands at all.
    """
    return Source(
        name="synthetic market",
        first_day=size.first_day,
        last_day=size.first_day + size.days - 1,
        utc_offset_minutes=UTC_OFFSET_MINUTES,
        currency=CURRENCY,
        rows=None,
        items=lambda: items(size, seed, poison=poison),
    )
