"""The oracle: the scorer's norm written a second time, plainly."""
