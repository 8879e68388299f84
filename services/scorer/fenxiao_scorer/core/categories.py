"""Category paths as numbers: every path and its ancestors up to the root `""`, a parent before its children.

Events name paths by text; compiled code numbers those texts as they come, and `nodes` says which path each of them is.
"""

from typing import Any

import numpy as np

from fenxiao_scorer.core.arrays import Ints
from fenxiao_scorer.core.texts import Texts


class Categories:
    """The paths that this partition's products have or had.

    Attributes:
        texts: Those that events named.
        paths: These and their ancestors.
        nodes: The place in `paths` of each of the texts; as of the last `learn`.
    """

    __slots__ = ("_numbers", "_parents", "nodes", "paths", "texts")

    def __init__(self) -> None:
        self.texts = Texts()
        self.paths: list[str] = [""]
        self.nodes: Ints = np.zeros(0, np.int64)
        self._parents: list[int] = [-1]
        self._numbers: dict[str, int] = {"": 0}

    def learn(self) -> bool:
        """Take in the texts that are new; whether there were any."""
        known = len(self.nodes)
        if known == len(self.texts):
            return False
        new = [self._node(path) for path in self.texts.names(np.arange(known, len(self.texts)))]
        self.nodes = np.concatenate((self.nodes, np.array(new, np.int64)))
        return True

    def _node(self, path: str) -> int:
        known = self._numbers.get(path)
        if known is not None:
            return known
        parent = self._node(path.rpartition("/")[0])
        self._numbers[path] = len(self.paths)
        self.paths.append(path)
        self._parents.append(parent)
        return len(self.paths) - 1

    def parents(self) -> Ints:
        """Each path's parent; -1 for the root."""
        return np.array(self._parents, np.int64)

    def dump(self) -> Any:
        """For a snapshot."""
        return self.texts.dump()

    @classmethod
    def load(cls, parts: Any) -> "Categories":
        """From a snapshot."""
        categories = cls()
        categories.texts = Texts.load(parts)
        categories.learn()
        return categories
