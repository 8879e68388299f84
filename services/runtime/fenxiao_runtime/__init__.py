"""The partition processor: a Kafka log folded exactly once in effect."""
