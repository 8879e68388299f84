"""Category paths as numbers: every path and its ancestors up to the root `""`, a parent before its children."""

import numpy as np

from fenxiao_scorer.core.arrays import Ints


class Categories:
    """The nodes of the paths that this partition's products have or had."""

    __slots__ = ("_nodes", "_parents", "paths")

    def __init__(self) -> None:
        self.paths: list[str] = [""]
        self._parents: list[int] = [-1]
        self._nodes: dict[str, int] = {"": 0}

    def node(self, path: str) -> int:
        """The number of a path, new or known."""
        known = self._nodes.get(path)
        if known is not None:
            return known
        parent = self.node(path.rpartition("/")[0])
        self._nodes[path] = len(self.paths)
        self.paths.append(path)
        self._parents.append(parent)
        return len(self.paths) - 1

    def parents(self) -> Ints:
        """Each node's parent; -1 for the root."""
        return np.array(self._parents, np.int64)

    @classmethod
    def load(cls, paths: list[str]) -> "Categories":
        """From a snapshot's `paths`."""
        categories = cls()
        for path in paths:
            categories.node(path)
        return categories
