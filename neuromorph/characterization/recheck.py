"""Measure a draw of kept points again: are they still what ngspice answers, and how far do its tolerances move them?"""

from __future__ import annotations

import itertools
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from neuromorph.characterization.runner import measured
from neuromorph.circuit import REFERENCE_OPTIONS, STANDARD_OPTIONS, Circuit, Sweep
from neuromorph.errors import SimulationFailed
from neuromorph.library import SOLVED, BlockData, Library
from neuromorph.spice.workers import Job, WorkerPool


@dataclass(frozen=True)
class Recheck:
    """A block's points that were measured again.

    Parameters
    ----------
    points : how many
    error : largest difference of an output, of its largest value in the block's held-out sweeps
    worst : the point where that was
    unfinished : points that were still running at the end
    """

    points: int = 0
    error: float = 0.0
    worst: str = ""
    unfinished: tuple[str, ...] = ()


def recheck(
    circuits: Iterable[Circuit],
    kept: Library,
    *,
    seconds: float,
    seed: int,
    jobs: int | None = None,
    progress: bool = True,
) -> dict[str, Recheck]:
    """Measure held-out points in an order drawn from ``seed``, every block in turn, until ``seconds`` are over.

    Raises
    ------
    EngineUnavailable
        When ngspice is missing.
    """
    chosen = list(circuits)
    stored = {circuit.name: kept.read(circuit.name) for circuit in chosen}
    drawn = list(_interleaved([_drawn(circuit, seed) for circuit in chosen]))
    found = {name: Recheck() for name in stored}
    end = time.monotonic() + seconds
    with WorkerPool(jobs) as pool, tqdm(total=round(seconds), unit="s", disable=not progress) as bar:
        points = {_key(*item[:3]): item for item in drawn}
        for job, outcome in pool.run([_job(*item) for item in drawn], until=end):
            circuit, sweep, index, point = points[job.key]
            result = measured(sweep, point, outcome, job)
            error = _difference(stored[circuit.name], sweep, index, result)
            found[circuit.name] = _joined(found[circuit.name], error, job.point)
            bar.set_description(circuit.name)
            bar.update(min(round(seconds - max(end - time.monotonic(), 0.0)), round(seconds)) - bar.n)
        for job in pool.in_flight():
            known = found[job.circuit]
            found[job.circuit] = replace(known, unfinished=(*known.unfinished, job.point))
    return found


def tolerance_floor(
    circuit: Circuit,
    data: BlockData,
    *,
    points: int,
    seconds: float,
    seed: int = 0,
    jobs: int | None = None,
    progress: bool = True,
) -> Recheck:
    """ngspice's own floor: held-out points measured again with :data:`REFERENCE_OPTIONS`.

    Parameters
    ----------
    data : BlockData
        The block's held-out curves, of :data:`STANDARD_OPTIONS`.
    points : int
        A sweep, drawn from ``seed``; sweeps with options of their own are left out.
    seconds : float
        After which it ends, whatever is left; see ``unfinished``.

    Raises
    ------
    EngineUnavailable
        When ngspice is missing.
    """
    drawn, taken = [], dict[str, int]()
    for item in _drawn(circuit, seed):
        job, sweep = _job(*item), item[1]
        if STANDARD_OPTIONS in job.netlist and taken.get(sweep.name, 0) < points:
            taken[sweep.name] = taken.get(sweep.name, 0) + 1
            tight = replace(job, netlist=job.netlist.replace(STANDARD_OPTIONS, REFERENCE_OPTIONS))
            drawn.append((tight, item))
    known = {job.key: item for job, item in drawn}
    found = Recheck()
    with (
        WorkerPool(jobs) as pool,
        tqdm(total=len(drawn), desc=f"{circuit.name}, floor", disable=not progress) as bar,
    ):
        for job, outcome in pool.run([job for job, _ in drawn], until=time.monotonic() + seconds):
            _, sweep, index, point = known[job.key]
            result = measured(sweep, point, outcome, job)
            found = _joined(found, _difference(data, sweep, index, result), job.point)
            bar.update()
        late = tuple(job.point for job in pool.in_flight())
    return replace(found, unfinished=late)


Item = tuple[Circuit, Sweep, tuple[int, ...], dict[str, float]]


def _drawn(circuit: Circuit, seed: int) -> list[Item]:
    items = [
        (circuit, sweep, index, point)
        for sweep in circuit.sweeps
        if sweep.held_out
        for index, point in sweep.points()
    ]
    order = np.random.default_rng([seed, zlib.crc32(circuit.name.encode())]).permutation(len(items))
    return [items[k] for k in order]


def _interleaved(lists: list[list[Item]]) -> Iterator[Item]:
    """The first of every list, then the second of every list."""
    for row in itertools.zip_longest(*lists):
        yield from (item for item in row if item is not None)


def _key(circuit: Circuit, sweep: Sweep, index: tuple[int, ...]) -> str:
    return f"{circuit.name}|{sweep.name}|{index}"


def _job(circuit: Circuit, sweep: Sweep, index: tuple[int, ...], point: dict[str, float]) -> Job:
    label = f"{sweep.name} " + " ".join(f"{k}={v:.4g}" for k, v in point.items())
    return Job(_key(circuit, sweep, index), circuit.deck(sweep, point), circuit.name, label)


def _difference(data: BlockData, sweep: Sweep, index: tuple[int, ...], result: object) -> float:
    """Largest difference over the outputs; 1 where one has a result and the other failed."""
    old = data[sweep.name]
    if isinstance(result, SimulationFailed):
        return 0.0 if old.status[index] != SOLVED else 1.0
    assert isinstance(result, dict)
    errors = [0.0]
    for name, value in result.items():
        before = old[name][index]
        if not np.array_equal(np.isnan(before), np.isnan(value)):
            return 1.0
        full = _full_scale(data, name)
        errors.append(float(np.nanmax(np.abs(value - before), initial=0.0) / max(full, 1e-30)))
    return max(errors)


def _full_scale(data: BlockData, output: str) -> float:
    """Largest value over all held-out sweeps that have the output: one that measures a zero has no scale of its own."""
    values = [sweep.outputs[output] for sweep in data.sweeps.values() if output in sweep.outputs]
    return max(float(np.nanmax(np.abs(value), initial=0.0)) for value in values)


def _joined(known: Recheck, error: float, point: str) -> Recheck:
    worse = error > known.error
    return replace(
        known, points=known.points + 1, error=max(error, known.error), worst=point if worse else known.worst
    )
