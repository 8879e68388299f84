"""Policies with small numbers, so that a small log reaches every branch of the norm."""

from random import Random
from typing import Any

import msgspec

from fenxiao_schemas.policy import Policy, default_policy


def random_policy(random: Random, version: int, days_max: int) -> Policy:
    """A valid policy of this version; its windows are up to `days_max` days, now and then 120."""
    data: dict[str, Any] = msgspec.to_builtins(default_policy())
    data["version"] = version
    data["windows"] = {name: _window(random, days_max) for name in data["windows"]}
    data["priors"] = {name: random.choice([0, 1, 5, 30, 1000]) for name in data["priors"]}
    data["curves"] = {
        "peers_min": random.choice([1, 2, 3, 6]),
        "peers_floor": random.choice([1, 2, 4]),
        "neutral_bps": random.choice([0, 5000, 7777]),
    }
    data["delivery"] = {"auto_confirm_days": random.choice([0, 1, 2, 3, days_max, 120])}
    if random.random() < 0.5:
        data["indicator_weights"] = {name: random.randint(1, 10_000) for name in data["indicator_weights"]}
        data["force_weights"] = {name: random.randint(1, 10_000) for name in data["force_weights"]}
    data["violations"] = {
        "minor": {"tier_max": random.randint(1, 5), "days": random.randint(1, 6)},
        "serious": {"tier_max": random.randint(1, 5), "days": random.randint(1, 12)},
    }
    data["tiers"] = _tiers(random)
    data["l5_rights"]["traffic_public_bps"] = random.choice([15_000, 20_000])
    return msgspec.convert(data, Policy)


def _window(random: Random, days_max: int) -> int:
    return 120 if random.random() < 0.1 else random.randint(1, days_max)


def _tiers(random: Random) -> dict[str, Any]:
    scores = sorted(random.randint(1500, 7000) for _ in range(4))
    tiers: dict[str, Any] = {f"l{i}": {"score_bps": score} for i, score in enumerate(scores, start=2)}
    tiers["l4"]["sales_bps"] = random.choice([0, 2000, 5000])
    tiers["l5"]["service_bps"] = random.choice([0, 2000, 4000])
    tiers["l5_bounds"] = {
        "z_milli": random.choice([1, 1645, 5000]),
        "negative_review_bps": random.choice([3000, 9000, 10_000]),
        "quality_return_bps": random.choice([3000, 9000, 10_000]),
    }
    return tiers | {
        "delivered_min": random.choice([1, 2, 5]),
        "down_after_closes": random.choice([1, 2, 3]),
        "materiality_bps": random.choice([1, 50, 400]),
    }
