"""Scorer: grades every product L0 to L5, incrementally."""
