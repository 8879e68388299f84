"""The oracle's arrays against the norm read literally, on small random markets; and what must not matter."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenxiao_oracle import expected_tiers
from fenxiao_schemas import events as ev
from fenxiao_schemas.codec import encode
from fenxiao_schemas.policy import Policy, default_policy, parse_policy, default_policy_text

from tests.unit.oracle.market import Market
from tests.unit.oracle.naive import expected
