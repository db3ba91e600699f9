"""Sensitivities measured: one transistor after the other is shifted, measured and fitted.

A block of n transistors takes n + 1 samples, whatever the spread, and two more an offset, either way along what moves that
most: how far everything else is even in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from neuromorph.characterization.corner_table import OFFSETS
from neuromorph.characterization.montecarlo import NOMINAL
from neuromorph.characterization.samples import (
    KeptSamples,
    Sample,
    device_parameters,
    fitted_sweeps,
    measure,
    written,
)
from neuromorph.characterization.sensitivity import Sensitivity
from neuromorph.circuit import Circuit
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES
from neuromorph.errors import CircuitError
from neuromorph.spice.instances import Device, devices

OTHER_WAY = 10_000
"""Added to a transistor's number where it is shifted the other way."""
ALONG = 20_000
"""Number of the first sample along an offset; two each."""
STEP = 0.2
"""Shift of a transistor's subthreshold current, in its logarithm, if it had eight tubes."""
REACHES = (2.0, 1.0)
"""How far samples go along an offset, in its standard deviations at a mismatch of :data:`STEP`; the second where a fit does
not follow the first."""
FIT_FACTOR, FIT_FLOOR = 5.0, 0.15
"""A shifted transistor's fit has found another minimum where its error is this much larger than the nominal one's, and
larger than this share (or volt): a law made for the design does not follow every shift to within less."""
SCALE_LIMIT = 0.6
"""A parameter that all shifts together move by less than this share is a scale: its logarithm is what adds up."""


def sensitivity(
    circuit: Circuit,
    folder: Path,
    *,
    points: int | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> Sensitivity:
    """Shift, measure and fit transistor by transistor; goes on where an earlier call ended.

    Parameters
    ----------
    circuit : Circuit
        With a fit.
    folder : Path
        Where samples and netlists are kept.
    points : int, optional
        Values an axis at most; all of the recipe's by default.
    jobs : int, optional
        ngspice processes; one a core by default.

    Raises
    ------
    CircuitError
        When the recipe has no fit or names pairs of other transistors, or a transistor's samples can be measured or
        fitted in neither way.
    InputError
        For fewer than two points an axis, a folder that is a file.
    EngineUnavailable
        When ngspice is missing.
    """
    samples = _Samples(circuit, folder, points, jobs, progress)
    first, steps = _first_order(samples)
    bending = _second_order(samples, first)
    return replace(first, bending=bending, slopes=_straightened(first, bending, steps))


class _Samples:
    """A block's samples by number: as designed, a transistor shifted, along an offset."""

    def __init__(
        self, circuit: Circuit, folder: Path, points: int | None, jobs: int | None, progress: bool
    ) -> None:
        self.circuit, self.points, self.jobs, self.progress = circuit, points, jobs, progress
        structure = circuit.structure()
        self.inside = devices(structure, circuit.subcircuit)
        self.tubes = np.array(
            [device_parameters(structure, device, circuit.name).tubes for device in self.inside]
        )
        paths = [device.path for device in self.inside]
        if wrong := [path for pair in circuit.pairs for path in pair if path not in paths]:
            raise CircuitError(
                f"no transistor {', '.join(wrong)} for pairs=", where=circuit.name,
                remedy=f"{circuit.subcircuit} has: {', '.join(paths)}",
            )  # fmt: skip
        self.along: dict[int, dict[str, float]] = {}
        self._kept = KeptSamples(folder, circuit, f"one device by {STEP}", fitted_sweeps(circuit, points))

    def measured(self, numbers: Iterable[int]) -> dict[int, Sample]:
        """Some of them, whether their fits succeeded or not."""
        wanted = list(numbers)
        found = measure(self._kept, wanted, self._made, jobs=self.jobs, progress=self.progress)
        return dict(zip(wanted, found, strict=True))

    def good(self, numbers: Iterable[int]) -> dict[int, Sample]:
        """Some of them.

        Raises
        ------
        CircuitError
            When one cannot be measured or fitted.
        """
        found = self.measured(numbers)
        for number, sample in found.items():
            if sample.failure:
                raise CircuitError(
                    f"{self._what(number)}: {sample.failure}", where=self.circuit.name,
                    remedy="take more points an axis" if self.points else "its own plan does not suit its fit",
                )  # fmt: skip
        return found

    def _what(self, number: int) -> str:
        return (
            "nothing shifted" if number == NOMINAL else f"with {self.inside[number % OTHER_WAY].path} shifted"
        )

    def _made(self, number: int) -> tuple[Circuit, int]:
        file = self._kept.netlists / f"{self.circuit.name}_device_{number}.cir"
        return written(self.circuit, self._own(number), file), 0

    def _own(self, number: int) -> Callable[[Device, CnfetParameters], Mapping[str, float]]:
        if number == NOMINAL or number in self.along:
            return _shifting(self.along.get(number, {}))
        sign = -1.0 if number >= OTHER_WAY else 1.0
        return _shifting({self.inside[number % OTHER_WAY].path: sign * STEP})


def _first_order(samples: _Samples) -> tuple[Sensitivity, np.ndarray]:
    """And by how much each device's current falls in its sample, in the logarithm, [devices]."""
    inside = range(len(samples.inside))
    # the nominal one first: a plan too coarse for the fit fails in it, and early
    found = samples.good([NOMINAL])
    found |= samples.measured(inside)
    # a point that is not solved, a fit that fails or ends elsewhere: the same transistor the other way
    ways = np.array([-1.0 if _unlike(found[k], found[NOMINAL]) else 1.0 for k in inside])
    others = samples.good(OTHER_WAY + int(k) for k in np.flatnonzero(ways < 0))
    for number, sample in others.items():
        if _unlike(sample, found[NOMINAL]):
            raise CircuitError(
                f"with {samples.inside[number - OTHER_WAY].path} shifted either way the fit ends where the curves are not",
                where=samples.circuit.name,
                remedy="take more points an axis, or give the fit a start nearer to its end",
            )
    found |= {number - OTHER_WAY: sample for number, sample in others.items()}
    steps = ways * STEP * np.sqrt(REFERENCE_TUBES / samples.tubes)
    nominal, scales, slopes = found[NOMINAL].parameters, set(), {}
    for name, value in nominal.items():
        values = np.array([found[k].parameters[name] for k in inside])
        if value != 0 and np.linalg.norm(values / value - 1) < SCALE_LIMIT:
            scales.add(name)
            slopes[name] = np.log(values / value) / steps
        else:
            slopes[name] = (values - value) / steps
    known = Sensitivity(
        samples.circuit.name, nominal, tuple(device.path for device in samples.inside), samples.tubes, frozenset(scales),
        slopes,
    )  # fmt: skip
    return known, steps


def _second_order(samples: _Samples, first: Sensitivity) -> dict[str, dict[str, float]]:
    """What the square of each offset's change does to all parameters; an offset that no fit follows is left out."""
    usual, found = samples.good([NOMINAL])[NOMINAL], {}
    pairs = [f"{plus} - {minus}" for plus, minus in samples.circuit.pairs]
    for k, offset in enumerate([*first.offsets(), *pairs]):
        gradient = first.direction(offset) * np.sqrt(REFERENCE_TUBES / first.tubes)
        size = float(np.linalg.norm(gradient))
        for at, reach in enumerate(REACHES):
            begin = ALONG + 2 * (len(REACHES) * k + at)
            for way in (0, 1):
                shifts = (1 - 2 * way) * reach * STEP * gradient / size
                samples.along[begin + way] = dict(zip(first.devices, shifts.tolist(), strict=True))
            up, down = samples.measured([begin, begin + 1]).values()
            if not (_unlike(up, usual) or _unlike(down, usual)):
                found[offset] = _even(first, up, down, reach * STEP * size)
                break
    return found


def _straightened(
    first: Sensitivity, bending: Mapping[str, Mapping[str, float]], steps: np.ndarray
) -> dict[str, np.ndarray]:
    """Slopes without what a single device's step did by its square."""
    bent = {offset: first.direction(offset) ** 2 * steps for offset in bending}
    return {
        name: slopes
        - sum((bends.get(name, 0.0) * bent[offset] for offset, bends in bending.items()), np.zeros(1))
        for name, slopes in first.slopes.items()
    }


def _even(known: Sensitivity, up: Sample, down: Sample, change: float) -> dict[str, float]:
    """What the square of an offset's change does to the parameters, from samples shifted by it either way."""
    found = {}
    for name, value in known.nominal.items():
        both = np.array([sample.parameters[name] for sample in (up, down)])
        if name not in known.scales:
            even = both.mean() - value
        elif name.endswith(OFFSETS) or not np.all(both / value > 0):
            even = both.mean() / value - 1
        else:
            even = np.log(both / value).mean()
        found[name] = float(even / change**2)
    return found


def _unlike(sample: Sample, nominal: Sample) -> bool:
    """Whether a sample failed, or its fit ended where the curves are not."""
    return bool(sample.failure) or any(
        name in nominal.errors and error > max(FIT_FACTOR * nominal.errors[name], FIT_FLOOR)
        for name, error in sample.errors.items()
    )


def _shifting(shifts: Mapping[str, float]) -> Callable[[Device, CnfetParameters], Mapping[str, float]]:
    """Devices by path, each by a change of its current's logarithm if it had eight tubes."""

    def own(device: Device, kind: CnfetParameters) -> dict[str, float]:
        volt = shifts.get(device.path, 0.0) * _swing(kind) * np.sqrt(REFERENCE_TUBES / kind.tubes)
        return {"vfb": kind.vfb + float(volt)}

    return own


def _swing(kind: CnfetParameters) -> float:
    return float(evaluate_geometry(kind.values(), np)["nv"])
