"""Two implementations of one norm, written apart: every byte that the scorer publishes is what the oracle expects.

Random logs with every kind of event, over several partitions, under random policies that change at day closes.
"""

import os

import pytest

from fenxiao_oracle import expected_tiers
from support.random_log import random_log
from support.scorer_run import run

SEEDS = int(os.environ.get("FENXIAO_SIMULATION_SEEDS", "60"))
"""CI asks for more than a person would wait for."""
SEEDS_PER_TEST = 15


@pytest.mark.parametrize("first_seed", range(0, SEEDS, SEEDS_PER_TEST))
def test_every_message_is_the_oracles(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + SEEDS_PER_TEST):
        log = random_log(seed)
        published = run(log).messages
        expected = expected_tiers(log.partitions, log.policies)
        for partition, (ours, theirs) in enumerate(zip(published, expected, strict=True)):
            assert [(m.key, m.value) for m in ours] == list(map(tuple, theirs)), f"seed {seed}, partition {partition}"
