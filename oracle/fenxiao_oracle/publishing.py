"""Messages (section 7): which assessed products are published, and every field of what is said of them."""

import hashlib
from typing import Any, Literal

import numpy as np

from fenxiao_oracle.arrays import Flags, Ints
from fenxiao_oracle.assessment import EVIDENCE_NAMES, Assessment
from fenxiao_oracle.gaps import gaps
from fenxiao_oracle.log import Log
from fenxiao_oracle.measures import Moment
from fenxiao_schemas.codec import encode
from fenxiao_schemas.policy import Policy
from fenxiao_schemas.tiers import FORCES, INDICATORS, Forces, Indicator, Rights, Tier

_DIGEST_LENGTH = 32
UNPUBLISHED = -1


class Publisher:
    """One partition's messages so far, and what was last said of each product."""

    def __init__(self, log: Log) -> None:
        self.messages: list[tuple[bytes, bytes]] = []
        self._log = log
        self._keys = [product_id.encode() for product_id in log.ids]
        self._digest = [""] * len(log.ids)
        self._revision = [0] * len(log.ids)
        self._tier, self._score, self._rights = (np.zeros(len(log.ids), dtype=np.int64) for _ in range(3))
        self._evidence = np.full(len(log.ids), UNPUBLISHED, dtype=np.int64)
        self._all_rights = [Rights()]

    def publish(
        self,
        products: Ints,
        tier: Ints,
        assessment: Assessment,
        moment: Moment,
        cause: Literal["barrier", "close"],
        policy: Policy,
    ) -> None:
        """Publish those of the assessed products that have something new to say."""
        rights = np.where(tier == 5, self._number_of_rights(policy), 0)
        rows = np.flatnonzero(self._is_new(products, tier, rights, assessment, policy.tiers.materiality_bps))
        if not len(rows):
            return
        common = {
            "day": moment.head_day,
            "cause": cause,
            "as_of_seq": moment.seq,
            "policy_version": policy.version,
            "algorithm_version": policy.algorithm_version,
        }
        columns = zip(
            products[rows].tolist(),
            tier[rows].tolist(),
            self._tier[products[rows]].tolist(),
            rights[rows].tolist(),
            gaps(tier[rows], assessment, rows, policy),
            _details(assessment, rows),
            strict=True,
        )
        for product, now, previous, granted, gap, details in columns:
            self._publish_one(
                product,
                tier=now,
                previous_tier=previous,
                rights=self._all_rights[granted],
                gap=gap,
                **details,
                **common,
            )
        here = products[rows]
        self._tier[here], self._rights[here] = tier[rows], rights[rows]
        self._score[here], self._evidence[here] = assessment.score[rows], assessment.evidence[rows]

    def _is_new(self, products: Ints, tier: Ints, rights: Ints, assessment: Assessment, materiality: int) -> Flags:
        is_new: Flags = (
            (self._tier[products] != tier)
            | (self._evidence[products] != assessment.evidence)  # always, if it was never published
            | (self._rights[products] != rights)
            | (np.abs(self._score[products] - assessment.score) >= materiality)
        )
        return is_new

    def _number_of_rights(self, policy: Policy) -> int:
        """Rights are compared by what they grant, so that a policy with the same ones is no news."""
        granted = policy.l5_rights
        rights = Rights(
            traffic_public_bps=granted.traffic_public_bps,
            traffic_private_bps=granted.traffic_private_bps,
            label=granted.label,
            subsidy_eligible=granted.subsidy_eligible,
            priority_matching=granted.priority_matching,
        )
        if rights not in self._all_rights:
            self._all_rights.append(rights)
        return self._all_rights.index(rights)

    def _publish_one(self, product: int, **fields: Any) -> None:
        self._revision[product] += 1
        body = encode(
            Tier(
                seq=len(self.messages) + 1,
                product_id=self._log.ids[product],
                revision=self._revision[product],
                prev_digest=self._digest[product],
                **fields,
            )
        )
        self._digest[product] = hashlib.sha256(body).hexdigest()[:_DIGEST_LENGTH]
        self.messages.append((self._keys[product], body))


def _details(assessment: Assessment, rows: Ints) -> list[dict[str, Any]]:
    """The fields that are read off the assessment, as Python's own integers."""
    measures = assessment.measures
    columns = [
        zip(
            measures.value[number][rows].tolist(),
            measures.has[number][rows].tolist(),
            assessment.points[number - 1][rows].tolist(),
            measures.evidence[number][rows].tolist(),
            strict=True,
        )
        for number in range(1, len(INDICATORS) + 1)
    ]
    forces = assessment.forces[:, rows].T.tolist()
    heads = zip(forces, assessment.score[rows].tolist(), assessment.evidence[rows].tolist(), strict=True)
    return [
        {
            "score_bps": score,
            "evidence": EVIDENCE_NAMES[evidence],
            "forces": Forces(**dict(zip(FORCES, of_forces, strict=True))),
            "indicators": tuple(
                Indicator(name=name, value=value if has else None, points_bps=points, evidence=seen)
                for name, (value, has, points, seen) in zip(INDICATORS, cells, strict=True)
            ),
        }
        for (of_forces, score, evidence), *cells in zip(heads, *columns, strict=True)
    ]
