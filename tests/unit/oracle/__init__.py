"""The oracle against the norm's vectors, and against the norm read literally."""
