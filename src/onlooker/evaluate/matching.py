"""Who told which event: the best one-to-one assignment, never a greedy one.

A greedy matcher makes a score depend on the order of the speech; the best assignment is what the
field of onset and sound event detection uses (mir_eval, doi:10.5281/zenodo.1416114).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Pair = tuple[int, int]


def assign(weights: Mapping[Pair, float]) -> dict[int, int]:
    """Find the one-to-one assignment of the greatest total weight.

    Args:
        weights: (row, column) -> weight; a pair that is missing or not above 0 is impossible.

    Returns:
        row -> column, for the rows that got one.
    """
    possible = {pair: weight for pair, weight in weights.items() if weight > 0}
    found: dict[int, int] = {}
    for pairs in _components(possible):
        found |= _assign_densely(pairs, possible)
    return dict(sorted(found.items()))


def _components(pairs: Mapping[Pair, float]) -> list[list[Pair]]:
    """Split pairs into groups that share no row and no column: events far apart in time."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for row, column in pairs:
        parent[root(("row", row))] = root(("column", column))
    groups: defaultdict[tuple[str, int], list[Pair]] = defaultdict(list)
    for row, column in pairs:
        groups[root(("row", row))].append((row, column))
    return list(groups.values())


def _assign_densely(pairs: list[Pair], weights: Mapping[Pair, float]) -> dict[int, int]:
    rows = sorted({row for row, _ in pairs})
    columns = sorted({column for _, column in pairs})
    weights_RC = np.zeros((len(rows), len(columns)))
    for row, column in pairs:
        weights_RC[rows.index(row), columns.index(column)] = weights[row, column]
    if len(rows) > len(columns):
        chosen = [(row, column) for column, row in enumerate(_best_columns(weights_RC.T))]
    else:
        chosen = list(enumerate(_best_columns(weights_RC)))
    return {rows[row]: columns[column] for row, column in chosen if weights_RC[row, column] > 0}


def _best_columns(weights_RC: npt.NDArray[np.float64]) -> list[int]:
    """Give each row its own column so that the total is greatest. There are at least R columns.

    Row and column 0 stand for "none yet".

    Source: Kuhn 1955, doi:10.1002/nav.3800020109, by shortest augmenting paths with potentials.
    """
    num_rows, num_columns = weights_RC.shape
    row_price_R, column_price_C = np.zeros(num_rows + 1), np.zeros(num_columns + 1)
    row_of_C = np.zeros(num_columns + 1, int)
    came_from_C = np.zeros(num_columns + 1, int)
    for row in range(1, num_rows + 1):
        row_of_C[0], column = row, 0
        slack_C = np.full(num_columns + 1, np.inf)
        used_C = np.zeros(num_columns + 1, bool)
        while row_of_C[column]:
            used_C[column] = True
            at = row_of_C[column]
            reduced_C = np.append(np.inf, -weights_RC[at - 1]) - row_price_R[at] - column_price_C
            better_C = ~used_C & (reduced_C < slack_C)
            slack_C[better_C], came_from_C[better_C] = reduced_C[better_C], column
            column = int(np.argmin(np.where(used_C, np.inf, slack_C)))
            step = slack_C[column]
            row_price_R[row_of_C[used_C]] += step
            column_price_C[used_C] -= step
            slack_C[~used_C] -= step
        while column:
            before = int(came_from_C[column])
            row_of_C[column], column = row_of_C[before], before
    return [int(np.flatnonzero(row_of_C[1:] == row)[0]) for row in range(1, num_rows + 1)]
