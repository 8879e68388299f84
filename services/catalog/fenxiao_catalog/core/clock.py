"""Business days: arithmetic on times that messages carry. There is no clock here."""

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def business_day(at_ms: int, utc_offset_minutes: int) -> int:
    """The business day of a time, in days since 1970-01-01 at that offset."""
    return (at_ms + utc_offset_minutes * MINUTE_MS) // DAY_MS
