"""What a product is worth now: evidence, values, points, forces, score and earned tier. Sections 3 to 5 of the norm.

A pure function of counters, facts, curves and policy: it may be taken again with the same result. One product is a row of
`tables`; `ladder` comes next.
"""

from typing import Final, NamedTuple

import numpy as np

from fenxiao_schemas.tiers import FORCES
from fenxiao_scorer.core.arrays import AnyArray, Ints
from fenxiao_scorer.core.cells import CellTable
from fenxiao_scorer.core.compiled import compiled
from fenxiao_scorer.core.formulas import ABSENT, BPS, RATIO_MAX, RATIO_MIN, shrunk, wilson_upper
from fenxiao_scorer.core.layout import (
    AUTHORITY,
    COMMISSION,
    CONVERSION,
    DISPATCH,
    FORCE_ROWS,
    INTEGRITY,
    NEGATIVE,
    PRICE,
    PROMOTERS,
    REPEAT,
    RETURNS,
    ROWS,
    SALES,
    UNITS,
)
from fenxiao_scorer.core.lookup import Lookup, points_of
from fenxiao_scorer.core.net_price import refresh_net_price
from fenxiao_scorer.core.rules import Rules
from fenxiao_scorer.core.tables import (
    ADMITTED,
    CAP,
    CLASS,
    DEN,
    DONE,
    EARNED,
    EVIDENCE,
    FORCE,
    NEGATIVE_BOUND,
    NET_PRICE,
    NULL,
    NUM,
    POINTS,
    RETURNS_BOUND,
    SCORE,
    SLOT,
    VALUE,
    WIDTH,
)
from fenxiao_scorer.core.windows import TOTALS

NONE, THIN, RATED = range(3)
EVIDENCE_CLASSES: Final = ("none", "thin", "rated")
TIER_FEATURED: Final = 5

_REPEATS, _KNOWN, _BAD_REVIEWS, _DONE, _QUALITY_RETURNS, _ON_TIME, _DUE, _NET_ORDERS, _VIEWS, _NET_MINOR, _EVIDENCE = (
    TOTALS.index(name)
    for name in (
        "repeats",
        "known",
        "bad_reviews",
        "done_service",
        "quality_returns",
        "on_time",
        "due",
        "net_orders",
        "views",
        "net_minor",
        "done_evidence",
    )
)
_UNIT: Final = np.array([UNITS.get(row, 0) for row in range(ROWS)])
_FORCE_FIRST: Final = np.array([rows[0] for rows in FORCE_ROWS])
_FORCE_LAST: Final = np.array([rows[-1] for rows in FORCE_ROWS])
_FORCES: Final = len(FORCES)


class Sight(NamedTuple):
    """All that an assessment looks at, and room to sort a product's prices in (`net_price`)."""

    facts: AnyArray
    totals: Ints
    prices: CellTable
    scratch: Ints
    lookup: Lookup
    rules: Rules
    open_day: int


@compiled
def assess(sight: Sight, slot: int, row: Ints) -> None:
    """Assess a product into a row; its net price is looked up anew if it may have changed."""
    row[SLOT] = slot
    row[ADMITTED] = sight.facts[slot].listed and not sight.facts[slot].held
    _measure(sight, slot, row)
    _score(sight, slot, row)
    _earn(sight, slot, row)


@compiled
def _assess_all(sight: Sight, slots: Ints, rows: Ints) -> None:
    for at in range(len(slots)):
        assess(sight, slots[at], rows[at])


def assessed(sight: Sight, slots: Ints) -> Ints:
    """A row for each of the slots."""
    rows = np.empty((len(slots), WIDTH), np.int64)
    _assess_all(sight, slots, rows)
    return rows


@compiled
def _measure(sight: Sight, slot: int, row: Ints) -> None:
    """Values, nulls and evidence of the indicators; `num` and `den` of the rates."""
    product, totals = sight.facts[slot], sight.totals[slot]
    for indicator in range(ROWS):
        row[NULL + indicator] = 0
        row[NUM + indicator] = 0
        row[DEN + indicator] = 0
    valid = product.authority_until_day >= sight.open_day
    row[VALUE + AUTHORITY] = product.authority if valid else product.authority_fallback
    row[EVIDENCE + AUTHORITY] = 1
    row[VALUE + COMMISSION] = max(product.open_commission_bps, 0)
    row[EVIDENCE + COMMISSION] = product.open_commission_bps >= 0
    row[VALUE + PROMOTERS] = row[EVIDENCE + PROMOTERS] = product.active
    row[VALUE + SALES] = max(0, totals[_NET_MINOR])
    row[EVIDENCE + SALES] = max(0, totals[_NET_ORDERS])
    _measure_prices(sight, slot, row)
    node = sight.lookup.nodes[product.category]
    _rate(sight, row, REPEAT, node, totals[_REPEATS], totals[_KNOWN])
    _rate(sight, row, NEGATIVE, node, min(totals[_BAD_REVIEWS], totals[_DONE]), totals[_DONE])
    _rate(sight, row, RETURNS, node, min(totals[_QUALITY_RETURNS], totals[_DONE]), totals[_DONE])
    _rate(sight, row, DISPATCH, node, min(totals[_ON_TIME], totals[_DUE]), totals[_DUE])
    _rate(sight, row, CONVERSION, node, min(totals[_NET_ORDERS], totals[_VIEWS]), totals[_VIEWS])


@compiled
def _rate(sight: Sight, row: Ints, indicator: int, node: int, num: int, den: int) -> None:
    row[NUM + indicator], row[DEN + indicator] = num, den
    row[EVIDENCE + indicator] = max(den, 0)
    if den <= 0:
        row[NULL + indicator] = 1
        row[VALUE + indicator] = 0
        return
    mean = sight.lookup.means[indicator, node]
    row[VALUE + indicator] = shrunk(num, den, _UNIT[indicator], sight.rules.priors[indicator], mean)


@compiled
def _measure_prices(sight: Sight, slot: int, row: Ints) -> None:
    refresh_net_price(sight.facts, sight.prices, sight.scratch, slot)
    product = sight.facts[slot]
    paid = product.price_weight > 0
    net_price = product.net_price if paid else product.price_minor
    row[NET_PRICE] = net_price
    median = sight.lookup.medians[sight.lookup.nodes[product.category]]
    row[EVIDENCE + PRICE] = median != ABSENT
    row[NULL + PRICE] = median == ABSENT
    row[VALUE + PRICE] = 0
    if median != ABSENT:
        row[VALUE + PRICE] = min(max((BPS * median) // max(1, net_price), RATIO_MIN), RATIO_MAX)
    row[EVIDENCE + INTEGRITY] = product.price_weight
    row[NULL + INTEGRITY] = not paid
    row[VALUE + INTEGRITY] = min(BPS, (BPS * net_price) // product.price_minor) if paid else 0


@compiled
def _score(sight: Sight, slot: int, row: Ints) -> None:
    """Points, forces and score."""
    rules, node = sight.rules, sight.lookup.nodes[sight.facts[slot].category]
    row[POINTS + AUTHORITY] = rules.authority_points[row[VALUE + AUTHORITY]]
    for indicator in range(REPEAT, ROWS):
        value = row[VALUE + indicator]
        null = row[NULL + indicator] > 0
        row[POINTS + indicator] = (
            rules.neutral if null else points_of(sight.lookup, indicator, node, value, rules.neutral)
        )
    score, weight_of_all = 0, 0
    for force in range(_FORCES):
        points, weight = 0, 0
        for indicator in range(_FORCE_FIRST[force], _FORCE_LAST[force] + 1):
            points += rules.weights[indicator] * row[POINTS + indicator]
            weight += rules.weights[indicator]
        row[FORCE + force] = points // weight
        score += rules.force_weights[force] * row[FORCE + force]
        weight_of_all += rules.force_weights[force]
    row[SCORE] = score // weight_of_all


@compiled
def _earn(sight: Sight, slot: int, row: Ints) -> None:
    """Evidence class, bounds, cap and earned tier."""
    rules = sight.rules
    done = sight.totals[slot, _EVIDENCE]
    row[DONE] = done
    row[CLASS] = NONE if done <= 0 else THIN if done < rules.delivered_min else RATED
    row[NEGATIVE_BOUND] = wilson_upper(row[NUM + NEGATIVE], row[DEN + NEGATIVE], rules.z_milli)
    row[RETURNS_BOUND] = wilson_upper(row[NUM + RETURNS], row[DEN + RETURNS], rules.z_milli)
    row[CAP] = violation_cap(rules, sight.facts[slot].minor_day, sight.facts[slot].serious_day, sight.open_day)
    row[EARNED] = 0
    if row[ADMITTED]:
        row[EARNED] = min(_reached(rules, row) if row[CLASS] == RATED else 1, row[CAP])


@compiled
def violation_cap(rules: Rules, minor_day: int, serious_day: int, open_day: int) -> int:
    """The lowest cap of the violations that still count."""
    cap = TIER_FEATURED
    if open_day < minor_day + rules.violation_days[0]:
        cap = min(cap, rules.violation_tiers[0])
    if open_day < serious_day + rules.violation_days[1]:
        cap = min(cap, rules.violation_tiers[1])
    return cap


@compiled
def _reached(rules: Rules, row: Ints) -> int:
    """The highest tier whose rule is met, before admission and violations."""
    for tier in range(TIER_FEATURED, 1, -1):
        met = row[SCORE] >= rules.scores[tier]
        for force in range(_FORCES):
            met = met and row[FORCE + force] >= rules.floors[tier, force]
        if tier == TIER_FEATURED:
            met = met and row[NEGATIVE_BOUND] <= rules.negative_review_bps
            met = met and row[RETURNS_BOUND] <= rules.quality_return_bps
        if met:
            return tier
    return 1
