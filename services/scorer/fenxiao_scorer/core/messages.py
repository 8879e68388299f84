"""From assessments to tier messages: encoded, chained by digest, numbered. Section 7 of the norm.

Compiled code writes the text (`render`); what is left to Python is a few moves a message: a slice, a hash, a key. `steps`
is what comes out.
"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from fenxiao_schemas.policy import Policy
from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.assess import EVIDENCE_CLASSES, TIER_FEATURED
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.gaps import GAP_WIDTH
from fenxiao_scorer.core.render import Parts, gather, render, room
from fenxiao_scorer.core.rules import Rules
from fenxiao_scorer.core.steps import Cause, Published, TierRows
from fenxiao_scorer.core.tables import CLASS, DIGEST_BYTES, SCORE, SLOT
from fenxiao_scorer.core.texts import Texts

_CHUNK = 256
"""How many messages are written before they are hashed: few enough that their bytes are in the processor's cache still."""


class Occasion(NamedTuple):
    """The control record at which products are assessed."""

    cause: Cause
    seq: int


class Products(Protocol):
    """What publishing reads and remembers of the products; everything is by slot."""

    facts: AnyArray
    digests: AnyArray
    ids: Texts


def publish(
    products: Products,
    policy: Policy,
    rules: Rules,
    rows: Ints,
    rights: Sequence[bytes],
    featured_rights: int,
    occasion: Occasion,
    open_day: int,
    tier_seq: int,
) -> Published:
    """Encode a message for each assessment, in their order, and remember what was published.

    Args:
        products: Their tiers are decided already.
        policy: The policy in force.
        rules: Its rules.
        rows: Assessments, of which no two are of the same product.
        rights: Every grant by its number, as `encoded_rights` has it; 0 is what everybody has.
        featured_rights: The number of what the policy grants at L5.
        occasion: The control record.
        open_day: The open day; for a close, the day that closes.
        tier_seq: The `seq` of the last tier message before.
    """
    slots = rows[:, SLOT].copy()  # in one piece whatever the number of rows, so that one kind of `gather` is compiled
    known = products.facts[slots]
    keys = _keys(products, slots)
    middle = _middle(policy, occasion, open_day)
    parts = Parts(*(np.frombuffer(part, np.uint8) for part in (middle, rights[0], rights[featured_rights])))
    values = _values(products, rules, rows, parts, tier_seq + 1, max(map(len, keys), default=0))
    hashes = b"".join([sha256(value).digest() for value in values])
    products.digests[slots] = np.frombuffer(hashes, np.uint8).reshape(-1, sha256().digest_size)[:, :DIGEST_BYTES]
    _remember(products.facts, rows, featured_rights)
    moved = np.flatnonzero((known["revision"] == 0) | (known["tier"] != known["published_tier"]))
    columns = TierRows(
        product_ids=[keys[at].decode() for at in moved.tolist()],
        revisions=(known["revision"][moved] + 1).tolist(),
        days=[open_day] * len(moved),
        causes=[occasion.cause] * len(moved),
        tiers=known["tier"][moved].tolist(),
        previous_tiers=known["published_tier"][moved].tolist(),
        scores=rows[moved, SCORE].tolist(),
        evidences=[EVIDENCE_CLASSES[code] for code in rows[moved, CLASS].tolist()],
    )
    return Published(tier_seq + 1, keys, values, columns)


def _keys(products: Products, slots: Ints) -> list[bytes]:
    table = products.ids.table
    ends = np.cumsum(table.bounds[slots + 1] - table.bounds[slots])
    out = np.empty(ends[-1] if len(ends) else 0, np.uint8)
    gather(out, slots, table)
    return _sliced(out, ends)


def _middle(policy: Policy, occasion: Occasion, open_day: int) -> bytes:
    return (
        f'","day":{open_day},"cause":"{occasion.cause}","as_of_seq":{occasion.seq},"policy_version":{policy.version},'
        f'"algorithm_version":{policy.algorithm_version},"tier":'
    ).encode()


def _values(
    products: Products, rules: Rules, rows: Ints, parts: Parts, first_seq: int, id_bytes_max: int
) -> list[bytes]:
    values: list[bytes] = []
    facts, digests, table = products.facts, products.digests, products.ids.table
    room_for = min(_CHUNK, len(rows))
    out, ends = np.empty(room_for * room(parts, id_bytes_max), np.uint8), np.empty(room_for, np.int64)
    gap = np.empty(GAP_WIDTH, np.int64)
    for first in range(0, len(rows), _CHUNK):
        chunk = rows[first : first + _CHUNK]
        render(out, ends, gap, chunk, facts, digests, table, rules, parts, first_seq + first)
        values += _sliced(out, ends[: len(chunk)])
    return values


def _sliced(out: AnyArray, ends: Ints) -> list[bytes]:
    """The bytes up to each end, from the one before."""
    stops = [0, *ends.tolist()]
    whole = out[: stops[-1]].tobytes()
    return [whole[start:stop] for start, stop in pairwise(stops)]


@compiled
def _remember(facts: AnyArray, rows: Ints, featured_rights: int) -> None:
    for place in range(len(rows)):
        product = facts[rows[place, SLOT]]
        product.revision += 1
        product.published_tier = product.tier
        product.published_evidence = rows[place, CLASS]
        product.published_score = rows[place, SCORE]
        product.published_rights = featured_rights if product.tier == TIER_FEATURED else 0


def encoded_rights(rights: tuple[int, int, str | None, bool, bool]) -> bytes:
    """A grant as JSON."""
    public, private, label, subsidy, priority = rights
    fields = {
        "traffic_public_bps": public,
        "traffic_private_bps": private,
        "label": label,
        "subsidy_eligible": subsidy,
        "priority_matching": priority,
    }
    return msgspec.json.encode(fields)
