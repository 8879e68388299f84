"""Category paths as numbers: the root is 0, and a parent comes before its children."""

from fenxiao_oracle.arrays import Ints, ints


class Paths:
    """Numbers of the paths that were asked for, and of their ancestors."""

    def __init__(self) -> None:
        self._numbers = {"": 0}
        self._parents = [-1]

    def number(self, path: str) -> int:
        """The number of a path; it and its ancestors get one if they have none."""
        found = self._numbers.get(path)
        if found is not None:
            return found
        parent = self.number(path.rpartition("/")[0])
        self._numbers[path] = len(self._parents)
        self._parents.append(parent)
        return self._numbers[path]

    def parents(self) -> Ints:
        """The number of each path's parent; -1 for the root."""
        return ints(self._parents)
