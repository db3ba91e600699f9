"""First-order spread of a block: one transistor after the other is shifted, measured and fitted.

A block of n transistors takes n + 1 samples, whatever the spread, and gives the fitted parameters of any number of
instances: to first order they are what every transistor's own shift does, added up (in the logarithm where a parameter is a
scale).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.characterization.corners import HIGH_SUPPLY, LOW_SUPPLY, USUAL_SUPPLY, at_supply
from neuromorph.characterization.montecarlo import NOMINAL
from neuromorph.characterization.samples import (
    KeptSamples,
    Sample,
    device_parameters,
    fitted_sweeps,
    measure,
    written,
)
from neuromorph.circuit import Circuit
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES
from neuromorph.errors import CircuitError, OutOfRange
from neuromorph.spice.instances import Device, devices

ROOM, COLD, HOT = 300.15, 273.15, 358.15
"""Temperatures, K: where everything else is measured, 0 C and 85 C."""
AT = {-2: COLD, -3: HOT}
"""Numbers of the samples at other temperatures."""
SUPPLIED = {-4: LOW_SUPPLY, -5: HIGH_SUPPLY}
"""Numbers of the samples at other supplies."""
OTHER_WAY = 10_000
"""Added to a transistor's number where it is shifted the other way."""
STEP = 0.2
"""Shift of a transistor's subthreshold current, in its logarithm, if it had eight tubes."""
FIT_FACTOR, FIT_FLOOR = 5.0, 0.15
"""A shifted transistor's fit has found another minimum where its error is this much larger than the nominal one's, and
larger than this share (or volt): a law made for the design does not follow every shift to within less."""
OFFSETS = ("offset", "rest", "shift")
"""Ends of the names of parameters whose zero means nothing."""
SCALE_LIMIT = 0.6
"""A parameter that all shifts together move by less than this share is a scale: its logarithm is what adds up."""


@dataclass(frozen=True)
class Sensitivity:
    """How a block's fitted parameters move with its transistors.

    Parameters
    ----------
    nominal : parameters without any shift, of the same plan
    devices, tubes : paths of the transistors and their numbers of tubes
    scales : names of the parameters whose logarithms are moved
    slopes : by parameter, [devices]: change for a device of eight tubes whose current's logarithm falls by one
    warming : by parameter, the change's two coefficients over ``(T - 300.15 K) / 50 K``; empty where no temperature was
        measured
    supplying : the same over ``(V - 0.8 V) / 0.08 V``, where other supplies were measured
    """

    block: str
    nominal: dict[str, float]
    devices: tuple[str, ...]
    tubes: np.ndarray
    scales: frozenset[str]
    slopes: dict[str, np.ndarray]
    warming: dict[str, tuple[float, float]] = field(default_factory=dict)
    supplying: dict[str, tuple[float, float]] = field(default_factory=dict)

    def warmed(self, name: str, kelvin: float) -> float:
        """Change of a parameter at a temperature, in its logarithm where it is a scale.

        Raises
        ------
        OutOfRange
            Outside 0 to 85 C, or where no temperature was measured.
        """
        if kelvin == ROOM:
            return 0.0
        if not self.warming or not COLD <= kelvin <= HOT:
            raise OutOfRange(
                f"{kelvin - 273.15:g} C", where=self.block,
                remedy="give 0 to 85 C" if self.warming else f"neuromorph sensitivity {self.block} --temperature",
            )  # fmt: skip
        x = (kelvin - ROOM) / 50.0
        first, second = self.warming[name]
        return first * x + second * x * x

    def supplied(self, name: str, volt: float) -> float:
        """Change of a parameter at another supply, in its logarithm where it is a scale.

        Raises
        ------
        OutOfRange
            Outside 0.72 to 0.88 V, or where no other supply was measured.
        """
        if volt == USUAL_SUPPLY:
            return 0.0
        if not self.supplying or not LOW_SUPPLY <= volt <= HIGH_SUPPLY:
            raise OutOfRange(
                f"a supply of {volt:g} V", where=self.block,
                remedy=f"give {LOW_SUPPLY:g} to {HIGH_SUPPLY:g} V" if self.supplying
                else f"neuromorph sensitivity {self.block} --supply",
            )  # fmt: skip
        x = (volt - USUAL_SUPPLY) / (HIGH_SUPPLY - USUAL_SUPPLY)
        first, second = self.supplying[name]
        return first * x + second * x * x

    def instances(
        self, shifts: np.ndarray, kelvin: float = ROOM, supply: float = USUAL_SUPPLY
    ) -> dict[str, np.ndarray]:
        """Parameters of instances whose devices are shifted.

        Parameters
        ----------
        shifts : ndarray, [..., devices]
            By how much each device's current falls, in the logarithm, if it had eight tubes: ``mismatch`` times
            standard normal numbers.
        kelvin, supply : float
            Temperature of all of them, and what feeds them, V.
        """
        return self.moved(self.nominal, shifts, kelvin, supply)

    def moved(
        self,
        parameters: Mapping[str, float],
        shifts: np.ndarray,
        kelvin: float = ROOM,
        supply: float = USUAL_SUPPLY,
    ) -> dict[str, np.ndarray]:
        """``parameters`` of another plan, or some of them, of instances as in :meth:`instances`.

        An offset is no scale, whatever this plan made of it: it moves by as much as here.
        """
        shares = shifts * np.sqrt(REFERENCE_TUBES / self.tubes).astype(shifts.dtype)
        found = {}
        for name, value in parameters.items():
            change = shares @ self.slopes[name].astype(shifts.dtype)
            change = change + self.warmed(name, kelvin) + self.supplied(name, supply)
            if name not in self.scales:
                found[name] = value + change
            elif name.endswith(OFFSETS):
                found[name] = value + self.nominal[name] * change
            else:
                found[name] = value * np.exp(change)
        return found

    def spread(self, mismatch: float) -> dict[str, float]:
        """Standard deviation of every parameter, in its logarithm where it is a scale."""
        weights = mismatch * np.sqrt(REFERENCE_TUBES / self.tubes)
        return {name: float(np.linalg.norm(weights * slopes)) for name, slopes in self.slopes.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; slopes to four digits."""
        return {
            "block": self.block, "nominal": self.nominal, "devices": list(self.devices), "tubes": self.tubes.tolist(),
            "scales": sorted(self.scales),
            "slopes": {name: [float(f"{v:.4g}") for v in slopes] for name, slopes in self.slopes.items()},
            "warming": {name: list(pair) for name, pair in self.warming.items()},
            "supplying": {name: list(pair) for name, pair in self.supplying.items()},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sensitivity:
        """Inverse of :meth:`to_dict`."""
        return cls(
            values["block"], dict(values["nominal"]), tuple(values["devices"]), np.array(values["tubes"]),
            frozenset(values["scales"]), {name: np.array(v) for name, v in values["slopes"].items()},
            *(
                {name: (pair[0], pair[1]) for name, pair in values.get(what, {}).items()}
                for what in ("warming", "supplying")
            ),
        )  # fmt: skip


def sensitivity(
    circuit: Circuit,
    folder: Path,
    *,
    points: int | None = None,
    temperature: bool = False,
    supply: bool = False,
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
    temperature : bool
        Whether the block is measured at 0 and 85 C, too.
    supply : bool
        Whether it is measured at 0.72 and 0.88 V, too.
    jobs : int, optional
        ngspice processes; one a core by default.

    Raises
    ------
    CircuitError
        When the recipe has no fit, or a transistor's samples can be measured or fitted in neither way.
    InputError
        For fewer than two points an axis, a folder that is a file.
    EngineUnavailable
        When ngspice is missing.
    """
    sweeps = fitted_sweeps(circuit, points)
    inside = devices(circuit.structure(), circuit.subcircuit)
    kept = KeptSamples(folder, circuit, f"one device by {STEP}", sweeps)

    def make(number: int) -> tuple[Circuit, int]:
        if number in AT:
            own = _warming(AT[number])
        elif number in SUPPLIED:
            own = _shifting("")
        else:
            sign, at = (-1.0, number - OTHER_WAY) if number >= OTHER_WAY else (1.0, number)
            own = _shifting(inside[at].path if at >= 0 else "", sign)
        made = written(circuit, own, kept.netlists / f"{circuit.name}_device_{number}.cir")
        return (at_supply(made, SUPPLIED[number]) if number in SUPPLIED else made), 0

    def sampled(numbers: Sequence[int]) -> dict[int, Sample]:
        return dict(zip(numbers, measure(kept, numbers, make, jobs=jobs, progress=progress), strict=True))

    def checked(samples: Mapping[int, Sample]) -> Mapping[int, Sample]:
        for number, sample in samples.items():
            if sample.failure:
                what = "nothing shifted" if number == NOMINAL else f"at {AT[number]:g} K" if number in AT else (
                    f"at {SUPPLIED[number]:g} V" if number in SUPPLIED else
                    f"with {inside[number % OTHER_WAY].path} shifted")  # fmt: skip
                raise CircuitError(
                    f"{what}: {sample.failure}", where=circuit.name,
                    remedy="take more points an axis" if points else "its own plan does not suit its fit",
                )  # fmt: skip
        return samples

    # the nominal one first: a plan too coarse for the fit fails in it, and early
    found = dict(checked(sampled([NOMINAL])))
    found |= checked(sampled([*AT])) if temperature else {}
    found |= checked(sampled([*SUPPLIED])) if supply else {}
    found |= sampled(range(len(inside)))
    # a point that is not solved, a fit that fails or ends elsewhere: the same transistor the other way
    ways = np.array([-1.0 if _unlike(found[k], found[NOMINAL]) else 1.0 for k in range(len(inside))])
    others = checked(sampled([OTHER_WAY + int(k) for k in np.flatnonzero(ways < 0)]))
    for number, sample in others.items():
        if _unlike(sample, found[NOMINAL]):
            raise CircuitError(
                f"with {inside[number - OTHER_WAY].path} shifted either way the fit ends where the curves are not",
                where=circuit.name, remedy="take more points an axis, or give the fit a start nearer to its end",
            )  # fmt: skip
    found |= {number - OTHER_WAY: sample for number, sample in others.items()}
    structure = circuit.structure()
    tubes = np.array([device_parameters(structure, device, circuit.name).tubes for device in inside])
    steps = ways * STEP * np.sqrt(REFERENCE_TUBES / tubes)
    nominal, scales, slopes = found[NOMINAL].parameters, set(), {}
    conditions = {
        "warming": ((np.array([*AT.values()]) - ROOM) / 50.0, [*AT] if temperature else []),
        "supplying": (
            (np.array([*SUPPLIED.values()]) - USUAL_SUPPLY) / (HIGH_SUPPLY - USUAL_SUPPLY),
            [*SUPPLIED] if supply else [],
        ),
    }
    moved: dict[str, dict[str, tuple[float, float]]] = {what: {} for what in conditions}
    for name, value in nominal.items():
        values = np.array([found[k].parameters[name] for k in range(len(inside))])
        elsewhere = {
            what: np.array([found[k].parameters[name] for k in at]) for what, (_, at) in conditions.items()
        }
        kept_sign = value != 0 and all(np.all(other / value > 0) for other in elsewhere.values())
        if kept_sign and np.linalg.norm(values / value - 1) < SCALE_LIMIT:
            scales.add(name)
            slopes[name] = np.log(values / value) / steps
            changes = {what: np.log(other / value) for what, other in elsewhere.items()}
        else:
            slopes[name] = (values - value) / steps
            changes = {what: other - value for what, other in elsewhere.items()}
        for what, (x, at) in conditions.items():
            if at:
                first, second = np.linalg.solve(np.stack([x, x * x], axis=1), changes[what])
                moved[what][name] = (float(first), float(second))
    return Sensitivity(
        circuit.name, nominal, tuple(d.path for d in inside), tubes, frozenset(scales), slopes, **moved
    )


def _unlike(sample: Sample, nominal: Sample) -> bool:
    """Whether a sample failed, or its fit ended where the curves are not."""
    return bool(sample.failure) or any(
        name in nominal.errors and error > max(FIT_FACTOR * nominal.errors[name], FIT_FLOOR)
        for name, error in sample.errors.items()
    )


def _shifting(path: str, sign: float = 1.0) -> Any:
    def own(device: Device, kind: CnfetParameters) -> dict[str, float]:
        volt = (
            sign * STEP * _swing(kind) * np.sqrt(REFERENCE_TUBES / kind.tubes) if device.path == path else 0.0
        )
        return {"vfb": kind.vfb + float(volt)}

    return own


def _warming(kelvin: float) -> Any:
    return lambda device, kind: {"tk": kelvin}


def _swing(kind: CnfetParameters) -> float:
    return float(evaluate_geometry(kind.values(), np)["nv"])
