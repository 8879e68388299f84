"""The vocabulary of fields: bounded types that every message is made of. `commands` and `events` come next.

Money is an int in minor units, time an int in epoch milliseconds (`*_ms`), a rate an int in basis points (`*_bps`), a
business day an int (`*_day`: days since 1970-01-01 in the deployment's own UTC offset). Every string and number has a
bound, because a bound is the only thing that keeps a hostile message from becoming a large one.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

ID_LENGTH_MAX = 64
TEXT_LENGTH_MAX = 200
MONEY_MINOR_MAX = 10**12
QUANTITY_MAX = 1_000_000
VIEWS_MAX = 10**10
TIME_MS_MAX = 4_102_444_800_000  # 2100-01-01
DAY_MAX = 47_482  # the same, in days
BPS_MAX = 10_000
COMMISSION_BPS_MAX = 9_000
REVISION_MAX = 2**53 - 1  # what a JSON reader in any language holds exactly

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH_MAX, pattern=r"^[A-Za-z0-9._:-]+$(?!\n)")]
"""An identifier that someone else chose: ASCII letters, digits and `._:-`. (Python's `$` alone would let a last newline by.)"""
Ref = Annotated[str, Meta(max_length=ID_LENGTH_MAX)]
"""An identifier that the catalog has let in already, so that readers need not match it again."""
Text = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX, pattern=r"^[^\u0000]*$")]
Category = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[a-z0-9_-]+(/[a-z0-9_-]+){0,3}$(?!\n)")]
"""A path of at most four parts, the widest first: `home/kitchen/knives`. The parent is the path less its last part."""
Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$")]

TimeMs = Annotated[int, Meta(ge=0, le=TIME_MS_MAX)]
Day = Annotated[int, Meta(ge=0, le=DAY_MAX)]
MoneyMinor = Annotated[int, Meta(ge=0, le=MONEY_MINOR_MAX)]
PriceMinor = Annotated[int, Meta(ge=1, le=MONEY_MINOR_MAX)]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
QuantityOrNone = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
Views = Annotated[int, Meta(ge=0, le=VIEWS_MAX)]
Stars = Annotated[int, Meta(ge=1, le=5)]
Bps = Annotated[int, Meta(ge=0, le=BPS_MAX)]
CommissionBps = Annotated[int, Meta(ge=0, le=COMMISSION_BPS_MAX)]
TierNumber = Annotated[int, Meta(ge=0, le=5)]
Partition = Annotated[int, Meta(ge=0, le=9_999)]
Offset = Annotated[int, Meta(ge=0, le=REVISION_MAX)]
Seq = Annotated[int, Meta(ge=1, le=REVISION_MAX)]
Revision = Annotated[int, Meta(ge=1, le=REVISION_MAX)]
Version = Annotated[int, Meta(ge=1, le=1_000_000)]


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="type"):
    """The base of every message: flat, tagged by `type`, immutable, defaults left out on the wire."""


def snake_case(name: str) -> str:
    """`RecordSale` -> `record_sale`: a message's tag is its class name in snake case."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
