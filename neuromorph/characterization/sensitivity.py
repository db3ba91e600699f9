"""First-order spread of a block: one transistor after the other is shifted, measured and fitted.

A block of n transistors takes n + 1 samples, whatever the spread, and gives the fitted parameters of any number of
instances: to first order they are what every transistor's own shift does, added up (in the logarithm where a parameter is a
scale).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.characterization.montecarlo import NOMINAL
from neuromorph.characterization.samples import (
    KeptSamples,
    device_parameters,
    fitted_sweeps,
    measure,
    written,
)
from neuromorph.circuit import Circuit
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES
from neuromorph.errors import CircuitError
from neuromorph.spice.instances import Device, devices

STEP = 0.2
"""Shift of a transistor's subthreshold current, in its logarithm, if it had eight tubes."""
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
    """

    block: str
    nominal: dict[str, float]
    devices: tuple[str, ...]
    tubes: np.ndarray
    scales: frozenset[str]
    slopes: dict[str, np.ndarray]

    def instances(self, shifts: np.ndarray) -> dict[str, np.ndarray]:
        """Parameters of instances whose devices are shifted.

        Parameters
        ----------
        shifts : ndarray, [..., devices]
            By how much each device's current falls, in the logarithm, if it had eight tubes: ``mismatch`` times
            standard normal numbers.
        """
        shares = shifts * np.sqrt(REFERENCE_TUBES / self.tubes)
        found = {}
        for name, value in self.nominal.items():
            moved = shares @ self.slopes[name]
            found[name] = value * np.exp(moved) if name in self.scales else value + moved
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
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sensitivity:
        """Inverse of :meth:`to_dict`."""
        return cls(
            values["block"], dict(values["nominal"]), tuple(values["devices"]), np.array(values["tubes"]),
            frozenset(values["scales"]), {name: np.array(v) for name, v in values["slopes"].items()},
        )  # fmt: skip


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
        When the recipe has no fit, or a sample cannot be measured or fitted.
    InputError
        For fewer than two points an axis, a folder that is a file.
    EngineUnavailable
        When ngspice is missing.
    """
    sweeps = fitted_sweeps(circuit, points)
    inside = devices(circuit.structure(), circuit.subcircuit)
    kept = KeptSamples(folder, circuit, f"one device by {STEP}", sweeps)

    def make(number: int) -> tuple[Circuit, int]:
        chosen = inside[number].path if number != NOMINAL else ""
        return written(circuit, _shifting(chosen), kept.netlists / f"{circuit.name}_device_{number}.cir"), 0

    found = measure(kept, [NOMINAL, *range(len(inside))], make, jobs=jobs, progress=progress)
    for sample in found:
        if sample.failure:
            what = (
                "without any shift"
                if sample.number == NOMINAL
                else f"with {inside[sample.number].path} shifted"
            )
            raise CircuitError(
                f"{what}: {sample.failure}", where=circuit.name, remedy="take more points an axis"
            )
    structure = circuit.structure()
    tubes = np.array([device_parameters(structure, device, circuit.name).tubes for device in inside])
    steps = STEP * np.sqrt(REFERENCE_TUBES / tubes)
    nominal, scales, slopes = found[0].parameters, set(), {}
    for name, value in nominal.items():
        values = np.array([sample.parameters[name] for sample in found[1:]])
        if value != 0 and np.linalg.norm(values / value - 1) < SCALE_LIMIT:
            scales.add(name)
            slopes[name] = np.log(values / value) / steps
        else:
            slopes[name] = (values - value) / steps
    return Sensitivity(circuit.name, nominal, tuple(d.path for d in inside), tubes, frozenset(scales), slopes)


def _shifting(path: str) -> Any:
    def own(device: Device, kind: CnfetParameters) -> dict[str, float]:
        volt = STEP * _swing(kind) * np.sqrt(REFERENCE_TUBES / kind.tubes) if device.path == path else 0.0
        return {"vfb": kind.vfb + float(volt)}

    return own


def _swing(kind: CnfetParameters) -> float:
    return float(evaluate_geometry(kind.values(), np)["nv"])
