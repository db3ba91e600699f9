"""Models at temperatures and supplies that nothing was measured at: random corners in ngspice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from neuromorph.characterization import measure
from neuromorph.characterization.corner_table import read_corners
from neuromorph.characterization.corners import Corner, at_corner, random_corner
from neuromorph.characterization.plan import planned
from neuromorph.circuit import Circuit
from neuromorph.errors import LibraryError
from neuromorph.figures import Figure
from neuromorph.library import BlockData, FittedModel, Library

SEEDS = (501, 502, 503, 504, 505, 506)
"""Of the corners that models are checked at."""
_UNSEEN = ("held-out", " knob,")
"""What a claim at unseen knobs says."""


@dataclass(frozen=True)
class CheckedCorner:
    """What ngspice gives at a corner, the model there, and the one of the usual corner."""

    corner: Corner
    model: FittedModel
    usual: FittedModel
    data: BlockData


def corner_figures(
    circuit: Circuit,
    stored: BlockData,
    *,
    tables: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
    references: Library | None = None,
) -> list[Figure]:
    """Measure a block's checks at random corners and score its model there; nothing for one without such checks.

    Parameters
    ----------
    stored : BlockData
        The block's own curves and fit; a corner's curves take the places of these, by name.
    tables : Path, optional
        Folder of the tables of corners, by default those of the package.
    references : Library, optional
        Where the curves are kept, each corner a block of its own; measured where they are not or are of another circuit.

    Raises
    ------
    LibraryError
        When there is no table of the block, or it has no fitted model.
    EngineUnavailable
        When ngspice is missing.
    """
    if circuit.score_corners is None:
        return []
    model, table, checked = stored.fit, read_corners(circuit.name, tables), []
    if model is None:
        raise LibraryError(f"block {stored.name} has no fitted model", remedy="run: neuromorph fit")
    with TemporaryDirectory() as folder:
        for seed in SEEDS:
            corner = random_corner(seed)
            name = f"{circuit.name}_corner_{seed}"
            made = replace(at_corner(circuit, corner, Path(folder) / f"{name}.cir"), name=name)
            fresh = _measured(made, jobs, progress, references)
            attributes = {**stored.attributes, "kelvin": corner.kelvin, "supply": corner.supply}
            data = replace(stored, attributes=attributes, sweeps={**stored.sweeps, **fresh.sweeps})
            there = replace(model, parameters=table.at(model.parameters, corner))
            checked.append(CheckedCorner(corner, there, model, data))
    return circuit.score_corners(checked)


def worst_of(
    score: Callable[[FittedModel, BlockData], list[Figure]],
    corners: list[CheckedCorner],
    unseen_knobs: float = 1.0,
) -> list[Figure]:
    """A block's own figures at their worst corner, and what they were if temperature and supply were ignored.

    Twice the usual limits of an error hold.  Those of rows at unseen knobs are twice the usual ones already, unless a block
    gives ``unseen_knobs``, by which they are multiplied.
    """
    found = [score(one.model, one.data) for one in corners]
    blind = [score(one.usual, one.data) for one in corners]
    rows = []
    for k, first in enumerate(found[0]):
        if first.must is None or first.goal is None:
            continue
        higher = first.better == "higher"
        worst = np.min if higher else np.max
        at_knobs = any(word in first.claim for word in _UNSEEN)
        factor = 1.0 if higher else unseen_knobs if at_knobs else 2.0
        each, ignored = (np.array([scored[k].value for scored in which], float) for which in (found, blind))
        details = {
            "corners": [str(one.corner) for one in corners], "each": each.round(3).tolist(),
            "ignored": round(float(worst(ignored)), 3),
        }  # fmt: skip
        claim = first.claim.replace(": ", ": unseen temperatures and supplies, ", 1)
        must, goal = factor * first.must, factor * first.goal
        rows.append(
            replace(first, claim=claim, value=float(worst(each)), must=must, goal=goal, details=details)
        )
    return rows


def _measured(circuit: Circuit, jobs: int | None, progress: bool, references: Library | None) -> BlockData:
    if references is None:
        return measure(circuit, circuit.corner_checks, jobs, progress)
    with references.locked(circuit.name):
        if not planned(circuit, circuit.corner_checks).is_done(references):
            references.write(measure(circuit, circuit.corner_checks, jobs, progress))
        return references.read(circuit.name)
