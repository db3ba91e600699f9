"""Spectrogram levels as bits: each band has a few thresholds and a line for each, a thermometer.

Line ``k`` of a band is on where the level lies above threshold ``k``.  Thresholds are the quantiles of what was heard
before (a circuit adapts them slowly, like a homeostatic threshold), so every line carries about as much.  A network
that gives each line's probability gives the expected level, too:

    E[level] = v_0 + sum_k p_k (v_k - v_{k-1}),    v_k the mean level between thresholds k and k + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LevelCode:
    """Thermometer code of band levels.

    Parameters
    ----------
    edges : array, [bands, levels]
        Thresholds, ascending in each band, in the unit of the levels.
    values : array, [bands, levels + 1]
        What a level between two thresholds stands for.

    Raises
    ------
    InputError
        When the shapes disagree or a band's thresholds do not ascend.
    """

    edges: Floats
    values: Floats

    def __post_init__(self) -> None:
        edges, values = np.asarray(self.edges, float), np.asarray(self.values, float)
        right = edges.ndim == 2 and edges.shape[1] > 0 and values.shape == (len(edges), edges.shape[1] + 1)
        if not right or not np.all(np.isfinite(edges)) or np.any(np.diff(edges, axis=1) < 0):
            raise InputError(
                f"thresholds of shape {edges.shape} with values of shape {values.shape}",
                remedy="give [bands, levels] finite ascending thresholds and [bands, levels + 1] values",
            )
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "values", values)

    @property
    def lines(self) -> int:
        """Number of lines, bands times levels."""
        return self.edges.size

    def encode(self, levels: NDArray[Any]) -> NDArray[np.float32]:
        """Bits [T, lines], band by band, lowest threshold first, of levels [T, bands]."""
        levels = np.asarray(levels, float)
        if levels.ndim != 2 or levels.shape[1] != len(self.edges):
            raise InputError(f"levels of shape {levels.shape}", remedy=f"give [T, {len(self.edges)}]")
        return (levels[:, :, None] > self.edges).reshape(len(levels), -1).astype(np.float32)

    def decode(self, probabilities: NDArray[Any]) -> Floats:
        """Expected levels [T, bands] from the probability of every line [T, lines]; bits are probabilities, too."""
        p = np.asarray(probabilities, float).reshape(-1, *self.edges.shape)
        return self.values[:, 0] + (p * np.diff(self.values, axis=1)).sum(axis=2)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"edges": self.edges.tolist(), "values": self.values.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LevelCode:
        """Inverse of :meth:`to_dict`."""
        return cls(np.array(values["edges"]), np.array(values["values"]))


def fit_levels(pieces: Sequence[NDArray[Any]], levels: int) -> LevelCode:
    """Thresholds at the quantiles 1/(levels+1), 2/(levels+1) ... of each band of ``pieces`` [T, bands].

    Raises
    ------
    InputError
        When there are fewer frames than levels, or no level.
    """
    heard = np.concatenate([np.asarray(piece, float) for piece in pieces]) if pieces else np.zeros((0, 0))
    if levels < 1 or len(heard) <= levels:
        raise InputError(
            f"{levels} levels from {len(heard)} frames",
            remedy="give more frames than levels, and at least one level",
        )
    edges = np.quantile(heard, np.arange(1, levels + 1) / (levels + 1), axis=0).T
    rank = (heard[:, :, None] > edges).sum(axis=2)
    middle = np.concatenate([edges, edges[:, -1:]], axis=1)
    values = [
        [
            heard[rank[:, b] == k, b].mean() if np.any(rank[:, b] == k) else middle[b, k]
            for k in range(levels + 1)
        ]
        for b in range(heard.shape[1])
    ]
    return LevelCode(edges, np.array(values))
