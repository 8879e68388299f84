"""The scorer's settings: the common ones (`fenxiao_runtime.settings`) and how it commits."""

from pydantic import Field

from fenxiao_runtime.settings import Settings


class ScorerSettings(Settings):
    """None of these changes a result."""

    batch_records_max: int = Field(default=5_000, ge=1, le=100_000, description="records folded in one go")
    scorer_step_messages_max: int = Field(default=5_000, ge=1, le=100_000, description="tier messages a transaction")
    scorer_snapshot_events: int = Field(default=200_000, ge=1, description="events between snapshots of a partition")
    scorer_snapshot_products: int = Field(default=2, ge=0, description="and as many more for each of its products")
