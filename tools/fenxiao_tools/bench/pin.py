"""Run by path, `pin.py CORE PROGRAM ARGUMENTS...`: becomes the program, on that core from its first instruction on.

Pinned from outside, threads that a library starts early could stay where they were.
"""

import os
import sys


def main() -> None:
    """Never returns."""
    core, *argv = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    os.execv(argv[0], argv)  # noqa: S606 - the command is the parent's


if __name__ == "__main__":
    main()
