"""A block's fitted parameters at every combination of a few temperatures and supplies, and between them.

Between the corners a parameter goes by the polynomial through all of them, over the inverse of the temperature, which a
current below threshold is exponential in, and over the supply: the logarithm of a scale, an offset or a term of
a polynomial itself.  By what an instance's terms differ goes with the polynomial's value at 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.characterization.corners import USUAL, Corner
from neuromorph.errors import LibraryError

OFFSETS = ("offset", "rest", "shift")
"""Ends of the names of parameters whose zero means nothing."""
SCALE_LIMIT = 100.0
"""A parameter that changes by less than this factor, either way, is a scale; more is one that a fit left open."""


@dataclass(frozen=True)
class CornerTable:
    """A block's parameters over temperature and supply.

    Parameters
    ----------
    kelvin, supply : temperatures, K, and supplies, V, the usual ones among them
    values : by parameter, [temperatures, supplies]
    """

    block: str
    kelvin: tuple[float, ...]
    supply: tuple[float, ...]
    values: Mapping[str, np.ndarray]

    def at(self, parameters: Mapping[str, Any], corner: Corner) -> dict[str, Any]:
        """``parameters`` of the usual corner, of one instance or arrays of them, at another one.

        What was not measured at other corners stays what it is; what a block has at others and not at the usual one comes
        with the table.

        Raises
        ------
        OutOfRange
            Outside 0 to 85 C or 0.72 to 0.88 V.
        """
        if corner == USUAL:
            return dict(parameters)
        kelvin, supply = corner.checked(self.block)
        weights = np.outer(
            _weights(1 / np.array(self.kelvin), 1 / kelvin), _weights(np.array(self.supply), supply)
        )
        usual = self.kelvin.index(USUAL.kelvin), self.supply.index(USUAL.supply)
        elsewhere = {name: 0.0 for name, rows in self.values.items() if not rows[usual]}
        found = dict(parameters)
        for name, value in {**elsewhere, **parameters}.items():
            if name not in self.values:
                continue
            here = self.values[name]
            ratio = here / (here[usual] or np.inf)
            if name[-1].isdigit():
                own = (value - here[usual]) * self._size(name, weights, usual)
                found[name] = float(np.sum(weights * here)) + own
            elif name.endswith(OFFSETS) or not _is_scale(ratio):
                found[name] = value + float(np.sum(weights * (here - here[usual])))
            else:
                found[name] = value * float(np.exp(np.sum(weights * np.log(ratio))))
        return found

    def _size(self, name: str, weights: np.ndarray, usual: tuple[int, int]) -> float:
        """Sum of all terms of a polynomial over that at the usual corner: what an instance's own terms go with."""
        family = name.rstrip("0123456789")
        terms = [rows for other, rows in self.values.items() if other.rstrip("0123456789") == family]
        whole = np.sum(terms, axis=0)
        ratio = whole / (whole[usual] or np.inf)
        return float(np.sum(weights * ratio)) if _is_scale(ratio) else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; to seven digits."""
        return {
            "block": self.block, "kelvin": list(self.kelvin), "supply": list(self.supply),
            "values": {name: [[float(f"{v:.7g}") for v in row] for row in rows] for name, rows in self.values.items()},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CornerTable:
        """Inverse of :meth:`to_dict`."""
        kelvin, supply = tuple(map(float, values["kelvin"])), tuple(map(float, values["supply"]))
        table = {name: np.array(rows, float) for name, rows in values["values"].items()}
        if wrong := [name for name, rows in table.items() if rows.shape != (len(kelvin), len(supply))]:
            raise ValueError(f"{', '.join(wrong)}: not one value a corner")
        if USUAL.kelvin not in kelvin or USUAL.supply not in supply:
            raise ValueError("the usual corner is not among them")
        return cls(values["block"], kelvin, supply, table)


def _is_scale(ratio: np.ndarray) -> bool:
    return bool(np.all((ratio > 1 / SCALE_LIMIT) & (ratio < SCALE_LIMIT)))


def _weights(nodes: np.ndarray, x: float) -> np.ndarray:
    """Lagrange's weights of the nodes at ``x``."""
    return np.array(
        [
            np.prod([(x - other) / (node - other) for j, other in enumerate(nodes) if j != k])
            for k, node in enumerate(nodes)
        ]
    )


def shipped_corners() -> Path:
    """Folder of the tables that come with the package."""
    return Path(__file__).parent.parent / "data" / "corners"


def read_corners(block: str, folder: Path | None = None) -> CornerTable:
    """A block's table in a folder, by default the package's.

    Raises
    ------
    LibraryError
        Where there is none, or it cannot be read.
    """
    file = (folder or shipped_corners()) / f"{block}.json"
    if not file.exists():
        raise LibraryError(
            f"block {block} was measured at no other temperature or supply", where=file.parent,
            remedy=f"neuromorph corners {block} --out {file.parent}",
        )  # fmt: skip
    try:
        return CornerTable.from_dict(json.loads(file.read_text()))
    except (KeyError, TypeError, ValueError) as error:
        raise LibraryError(
            f"this is no table of corners ({error})", where=file, remedy="measure it again"
        ) from error
