"""A policy that is not right is refused with one line that says where."""

import pytest

from fenxiao_schemas.policy import (
    ALGORITHM_VERSION,
    FORCE_INDICATORS,
    WINDOW_DAYS_MAX,
    PolicyError,
    default_policy,
    default_policy_text,
    parse_policy,
)
from fenxiao_schemas.tiers import FORCES, INDICATORS


def test_the_default_policy_is_valid() -> None:
    """And it is made for this code, within the days that a scorer keeps."""
    policy = default_policy()
    assert policy.algorithm_version == ALGORITHM_VERSION
    assert max(policy.windows.repeat_days, policy.windows.evidence_days) <= WINDOW_DAYS_MAX
    assert policy.tiers.l5.floors() == (4_000, 3_500, 6_000, 4_500, 6_500)
    scores = [rule.score_bps for rule in policy.tiers.rules()]
    assert scores == sorted(set(scores)), "each tier asks more than the one below"


def test_every_indicator_belongs_to_one_force() -> None:
    assert tuple(FORCE_INDICATORS) == FORCES
    assert sum(FORCE_INDICATORS.values(), ()) == INDICATORS


INVALID: dict[str, tuple[str, str, str]] = {
    "an unknown field": ("[curves]", "[curves]\ncolour = 1", "colour"),
    "an unknown table": ("[curves]", "[colours]\nred = 1\n\n[curves]", "colours"),
    "a missing field": ("neutral_bps = 5000", "", "neutral_bps"),
    "a missing table": ("[delivery]\nauto_confirm_days = 10", "", "delivery"),
    "a weight for an unknown indicator": ("conversion = 3000", "conversion = 3000\nfame = 1", "fame"),
    "a weight for an unknown force": ("brand = 1500", "brand = 1500\nfame = 1", "fame"),
    "no weight for an indicator": ("conversion = 3000", "", "conversion"),
    "a negative weight": ("conversion = 3000", "conversion = -1", "indicator_weights"),
    "a force without weighty indicators": (
        "net_distributed_sales = 7000       # sales\nconversion = 3000",
        "net_distributed_sales = 0\nconversion = 0",
        "indicator_weights: all indicators of the force 'sales'",
    ),
    "forces that weigh nothing": (
        "brand = 1500\nprice = 1500\ndistribution = 2500\nservice = 2000\nsales = 2500",
        "brand = 0\nprice = 0\ndistribution = 0\nservice = 0\nsales = 0",
        "force_weights",
    ),
    "falling scores": ("score_bps = 7000", "score_bps = 5100", "tiers: score_bps"),
    "too long a window": ("repeat_days = 90", "repeat_days = 121", "windows.repeat_days"),
    "an empty window": ("dispatch_days = 30", "dispatch_days = 0", "windows.dispatch_days"),
    "another algorithm": ("algorithm_version = 1", "algorithm_version = 2", "algorithm_version"),
    "over 100%": ("brand_bps = 4000", "brand_bps = 10001", "tiers.l5.brand_bps"),
    "a fraction": ("z_milli = 1645", "z_milli = 1.645", "tiers.l5_bounds.z_milli"),
    "a text for a number": ("peers_min = 20", 'peers_min = "20"', "curves.peers_min"),
    "an empty label": ('label = "精选好物"', 'label = ""', "l5_rights.label"),
    "a syntax error": ("[curves]", "[curves", "line"),
    "a field twice": ("peers_min = 20", "peers_min = 20\npeers_min = 21", "line"),
}


@pytest.mark.parametrize(("old", "new", "named"), INVALID.values(), ids=INVALID)
def test_an_invalid_policy_is_refused_in_one_line_that_names_the_field(old: str, new: str, named: str) -> None:
    text = default_policy_text()
    assert text.count(old) >= 1
    with pytest.raises(PolicyError) as caught:
        parse_policy(text.replace(old, new, 1))
    message = str(caught.value)
    assert message.startswith("invalid policy: ")
    assert named in message
    assert "\n" not in message
