"""Policies under which a market of a dozen products and a week goes through every branch of the norm."""

from typing import Any

import msgspec

from fenxiao_schemas.policy import Policy, default_policy


def changed(policy: Policy, changes: dict[str, Any]) -> Policy:
    """A copy of a policy with some values replaced, tables within tables too; checked as a policy file is."""

    def merged(old: Any, new: Any) -> Any:
        return {**old, **{k: merged(old.get(k), v) for k, v in new.items()}} if isinstance(new, dict) else new

    return msgspec.convert(merged(msgspec.to_builtins(policy), changes), Policy)


EASY = {
    "windows": {"repeat_days": 5, "evidence_days": 4, "service_days": 3, "dispatch_days": 3, "sales_days": 3},
    "curves": {"peers_min": 4, "peers_floor": 2},
    "delivery": {"auto_confirm_days": 2},
    "tiers": {
        "delivered_min": 2,
        "down_after_closes": 2,
        "materiality_bps": 50,
        "l2": {"score_bps": 3000},
        "l3": {"score_bps": 4500, "service_bps": 1000},
        "l4": {"score_bps": 5000, "service_bps": 1000, "sales_bps": 3000},
        "l5": {
            "score_bps": 5500,
            "brand_bps": 0,
            "price_bps": 0,
            "distribution_bps": 0,
            "service_bps": 0,
            "sales_bps": 0,
        },
        "l5_bounds": {"negative_review_bps": 6000, "quality_return_bps": 6000},
    },
    "violations": {"minor": {"days": 2}, "serious": {"tier_max": 2, "days": 3}},
}
"""Short windows, low floors: changes to the default policy."""


def easy(version: int = 1, **changes: Any) -> Policy:
    """The easy policy, with more changes."""
    return changed(changed(default_policy(), EASY | {"version": version}), changes)


def pair() -> dict[int, Policy]:
    """Two policies that differ wherever they may."""
    other = easy(
        2,
        windows={"repeat_days": 2, "evidence_days": 6, "service_days": 4, "dispatch_days": 2, "sales_days": 5},
        curves={"peers_min": 3, "peers_floor": 5, "neutral_bps": 4000},
        delivery={"auto_confirm_days": 0},
        priors={"repeat_purchase_rate": 0, "conversion": 3},
        tiers={"down_after_closes": 1, "l5_bounds": {"z_milli": 500}},
        l5_rights={"label": "优选"},
    )
    return {1: easy(), 2: other}
