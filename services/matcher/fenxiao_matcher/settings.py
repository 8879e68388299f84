"""The matcher's settings: those of every service, and its own."""

from pydantic import Field

from fenxiao_runtime.settings import Settings


class MatcherSettings(Settings):
    """What the matcher needs to know."""

    publish_interval_ms: int = Field(default=500, ge=10, le=60_000, description="how often changed lists are published")
    lists_per_round_max: int = Field(default=400, ge=1, le=100_000, description="lists ranked in one such round")
    fetch_records_max: int = Field(default=5_000, ge=1, le=100_000, description="input records folded at a time")
