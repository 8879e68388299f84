"""The curves of a day (section 4): every admitted product's values at the close, as histograms of its category's path.

A `Post` is what one partition adds; `build_curves` joins the posts of all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fenxiao_oracle.arrays import Flags, Ints, ints
from fenxiao_oracle.formulas import histogram_median
from fenxiao_oracle.kinds import KINDS, PRICE, UNITS, BinKind
from fenxiao_schemas.policy import Policy

type Table = dict[int, Ints]
"""A column by the number of the indicator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A partition's admitted products at the close of a day, a row each.

    Attributes:
        path: The number of the product's category.
        values: By indicator; whether the value is there and counts is in `counts`.
        num: By indicator, where it has a mean. `den` goes with it.
        observed: By indicator: how much was really seen of what the indicator measures.
    """

    path: Ints
    net_price: Ints
    values: Table
    counts: dict[int, Flags]
    num: Table
    den: Table
    observed: Table


@dataclass(frozen=True, slots=True)
class Histograms:
    """Of one indicator, for every path: counts under each bin (the last column: all), and the sums beside them."""

    cumulated: Ints
    sum_num: Ints
    sum_den: Ints
    observed: Ints

    @property
    def peers(self) -> Ints:
        """How many products each path counts."""
        total: Ints = self.cumulated[:, -1]
        return total


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one day. `parents` are those of the paths; `price_median` and `price_peers` are by path."""

    parents: Ints
    histograms: dict[int, Histograms]
    price_median: Ints
    price_peers: Ints
    _chosen: dict[tuple[int, int, int], Ints] = field(default_factory=dict)

    def chosen(self, indicator: int, policy: Policy) -> Ints:
        """For each path the path whose curve stands for it, -1 where there is none."""
        key = (indicator, policy.curves.peers_min, policy.curves.peers_floor)
        if key not in self._chosen:
            self._chosen[key] = self._choose(self.histograms[indicator], *key[1:])
        return self._chosen[key]

    def _choose(self, histograms: Histograms, peers_min: int, peers_floor: int) -> Ints:
        peers = histograms.peers
        root = 0 if peers[0] >= peers_floor else -1
        chosen = np.full(len(peers), root, dtype=np.int64)
        for path, parent in enumerate(self.parents.tolist()):  # a parent comes before its children
            if peers[path] >= peers_min:
                chosen[path] = path
            elif parent >= 0:
                chosen[path] = chosen[parent]
        return np.where((chosen >= 0) & (histograms.observed[chosen] > 0), chosen, -1)


def build_curves(posts: Sequence[Post], parents: Ints) -> Curves:
    """Sum up the posts of one day over all partitions; without posts, the curves that count nobody."""
    joined = _join(posts)
    row, path = _members(joined.path, parents)
    histograms = {number: _histograms(kind, number, joined, row, path, len(parents)) for number, kind in KINDS.items()}
    prices = _cumulated(PRICE, joined.net_price[row], path, len(parents))
    return Curves(parents, histograms, histogram_median(prices, PRICE.edges, PRICE.widths), prices[:, -1])


def _members(path: Ints, parents: Ints) -> tuple[Ints, Ints]:
    """Each product's row with its path, again with the parent, and so on up to the root."""
    row, rows, paths = np.arange(len(path)), [ints([])], [ints([])]
    while len(row):
        rows.append(row)
        paths.append(path)
        path = parents[path]
        row, path = row[path >= 0], path[path >= 0]
    return np.concatenate(rows), np.concatenate(paths)


def _histograms(kind: BinKind, number: int, post: Post, row: Ints, path: Ints, paths: int) -> Histograms:
    counts = post.counts[number][row]
    row, path = row[counts], path[counts]
    sums = [np.zeros(paths, dtype=np.int64) for _ in range(3)]
    for total, column in zip(sums, (post.num, post.den, post.observed), strict=True):
        if number in column:
            np.add.at(total, path, column[number][row])
    return Histograms(_cumulated(kind, post.values[number][row], path, paths), *sums)


def _cumulated(kind: BinKind, value: Ints, path: Ints, paths: int) -> Ints:
    width = len(kind.edges) + 1
    counts = np.bincount(path * width + kind.bins(value).bin + 1, minlength=paths * width)
    return ints(np.cumsum(counts.reshape(paths, width), axis=1))


def _join(posts: Sequence[Post]) -> Post:
    def joined(tables: Sequence[Table], number: int) -> Ints:
        return np.concatenate([ints([]), *(table[number] for table in tables)])

    return Post(
        path=np.concatenate([ints([]), *(post.path for post in posts)]),
        net_price=np.concatenate([ints([]), *(post.net_price for post in posts)]),
        values={number: joined([post.values for post in posts], number) for number in KINDS},
        counts={
            number: np.concatenate([np.zeros(0, dtype=np.bool_), *(post.counts[number] for post in posts)])
            for number in KINDS
        },
        num={number: joined([post.num for post in posts], number) for number in UNITS},
        den={number: joined([post.den for post in posts], number) for number in UNITS},
        observed={number: joined([post.observed for post in posts], number) for number in KINDS},
    )
