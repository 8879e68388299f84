"""The one way to compile a function here: numba, cached on disk, so that a second start compiles nothing."""

from collections.abc import Callable
from typing import Any, Final, cast

from numba import njit

from fenxiao_scorer.compile_cache import use_cache

CACHED: Final = use_cache()
"""Whether what is compiled is kept for the next start."""
COMPILED: Final[list[Any]] = []
"""All functions so made, for those who look at what was compiled when."""


def compiled[F: Callable[..., Any]](function: F) -> F:
    """Compile for the types of the first call; from then on from the cache on disk (`compile_cache`).

    Integers divide as in Python (towards minus infinity), but a zero divisor raises nothing: callers see to that. The
    GIL is free while it runs.

    Such a function makes no arrays but views: without numba's own memory management there is no counting of references to
    the arrays handed from one to the next, which would cost several times what the arithmetic does. One that tries does
    not compile.
    """
    options: dict[str, Any] = {"cache": CACHED, "nogil": True, "error_model": "numpy", "_nrt": False}
    made = njit(**options)(function)
    COMPILED.append(made)
    return cast("F", made)
