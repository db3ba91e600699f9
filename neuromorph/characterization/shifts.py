"""Sensitivities measured: one transistor after the other is shifted, measured and fitted.

A block of n transistors takes 2 n + 1 samples, each shifted either way, whatever the spread, two more an offset, either
way along what moves that most (how far everything else is even in it), and some with all transistors shifted at random, on
which it is decided which squares a parameter follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

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
from neuromorph.characterization.sensitivity import FLOOR, SIGNED, Sensitivity
from neuromorph.circuit import Circuit
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES
from neuromorph.errors import CircuitError
from neuromorph.spice.instances import Device, devices
from neuromorph.spice.workers import Pool, WorkerPool

OTHER_WAY = 10_000
"""Added to a transistor's number where it is shifted the other way."""
ALONG = 20_000
"""Number of the first sample along an offset; two each."""
UNEVEN = 25_000
"""The same along the logarithm of a ratio."""
AT_RANDOM = 30_000
"""Number of the first sample whose transistors are all shifted at random."""
TRIALS = 48
"""Samples at random: which squares a parameter follows is decided on them, and its slopes are corrected by them."""
CLEARLY = 0.75
"""Slopes that the trials correct, and a parameter's own square, count where they miss by a quarter less: the mean of 48
errors is known to a ninth.  Shapes of a ratio (its logarithm's square, its size, one side's) are asked alike."""
STEP = 0.2
"""Shift of a transistor's subthreshold current, in its logarithm, if it had eight tubes."""
REACHES = (2.0, 1.0)
"""How far samples go along an offset, in its standard deviations at a mismatch of :data:`STEP`; the second where a fit does
not follow the first."""
RATIO_REACH = 1.25
"""The same along a ratio: others may go with its logarithm's size more than with its square, and over normal numbers a V
has the mean of the parabola that meets it there."""
FIT_FACTOR, FIT_FLOOR = 5.0, 0.15
"""A shifted transistor's fit has found another minimum where its error is this much larger than the nominal one's, and
larger than this share (or volt): a law made for the design does not follow every shift to within less."""
COEFFICIENTS = ("_slope", "_bend", "_skew", "_kurt", "_curve")
"""Ends of the names of a law's coefficients, which add up as they are, however far they move."""
ALIKE = 0.1
"""Of an offset's square: what must be left of it without its transistors' own squares to be told from them (a pair's is a
half)."""
SCALE_LIMIT = 0.6
"""A parameter that all shifts together move by less than this share is a scale: its logarithm is what adds up."""
LONE = 1
"""So many samples at random in which its sign is another make a parameter no sum yet: a fit may end elsewhere."""

Correction = Literal["none", "slopes", "own square", "ratios"]
"""Of a model, by the least squares of what it leaves of all samples."""


def sensitivity(
    circuit: Circuit,
    folder: Path,
    *,
    points: int | None = None,
    jobs: int | None = None,
    solver: type[Pool] = WorkerPool,
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
        ngspice processes, or groups solved at a time; one a core by default.
    solver : type
        What solves the decks: ngspice, or :class:`neuromorph.transient.pool.BatchPool`.

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
    samples = _Samples(circuit, folder, points, partial(solver, jobs), solver.law, progress)
    first, own = _one_by_one(samples)
    none = {name: np.zeros(len(curves)) for name, curves in own.items()}
    bent = [_second_order(samples, first, curves) for curves in (none, own)]
    sized = [_by_size(samples, model) for model in bent] if circuit.uneven else []
    return _tried(samples, [first, *bent, *sized])


class _Samples:
    """A block's samples by number: as designed, a transistor shifted, along an offset."""

    def __init__(
        self,
        circuit: Circuit,
        folder: Path,
        points: int | None,
        pool: Callable[[], Pool],
        law: str,
        progress: bool,
    ) -> None:
        self.circuit, self.points, self.pool, self.progress = circuit, points, pool, progress
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
        self._kept = KeptSamples(
            folder, circuit, f"one device by {STEP}{law}", fitted_sweeps(circuit, points)
        )

    def measured(self, numbers: Iterable[int]) -> dict[int, Sample]:
        """Some of them, whether their fits succeeded or not."""
        wanted = list(numbers)
        found = measure(self._kept, wanted, self._made, pool=self.pool, progress=self.progress)
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


def _one_by_one(samples: _Samples) -> tuple[Sensitivity, dict[str, np.ndarray]]:
    """Every transistor shifted either way; and, by parameter, what the square of its shift does, [devices].

    A sample that is not solved, whose fit fails or ends elsewhere, is left out: its transistor's other one alone counts.
    """
    inside = range(len(samples.inside))
    # the nominal one first: a plan too coarse for the fit fails in it, and early
    nominal = samples.good([NOMINAL])[NOMINAL]
    named = [name for ratio in samples.circuit.uneven for name in ratio.split(" - ")]
    if wrong := [name for name in named if name not in nominal.parameters]:
        raise CircuitError(
            f"no parameter {', '.join(wrong)} for uneven=", where=samples.circuit.name,
            remedy=f"its fit gives: {', '.join(nominal.parameters)}",
        )  # fmt: skip
    found = samples.measured([*inside, *(OTHER_WAY + k for k in inside)])
    ways = [[w for w in (1, -1) if not _unlike(found[_number(k, w)], nominal)] for k in inside]
    for k in inside:
        if not ways[k]:
            why = found[k].failure or "the fit ends where the curves are not"
            raise CircuitError(
                f"with {samples.inside[k].path} shifted either way: {why}", where=samples.circuit.name,
                remedy="take more points an axis, or give the fit a start nearer to its end",
            )  # fmt: skip
    steps = STEP * np.sqrt(REFERENCE_TUBES / samples.tubes)
    trials = _at_random(samples, nominal).values()
    scales = frozenset(
        name
        for name, value in nominal.parameters.items()
        if value != 0
        and not _adds(name)
        and sum(trial.parameters[name] * value < 0 for trial in trials) <= LONE
        and np.linalg.norm([found[_number(k, ways[k][0])].parameters[name] / value - 1 for k in inside])
        < SCALE_LIMIT
    )
    slopes = {name: np.zeros(len(inside)) for name in nominal.parameters}
    own = {name: np.zeros(len(inside)) for name in nominal.parameters}
    for k in inside:
        for name, value in nominal.parameters.items():
            changes = {
                w: _change(name, name in scales, value, found[_number(k, w)].parameters[name])
                for w in ways[k]
            }
            slopes[name][k] = np.mean([w * change for w, change in changes.items()]) / steps[k]
            if len(changes) == 2:
                own[name][k] = np.mean(list(changes.values())) / steps[k] ** 2
    paths = tuple(device.path for device in samples.inside)
    return Sensitivity(samples.circuit.name, nominal.parameters, paths, samples.tubes, scales, slopes), own


def _at_random(samples: _Samples, nominal: Sample) -> dict[int, Sample]:
    """Samples of all transistors shifted at random, by number; a fit that ends elsewhere is no model's fault."""
    rng, wanted = np.random.default_rng(AT_RANDOM), range(AT_RANDOM, AT_RANDOM + TRIALS)
    paths = [device.path for device in samples.inside]
    for number in wanted:
        shifts = STEP * rng.standard_normal(len(paths))
        samples.along[number] = dict(zip(paths, shifts.tolist(), strict=True))
    return {
        number: sample for number, sample in samples.measured(wanted).items() if not _unlike(sample, nominal)
    }


def _adds(name: str) -> bool:
    """Whether a parameter adds up as it is: a law's coefficient, or what is a logarithm already."""
    return (name.endswith(COEFFICIENTS) and "_per_" not in name) or name.startswith("log_")


def _number(device: int, way: int) -> int:
    """Of the sample in which a transistor is shifted up (1) or down (-1)."""
    return device if way > 0 else OTHER_WAY + device


def _change(name: str, scale: bool, usual: float, value: float) -> float:
    """Of a parameter, as it adds up: see :meth:`Sensitivity.moved`."""
    if not scale:
        return value - usual
    if name.endswith(OFFSETS) or value / usual <= 0:
        return value / usual - 1
    return float(np.log(value / usual))


def _second_order(samples: _Samples, first: Sensitivity, own: Mapping[str, np.ndarray]) -> Sensitivity:
    """With what the squares of offsets' changes and of transistors' own shifts do; an offset that no fit follows is left
    out.

    Along an offset its own square and those of the transistors that make it go together: what each does follows from both.
    """
    nominal = samples.good([NOMINAL])[NOMINAL]
    roots = np.sqrt(REFERENCE_TUBES / first.tubes)
    straight = not any(np.any(curves) for curves in own.values())
    offsets, along, even = list[str](), list[np.ndarray](), list[dict[str, float]]()
    pairs = [f"{plus} - {minus}" for plus, minus in samples.circuit.pairs]
    tried = [
        *((ALONG, k, offset, REACHES) for k, offset in enumerate([*first.offsets(), *pairs])),
        *((UNEVEN, k, ratio, (RATIO_REACH,)) for k, ratio in enumerate(samples.circuit.uneven)),
    ]
    for base, k, offset, reaches in tried:
        gradient = first.direction(offset) * roots
        for at, reach in enumerate(reaches):
            begin = base + 2 * (len(reaches) * k + at)
            shifts = reach * STEP * gradient / np.linalg.norm(gradient)
            for way in (0, 1):
                samples.along[begin + way] = dict(
                    zip(first.devices, ((1 - 2 * way) * shifts).tolist(), strict=True)
                )
            up, down = samples.measured([begin, begin + 1]).values()
            if not (_unlike(up, nominal) or _unlike(down, nominal)):
                offsets.append(offset)
                along.append(shifts * roots)
                even.append({
                    name: 0.5 * sum(_change(name, name in first.scales, value, s.parameters[name]) for s in (up, down))
                    for name, value in first.nominal.items()
                })  # fmt: skip
                break
    if not offsets:
        return first if straight else replace(first, curves=dict(own))
    directions, shares = np.array([first.direction(offset) for offset in offsets]), np.array(along)
    # an offset that one transistor makes is that transistor's own square: the least of both that tell it all
    system = (shares @ directions.T) ** 2 - (0.0 if straight else shares**2 @ (directions**2).T)
    size = np.sum(shares * directions, axis=1) ** 2
    # each offset's square in units of what it is along its own samples: some offsets hardly move
    left_turn, values, right_turn = np.linalg.svd(system / size)
    inverse = (
        right_turn.T @ np.diag(np.where(values > ALIKE, 1 / np.maximum(values, ALIKE), 0.0)) @ left_turn.T
    )
    bending: dict[str, dict[str, float]] = {offset: {} for offset in offsets}
    curves = {}
    for name in first.nominal:
        left = np.array([part[name] for part in even]) - shares**2 @ own[name]
        bends = inverse @ left / size
        for offset, bend in zip(offsets, bends, strict=True):
            bending[offset][name] = float(bend)
        curves[name] = own[name] - bends @ directions**2
    return replace(first, bending=bending, curves={} if straight else curves)


def _by_size(samples: _Samples, model: Sensitivity) -> Sensitivity:
    """What goes with the square of a ratio's logarithm with its size instead: as much where it was measured, and on average
    (:data:`RATIO_REACH`).  Where its own two sides are unlike, or begin beside the middle, slopes of single transistors say
    nothing of it; the difference of both samples does.
    """
    bending, slopes = dict(model.bending), dict(model.slopes)
    for k, ratio in enumerate(samples.circuit.uneven):
        if ratio not in bending:
            continue
        direction = model.direction(ratio)
        shares = np.array(list(samples.along[UNEVEN + 2 * k].values())) * np.sqrt(
            REFERENCE_TUBES / model.tubes
        )
        reach = float(shares @ direction)
        bends = bending.pop(ratio)
        bending[f"|{ratio}|"] = {name: bend * abs(reach) for name, bend in bends.items()}
        up, down = samples.measured([UNEVEN + 2 * k, UNEVEN + 2 * k + 1]).values()
        for name, value in model.nominal.items():
            high, low = (_change(name, name in model.scales, value, s.parameters[name]) for s in (up, down))
            missing = 0.5 * (high - low) - shares @ slopes[name]
            slopes[name] = slopes[name] + missing / reach * direction
    return replace(model, bending=bending, slopes=slopes)


def _tried(samples: _Samples, models: Sequence[Sensitivity]) -> Sensitivity:
    """Of every parameter the terms by which it is foretold best where all transistors are shifted at random.

    ``models``: of first order, with the squares of offsets, with those and of transistors' own shifts, and with the sizes
    of ratios in the place of their squares.  Each is tried as it is and with every correction (:class:`_Trials`).
    """
    trials = _Trials(samples, models[0])
    bending: dict[str, dict[str, float]] = {offset: {} for model in models for offset in model.bending}
    curves, slopes = dict[str, np.ndarray](), dict[str, np.ndarray]()
    for names in _together(models[0].nominal):
        best, correction = trials.best(models, names) if trials.count else (models[2], "none")
        for name in names:
            for offset, bends in best.bending.items():
                bending[offset][name] = bends[name]
            if name in best.curves:
                curves[name] = best.curves[name]
            more, bent = trials.left(best, name, correction)
            slopes[name] = best.slopes[name] + more
            for key, bend in bent.items():
                bends = bending.setdefault(key, {})
                bends[name] = bends.get(name, 0.0) + bend
    return replace(models[0], bending=bending, curves=curves, slopes=slopes)


class _Trials:
    """Samples at random, beside those of single transistors: how far models miss them.

    A slope from one transistor's two samples has the noise of their fits in it, and is of small shifts.  Over all samples
    together the least squares of what a model leaves correct its slopes, what the square of the parameter's own change
    does, or what the logarithms of ratios do, straight, squared, and squared on either side.  How far that misses a trial
    is what it would miss without this very trial (Allen's PRESS, Technometrics 16, 125, 1974).
    """

    def __init__(self, samples: _Samples, first: Sensitivity) -> None:
        inside = range(len(samples.inside))
        self._uneven = samples.circuit.uneven
        nominal = samples.good([NOMINAL])[NOMINAL]
        trials = _at_random(samples, nominal)
        ones = samples.measured([_number(k, way) for k in inside for way in (1, -1)])
        ones = {n: s for n, s in ones.items() if not _unlike(s, nominal)}
        self.count = len(trials)
        self._samples = [*trials.values(), *ones.values()]
        at_random = np.array([list(samples.along[n].values()) for n in trials]).reshape(-1, len(inside))
        single = [
            (STEP if n < OTHER_WAY else -STEP) * (np.arange(len(inside)) == n % OTHER_WAY) for n in ones
        ]
        self._shifts = np.vstack([at_random, *single])
        self._shares = self._shifts * np.sqrt(REFERENCE_TUBES / first.tubes)

    def _errors(self, model: Sensitivity, name: str) -> tuple[np.ndarray, np.ndarray]:
        """What a model leaves of every sample's change, and the changes themselves."""
        usual = model.nominal[name]
        change = [_change(name, name in model.scales, usual, s.parameters[name]) for s in self._samples]
        return np.array(change) - model.changes([name], self._shifts)[name], np.array(change)

    def left(
        self, model: Sensitivity, name: str, correction: Correction
    ) -> tuple[np.ndarray, dict[str, float]]:
        """What is to be added to a model's slopes, [devices], and to its bends, by key."""
        terms = self._terms(model, name, correction)
        found = np.linalg.lstsq(terms, self._errors(model, name)[0])[0].tolist()
        slopes, bends = np.zeros(len(model.devices)), dict[str, float]()
        if correction == "slopes":
            slopes += found
        elif correction == "own square":
            bends[name] = found[0]
        elif correction == "ratios":
            for k, ratio in enumerate(self._uneven):
                straight, bends[ratio], bends[SIGNED + ratio] = found[3 * k : 3 * k + 3]
                slopes += straight * model.direction(ratio)
        return slopes, bends

    def _terms(self, model: Sensitivity, name: str, correction: Correction) -> np.ndarray:
        """What the least squares are of, [samples, terms]."""
        if correction == "slopes":
            return self._shares
        if correction == "own square":
            return np.square(self._shares @ model.slopes[name])[:, None]
        if correction == "ratios":
            along = [self._shares @ model.direction(ratio) for ratio in self._uneven]
            return np.array([term for x in along for term in (x, np.square(x), x * np.abs(x))]).T
        return self._shares[:, :0]

    def best(self, models: Sequence[Sensitivity], names: Sequence[str]) -> tuple[Sensitivity, Correction]:
        """The model, and its correction, by which the parameters together are missed least."""

        def missed(way: tuple[Sensitivity, Correction]) -> float:
            found = sum(self.missed(way[0], name, way[1]) for name in names)
            return found if way[1] in ("none", "ratios") else found / CLEARLY

        corrections = [c for c in get_args(Correction) if c != "ratios" or self._uneven]
        return min(((model, c) for c in corrections for model in models), key=missed)

    def missed(self, model: Sensitivity, name: str, correction: Correction) -> float:
        """Mean error of a parameter's change over its spread, in the trials."""
        errors, change = self._errors(model, name)
        terms = self._terms(model, name, correction)
        hat = terms[: self.count] @ np.linalg.pinv(terms)
        trials = (errors[: self.count] - hat @ errors) / np.maximum(1 - np.diag(hat), 1e-6)
        if name.endswith(FLOOR) and name not in model.scales:
            change = change[: self.count]
            trials = change - np.maximum(change - trials, -model.nominal[name])
        return float(np.mean(np.abs(trials)) / max(np.std(change[: self.count]), np.finfo(float).tiny))


def _together(names: Iterable[str]) -> list[list[str]]:
    """Terms of one sum (``dead_time_0``, ``dead_time_1`` ...) and values of one curve (``dead_at_full`` ...) follow the
    same squares: apart they would not add up."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"_(\d+|at_\w+)$", "_", name), []).append(name)
    return list(groups.values())


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
