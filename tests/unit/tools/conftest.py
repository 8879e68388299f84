"""A `ReportData` out of thin air, seeded, with hostile titles, for the tests of the report and for looking at it."""

import random
from typing import Any

import pytest

from fenxiao_schemas.matches import Invitations, InvitedCreator, Reason, Recommendations, RecommendedProduct
from fenxiao_schemas.policy import default_policy
from fenxiao_schemas.tiers import INDICATORS, Forces, Gap, Indicator, Rights, Tier
from fenxiao_tools.report.data import ReportData, TierChange

FIRST_DAY = 20_400
DAYS = 60
HOSTILE = '</script><script>alert("1")</script><b>手冲咖啡壶</b>'
SCORES = (0, 3100, 4300, 5600, 6700, 7600)
GOODS = (
    "玻璃保鲜盒",
    "Linen shirt",
    "手冲咖啡壶",
    "Trail running shoes",
    "冻干草莓",
    "Desk lamp",
    "防晒霜 50+",
    "Wool socks",
)
PARTS = ("affinity", "category", "tier", "commission", "popularity")


def make_tier(product_id: str, tier: int, dice: random.Random) -> Tier:
    score = SCORES[tier] + dice.randrange(-300, 800)
    forces = [min(10_000, max(0, score + dice.randrange(-2500, 2500))) for _ in range(5)]
    rights = Rights()
    if tier == 5:
        rights = Rights(
            traffic_public_bps=15_000,
            traffic_private_bps=12_000,
            label="精选好物",
            subsidy_eligible=True,
            priority_matching=True,
        )
    gap = Gap(
        tier=max(2, tier + 1) if tier < 5 else 5,
        score_bps=max(0, 900 - dice.randrange(1200)),
        forces=(0, 0, dice.choice((0, 740)), 0, dice.choice((0, 310))),
        delivered=12 if tier == 1 else 0,
        negative_reviews_bps=0,
        quality_returns_bps=0,
        blocked="held" if tier == 0 else None,
    )
    return Tier(
        seq=1,
        product_id=product_id,
        revision=3,
        prev_digest="",
        day=FIRST_DAY + DAYS,
        cause="close",
        as_of_seq=9,
        policy_version=1,
        algorithm_version=1,
        tier=tier,
        previous_tier=tier,
        score_bps=max(0, score),
        evidence="rated" if tier > 1 else "thin",
        forces=Forces(**dict(zip(("brand", "price", "distribution", "service", "sales"), forces, strict=True))),
        indicators=tuple(Indicator(name=name, value=1, points_bps=5000, evidence=3) for name in INDICATORS),
        rights=rights,
        gap=gap if tier < 5 else None,
    )


def make_reasons(dice: random.Random) -> tuple[Reason, ...]:
    return tuple(Reason(name=name, score=dice.randrange(0, 4000), evidence=f"{name} 12") for name in PARTS)


def make_report(products: int = 240, creators: int = 40, seed: int = 1) -> ReportData:
    dice = random.Random(seed)
    ids = [f"p{number}" for number in range(products)]
    changes, now = [], dict.fromkeys(ids, 0)
    for day in range(FIRST_DAY, FIRST_DAY + DAYS + 1):
        for product in ids:
            if now[product] == 0 and day < FIRST_DAY + 20:
                new = int(dice.random() < 0.2)
            else:
                new = min(5, max(1, now[product] + dice.choice([0] * 36 + [1, 1, 1, -1])))
            if new != now[product]:
                changes.append(TierChange(product_id=product, day=day, tier=new, previous_tier=now[product]))
                now[product] = new
    tiers = {product: make_tier(product, tier, dice) for product, tier in now.items()}
    titles = {product: f"{GOODS[number % len(GOODS)]} {number}" for number, product in enumerate(ids)}
    best = max(tiers.values(), key=lambda tier: (tier.tier, tier.score_bps)).product_id
    titles[best] = HOSTILE
    common: dict[str, Any] = {"revision": 1, "model": "two_hop", "event_positions": (1,), "tier_positions": (1,)}
    return ReportData(
        source="Synthetic: 240 products over 60 days",
        changes=changes,
        tiers=tiers,
        titles=titles,
        creators={f"c{number}": f"达人 {number}" for number in range(creators)},
        recommendations=[
            Recommendations(
                creator_id=f"c{number}",
                products=tuple(
                    RecommendedProduct(product_id=product, score=10, tier=now[product], reasons=make_reasons(dice))
                    for product in dice.sample(ids, 8)
                ),
                **common,
            )
            for number in range(creators)
        ],
        invitations=[
            Invitations(
                product_id=product,
                creators=tuple(
                    InvitedCreator(creator_id=f"c{number}", score=9, reasons=make_reasons(dice)) for number in range(6)
                ),
                **common,
            )
            for product in ids
            if now[product] == 5
        ],
        outcomes={"accepted": 48_213, "duplicate": 312, "refused": 96, "parked": 11},
        refusals={"wrong_currency": 3, "over_refund": 41, "orphan": 20, "no_change": 25, "id_reused": 7},
        l5_floors_bps=default_policy().tiers.l5.floors(),
        notes=("verify: 1,204 messages equal, 0 differ",),
    )


@pytest.fixture
def report_data() -> ReportData:
    return make_report()
