"""The policy: every number of the norm (`docs/scoring.md`) that a platform may choose, as validated data.

`policies/default.toml` documents each line. A policy is immutable under its version and changes at a day close only.
"""

import tomllib
from importlib import resources
from typing import Annotated

import msgspec
from msgspec import Meta

from fenxiao_schemas.base import Bps, Version
from fenxiao_schemas.tiers import FORCES, INDICATORS

ALGORITHM_VERSION = 1
"""The version of the norm that this code computes."""
WINDOW_DAYS_MAX = 120
"""How many days a scorer keeps; no window may be longer."""

Days = Annotated[int, Meta(ge=1, le=WINDOW_DAYS_MAX)]
Weight = Annotated[int, Meta(ge=0, le=10_000)]
Prior = Annotated[int, Meta(ge=0, le=1_000_000)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class PolicyError(ValueError):
    """The policy file is not a valid policy; the message is one line."""


class Windows(_Table, frozen=True, kw_only=True):
    """In days, the open day included."""

    repeat_days: Days
    evidence_days: Days
    service_days: Days
    dispatch_days: Days
    sales_days: Days


class Priors(_Table, frozen=True, kw_only=True):
    """How many observations at the category's mean each rate starts with."""

    repeat_purchase_rate: Prior
    negative_review_rate: Prior
    quality_return_rate: Prior
    on_time_dispatch_rate: Prior
    conversion: Prior


class AuthorityPoints(_Table, frozen=True, kw_only=True):
    """Points of each level of brand authority."""

    individual: Bps
    enterprise: Bps
    authorised: Bps
    flagship: Bps


class Curves(_Table, frozen=True, kw_only=True):
    """When a category stands for itself."""

    peers_min: Annotated[int, Meta(ge=1, le=1_000_000)]
    peers_floor: Annotated[int, Meta(ge=1, le=1_000_000)]
    neutral_bps: Bps


class TierRule(_Table, frozen=True, kw_only=True):
    """What one tier asks: a score, and a floor for each force."""

    score_bps: Bps
    brand_bps: Bps = 0
    price_bps: Bps = 0
    distribution_bps: Bps = 0
    service_bps: Bps = 0
    sales_bps: Bps = 0

    def floors(self) -> tuple[int, int, int, int, int]:
        """The floors in the order of `FORCES`."""
        return (self.brand_bps, self.price_bps, self.distribution_bps, self.service_bps, self.sales_bps)


class FeaturedBounds(_Table, frozen=True, kw_only=True):
    """L5's limits for the upper Wilson bounds of the bad rates; `z_milli` is the normal quantile x 1,000."""

    z_milli: Annotated[int, Meta(ge=1, le=5_000)]
    negative_review_bps: Bps
    quality_return_bps: Bps


class Tiers(_Table, frozen=True, kw_only=True):
    """The ladder."""

    delivered_min: Annotated[int, Meta(ge=1, le=1_000_000)]
    down_after_closes: Annotated[int, Meta(ge=1, le=WINDOW_DAYS_MAX)]
    materiality_bps: Annotated[int, Meta(ge=1, le=10_000)]
    l2: TierRule
    l3: TierRule
    l4: TierRule
    l5: TierRule
    l5_bounds: FeaturedBounds

    def rules(self) -> tuple[TierRule, TierRule, TierRule, TierRule]:
        """The rules of L2 to L5."""
        return (self.l2, self.l3, self.l4, self.l5)


class ViolationCap(_Table, frozen=True, kw_only=True):
    """A violation caps the tier at `tier_max` for `days` days from its own."""

    tier_max: Annotated[int, Meta(ge=1, le=5)]
    days: Days


class Violations(_Table, frozen=True, kw_only=True):
    """By severity."""

    minor: ViolationCap
    serious: ViolationCap


class Delivery(_Table, frozen=True, kw_only=True):
    """When an order counts as delivered without a delivery event; 0: never."""

    auto_confirm_days: Annotated[int, Meta(ge=0, le=WINDOW_DAYS_MAX)]


class FeaturedRights(_Table, frozen=True, kw_only=True):
    """What L5 grants."""

    traffic_public_bps: Annotated[int, Meta(ge=0, le=100_000)]
    traffic_private_bps: Annotated[int, Meta(ge=0, le=100_000)]
    label: Annotated[str, Meta(min_length=1, max_length=40)]
    subsidy_eligible: bool
    priority_matching: bool


class Matching(_Table, frozen=True, kw_only=True):
    """The matcher's first version: list lengths, caps and the parts of a score."""

    list_length: Annotated[int, Meta(ge=1, le=100)]
    merchant_cap: Annotated[int, Meta(ge=1, le=100)]
    category_cap: Annotated[int, Meta(ge=1, le=100)]
    half_life_days: Annotated[int, Meta(ge=1, le=10_000)]
    materiality_bps: Bps
    invite_tier_min: Annotated[int, Meta(ge=1, le=5)]
    affinity_weight: Weight
    category_weight: Weight
    tier_weight: Weight
    commission_weight: Weight
    popularity_weight: Weight


class Policy(_Table, frozen=True, kw_only=True):
    """A whole policy."""

    version: Version
    algorithm_version: Version
    force_weights: dict[str, Weight]
    indicator_weights: dict[str, Weight]
    windows: Windows
    priors: Priors
    authority_points: AuthorityPoints
    curves: Curves
    delivery: Delivery
    tiers: Tiers
    violations: Violations
    l5_rights: FeaturedRights
    matching: Matching

    def __post_init__(self) -> None:
        """Check what a schema can't say."""
        _check_weights("force_weights", self.force_weights, FORCES)
        _check_weights("indicator_weights", self.indicator_weights, INDICATORS)
        for force, members in FORCE_INDICATORS.items():
            if not sum(self.indicator_weights[name] for name in members):
                raise ValueError(f"indicator_weights: all indicators of the force {force!r} weigh 0")
        scores = [rule.score_bps for rule in self.tiers.rules()]
        if scores != sorted(scores):
            raise ValueError("tiers: score_bps must not fall from l2 to l5")
        if self.algorithm_version != ALGORITHM_VERSION:
            raise ValueError(f"algorithm_version {self.algorithm_version} is not known here, only {ALGORITHM_VERSION}")


FORCE_INDICATORS: dict[str, tuple[str, ...]] = {
    "brand": INDICATORS[0:2],
    "price": INDICATORS[2:4],
    "distribution": INDICATORS[4:6],
    "service": INDICATORS[6:9],
    "sales": INDICATORS[9:11],
}


def _check_weights(table: str, weights: dict[str, int], names: tuple[str, ...]) -> None:
    if set(weights) != set(names):
        wrong = ", ".join(sorted(set(weights) ^ set(names)))
        raise ValueError(f"{table}: must name exactly {', '.join(names)} (missing or unknown: {wrong})")
    if not sum(weights.values()):
        raise ValueError(f"{table}: the weights sum to 0")


def parse_policy(text: str) -> Policy:
    """Parse and validate a policy from TOML; raises `PolicyError` with one line."""
    try:
        return msgspec.convert(tomllib.loads(text), Policy)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        raise PolicyError("invalid policy: " + " ".join(str(error).split())) from error


def default_policy_text() -> str:
    """The default policy as TOML, with its comments."""
    return resources.files("fenxiao_schemas").joinpath("policies/default.toml").read_text(encoding="utf-8")


def default_policy() -> Policy:
    """The default policy."""
    return parse_policy(default_policy_text())
