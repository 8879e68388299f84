"""Two array types and three helpers, so that the modules with the norm in them stay readable."""

import numpy as np
import numpy.typing as npt

type Ints = npt.NDArray[np.int64]
type Flags = npt.NDArray[np.bool_]


def ints(values: object) -> Ints:
    """An int64 array of whatever holds integers."""
    return np.asarray(values, dtype=np.int64)


def ranges(starts: Ints, ends: Ints) -> Ints:
    """All integers of the half-open ranges, one range after the other: `[2, 7], [4, 8]` gives `2, 3, 7`."""
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()), dtype=np.int64)


def offsets(lengths: Ints) -> Ints:
    """Where each of some consecutive pieces begins, and where the last one ends."""
    result = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def sum_pieces(amounts: Ints, bounds: Ints) -> Ints:
    """The sum of each consecutive piece of `amounts`, an empty one being 0."""
    running = offsets(amounts)
    return running[bounds[1:]] - running[bounds[:-1]]
