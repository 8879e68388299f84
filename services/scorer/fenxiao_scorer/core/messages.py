"""From assessments to tier messages: encoded, chained by digest, numbered. Section 7 of the norm.

The text is put together from a template, at a fraction of the cost of making Structs to encode them; the tests hold it to
the bytes of `fenxiao_schemas.codec.encode`.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from fenxiao_schemas.tiers import FORCES, INDICATORS
from fenxiao_scorer.core.assess import EVIDENCE_CLASSES, TIER_FEATURED, Assessment
from fenxiao_scorer.core.gaps import encoded_gaps
from fenxiao_scorer.core.products import DIGEST_BYTES
from fenxiao_scorer.core.state import RightsKey, ScorerState
from fenxiao_scorer.core.steps import Cause, TierMessage, TierRow

_FORCES: Final = ",".join(f'"{name}":%d' for name in FORCES)
_INDICATORS: Final = ",".join(f'{{"name":"{name}","value":%s,"points_bps":%d,"evidence":%d}}' for name in INDICATORS)
_TEMPLATE: Final = (
    '{"type":"tier","seq":%d,"product_id":%s,"revision":%d,"prev_digest":"%s","day":%d,"cause":"%s","as_of_seq":%d,'
    '"policy_version":%d,"algorithm_version":%d,"tier":%d,"previous_tier":%d,"score_bps":%d,"evidence":"%s",'
    '"forces":{' + _FORCES + '},"indicators":[' + _INDICATORS + '],"rights":%s,"gap":%s}'
)


class Occasion(NamedTuple):
    """The control record at which products are assessed."""

    cause: Cause
    seq: int


def publish(state: ScorerState, found: Assessment, occasion: Occasion) -> tuple[list[TierMessage], list[TierRow]]:
    """Encode a message for each product of the assessment, in its order, and remember what was published."""
    open_day, policy = state.in_force()
    head = (open_day, occasion.cause, occasion.seq, policy.version, policy.algorithm_version)
    messages: list[TierMessage] = []
    rows: list[TierRow] = []
    for slot, revision, tier, previous, score, evidence, forces, body, rights, gap in _columns(state, found):
        state.tier_seq += 1
        product_id = state.products.ids[slot]
        digest = state.products.digest(slot).hex() if revision > 1 else ""
        name = msgspec.json.encode(product_id).decode()
        start = (state.tier_seq, name, revision, digest, *head, tier, previous, score, evidence)
        value = (_TEMPLATE % (*start, *forces, *body, rights, gap)).encode()
        state.products.set_digest(slot, hashlib.sha256(value).digest()[:DIGEST_BYTES])
        messages.append(TierMessage(product_id.encode(), value, state.tier_seq))
        rows.append(TierRow(product_id, revision, state.tier_seq, *head[:4], tier, previous, score, evidence))
    _remember(state, found)
    return messages, rows


def _columns(state: ScorerState, found: Assessment) -> Iterator[tuple[Any, ...]]:
    products, slots = state.products, found.slots
    tiers = products.tier[slots]
    rights = [encoded_rights(state.rights[number]) for number in (0, state.featured_rights)]
    return zip(
        slots.tolist(),
        (products.revision[slots] + 1).tolist(),
        tiers.tolist(),
        products.published_tier[slots].tolist(),
        found.score.tolist(),
        [EVIDENCE_CLASSES[code] for code in found.evidence_class.tolist()],
        found.forces.T.tolist(),
        _indicators(found),
        [rights[top] for top in (tiers == TIER_FEATURED).tolist()],
        encoded_gaps(state, found),
        strict=True,
    )


def _indicators(found: Assessment) -> Iterator[tuple[Any, ...]]:
    """Value, points and evidence of each indicator, flat, a tuple per product."""
    columns: list[list[Any]] = []
    for row in range(len(INDICATORS)):
        values: list[Any] = found.values[row].tolist()
        for place in np.flatnonzero(found.nulls[row]).tolist():
            values[place] = "null"
        columns += [values, found.points[row].tolist(), found.evidence[row].tolist()]
    return zip(*columns, strict=True)


def encoded_rights(rights: RightsKey) -> str:
    """The rights as JSON."""
    public, private, label, subsidy, priority = rights
    fields = {
        "traffic_public_bps": public,
        "traffic_private_bps": private,
        "label": label,
        "subsidy_eligible": subsidy,
        "priority_matching": priority,
    }
    return msgspec.json.encode(fields).decode()


def _remember(state: ScorerState, found: Assessment) -> None:
    products, slots = state.products, found.slots
    products.revision[slots] += 1
    products.published_tier[slots] = products.tier[slots]
    products.published_evidence[slots] = found.evidence_class
    products.published_score[slots] = found.score
    products.published_rights[slots] = np.where(products.tier[slots] == TIER_FEATURED, state.featured_rights, 0)
