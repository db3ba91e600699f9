"""Fit and verify whole blocks of a library."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from neuromorph.characterization import measure
from neuromorph.characterization.plan import planned
from neuromorph.characterization.recheck import recheck, tolerance_floor
from neuromorph.circuit import Circuit, Sweep
from neuromorph.errors import CircuitError, FitFailed, LibraryError, NeuromorphError
from neuromorph.figures import Figure
from neuromorph.fitting.corners import corner_figures
from neuromorph.library import BlockData, FittedModel, Library, failed_points

QUICK_SECONDS = 120.0
"""Of ngspice in a quick verification."""
FLOOR_POINTS = 2
"""Points of a held-out sweep that are measured with tighter tolerances, too."""
FLOOR_SECONDS = 120.0
"""Of a block, for these points; a network of neurons takes minutes a point."""
FLOOR = "tolerance_floor"
"""Prefix of the attributes in which held-out curves keep what that gave."""


def fit(circuits: Iterable[Circuit], library: Library) -> dict[str, FittedModel]:
    """Fit every circuit's model to its curves and store it with the block.

    Raises
    ------
    LibraryError
        When a block has not been characterized.
    FitFailed
        When the curves do not determine the model.
    CircuitError
        When a recipe names no fit.
    """
    models = {}
    for circuit in circuits:
        if circuit.fit is None:
            raise CircuitError("the recipe names no fit", where=circuit.name, remedy="set Circuit.fit")
        with library.locked(circuit.name) if circuit.name in library.blocks() else nullcontext():
            data = library.read(circuit.name)
            models[circuit.name] = _fitted(circuit, data)
            library.write(replace(data, fit=models[circuit.name]))
    return models


def _fitted(circuit: Circuit, data: BlockData) -> FittedModel:
    assert circuit.fit is not None
    try:
        return circuit.fit(data)
    except NeuromorphError:
        raise
    except Exception as error:  # a recipe's own code
        failed = len(failed_points(data))
        cause = f"; {failed} points of its curves failed" if failed else ""
        raise FitFailed(
            f"{circuit.name}: its fit stops with {type(error).__name__}: {error}{cause}"
        ) from error


def verify(
    circuits: Iterable[Circuit],
    library: Library,
    jobs: int | None = None,
    progress: bool = True,
    references: Library | None = None,
    tables: Path | None = None,
    corners: bool = True,
) -> list[Figure]:
    """Measure every held-out sweep in ngspice and score the stored models on it, at random temperatures and supplies, too,
    where the recipe has checks for them.

    Parameters
    ----------
    references : Library, optional
        Where held-out curves are kept: a block whose netlist, stimuli and measurements are those of the curves there
        is not measured again, nor is ngspice's own floor.  It must not be the library of the models.
    tables : Path, optional
        Folder of the tables of corners, by default those of the package.
    corners : bool
        Whether blocks are measured at other temperatures and supplies, too.

    Raises
    ------
    LibraryError
        When a block has no fitted model, or one with checks at other temperatures and supplies no table of corners.
    EngineUnavailable
        When ngspice is missing: nothing is passed that was not measured.
    """
    figures: list[Figure] = []
    for circuit in circuits:
        data = held_out(circuit, library, jobs, progress, references)
        figures += score(circuit, library, data)
        if corners:
            figures += corner_figures(
                circuit, data, tables=tables, jobs=jobs, progress=progress, references=references
            )
    return figures


def held_out(
    circuit: Circuit,
    library: Library,
    jobs: int | None = None,
    progress: bool = True,
    references: Library | None = None,
) -> BlockData:
    """The block's stored curves together with its held-out sweeps; parameters as of :func:`verify`."""
    stored = library.read(circuit.name)
    _fit_of(stored, library)
    sweeps = tuple(s for s in circuit.sweeps if s.held_out)
    fresh = _with_floor(circuit, measure(circuit, sweeps, jobs, progress), jobs, progress) if references is None else (
        _kept(circuit, sweeps, references, jobs, progress)
    )  # fmt: skip
    return _together(stored, fresh)


def _together(stored: BlockData, held: BlockData) -> BlockData:
    """Stored curves and fit with held-out curves, and ngspice's floor of these."""
    floor = {name: value for name, value in held.attributes.items() if name.startswith(FLOOR)}
    return replace(stored, attributes=stored.attributes | floor, sweeps={**stored.sweeps, **held.sweeps})


def _with_floor(circuit: Circuit, held: BlockData, jobs: int | None, progress: bool) -> BlockData:
    found = tolerance_floor(
        circuit, held, points=FLOOR_POINTS, seconds=FLOOR_SECONDS, jobs=jobs, progress=progress
    )
    kept = {FLOOR: found.error, f"{FLOOR}_points": found.points, f"{FLOOR}_worst": found.worst}
    return replace(held, attributes=held.attributes | kept)


def _kept(
    circuit: Circuit, sweeps: tuple[Sweep, ...], references: Library, jobs: int | None, progress: bool
) -> BlockData:
    """Held-out curves as they are kept, measured where they are not or are of another circuit."""
    with references.locked(circuit.name):
        if not planned(circuit, sweeps).is_done(references):
            references.write(measure(circuit, sweeps, jobs, progress))
        held = references.read(circuit.name)
        if FLOOR not in held.attributes:
            held = _with_floor(circuit, held, jobs, progress)
            references.write(held)
        return held


def verify_quickly(
    circuits: Iterable[Circuit],
    library: Library,
    kept: Library,
    *,
    seconds: float = QUICK_SECONDS,
    seed: int = 0,
    jobs: int | None = None,
    progress: bool = True,
) -> list[Figure]:
    """Score the stored models on ``kept`` held-out curves and measure a draw of their points again.

    Parameters
    ----------
    kept : Library
        Curves of the same circuits and stimuli, such as :meth:`Library.held_out`.
    seconds : float
        For the points that are measured again.
    seed : int
        Of their choice.

    Raises
    ------
    LibraryError
        When a block's kept curves are of another circuit, or a block has no fitted model.
    EngineUnavailable
        When ngspice is missing: nothing is passed that was not measured, and a block of which no point was measured
        in time does not hold.
    """
    circuits = list(circuits)
    figures: list[Figure] = []
    for circuit in circuits:
        sweeps = tuple(s for s in circuit.sweeps if s.held_out)
        if not planned(circuit, sweeps).is_done(kept):
            raise LibraryError(
                f"the kept curves of block {circuit.name} are of another circuit", where=kept.path,
                remedy=f"run: neuromorph verify {circuit.name}",
            )  # fmt: skip
        figures += score(circuit, library, _together(library.read(circuit.name), kept.read(circuit.name)))
    found = recheck(circuits, kept, seconds=seconds, seed=seed, jobs=jobs, progress=progress)
    for name, one in found.items():
        details = {"points": one.points, "worst": one.worst, "unfinished": list(one.unfinished)}
        claim = f"{name}: kept points measured again"
        figures.append(Figure(claim, one.points, "1", 1.0, better="higher", details=details))
        if one.points:
            worst = f"{name}: kept points measured again, max difference of full scale"
            figures.append(Figure(worst, 100 * one.error, "%", 1.0, 0.1))
    return figures


def _fit_of(data: BlockData, library: Library) -> FittedModel:
    if data.fit is None:
        raise LibraryError(
            f"block {data.name} has no fitted model", where=library.path, remedy="run: neuromorph fit"
        )
    return data.fit


def score(circuit: Circuit, library: Library, data: BlockData) -> list[Figure]:
    """Figures of a block's stored model on measured data."""
    figures = circuit.score(_fit_of(data, library), data) if circuit.score else []
    if data.attributes.get(f"{FLOOR}_points", 0):
        points, worst = (data.attributes[f"{FLOOR}_{what}"] for what in ("points", "worst"))
        claim = (
            f"{circuit.name}: ngspice's own floor, tolerances ten times tighter, max difference of full scale"
        )
        figures = [*figures, Figure(claim, 100 * float(data.attributes[FLOOR]), "%",
                                    details={"points": int(points), "worst": str(worst)})]  # fmt: skip
    return figures
