"""Statistics of CNFETs: per-tube draws of diameter, threshold, presence and kind, folded into one equivalent device.

"Mismatch m" everywhere means: the logarithm of the subthreshold current of a device of eight tubes has the standard
deviation m.  It is drawn as one threshold shift a device, and falls with the root of the number of tubes.

Every spread says where it comes from (:data:`SOURCES`).  To add a statistic, draw it for tubes in :func:`draw` and let
:func:`folded` know what it does to a tube's current.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from neuromorph.devices.cnfet import CnfetParameters, drain_current
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.errors import InputError

REFERENCE_TUBES = 8.0
"""Tubes of the device whose spread "mismatch" states."""
SUBTHRESHOLD_GATE, DRAIN = 0.15, 0.3
"""Bias below threshold at which a device's current is matched, V."""
METALLIC_CONDUCTANCE = 1.0 / 15e3
"""Of a metallic tube between drain and source, S."""
SMALLEST_DIAMETER = 0.8
"""A tube's draw ends there, nm: the contact fit does not reach thinner ones."""
OPEN_TUBES = 1e-6
"""Tubes of a device that has none left: it hardly conducts, and ngspice can still solve it."""
SOURCES = {
    "mismatch": "a definition: the spread that a process is asked for",
    "diameter": "assumed: 0.1 to 0.2 nm is usual for tubes sorted around 1.2 to 1.5 nm",
    "threshold": "assumed: a frozen shift, since traps of tubes on oxide relax within 0.1 to 10 s, far beyond a run "
    "(D. Estrada, S. Dutta, A. Liao, E. Pop, Nanotechnology 21:085702, 2010)",
    "missing": "assumed: tubes are placed independently",
    "metallic": "a third of the tubes as grown, by chirality; 1e-2 to 1e-6 after sorting (assumed)",
}


@dataclass(frozen=True)
class DeviceStatistics:
    """Spreads of a process; zero is a perfect one.

    Parameters
    ----------
    mismatch : log sd of the subthreshold current of a device of eight tubes, 1
    diameter : sd over tubes, nm
    threshold : sd over devices, V
    missing : probability that a tube is not there
    metallic : probability that a tube is metallic
    """

    mismatch: float = 0.0
    diameter: float = 0.0
    threshold: float = 0.0
    missing: float = 0.0
    metallic: float = 0.0

    def __post_init__(self) -> None:
        limits = {"mismatch": 2.0, "diameter": 0.5, "threshold": 0.2, "missing": 0.99, "metallic": 0.99}
        for spread in fields(self):
            value = getattr(self, spread.name)
            if not 0 <= value <= limits[spread.name]:  # also refuses nan
                raise InputError(
                    f"device statistics: {spread.name} = {value!r}",
                    remedy=f"give a value from 0 to {limits[spread.name]:g}",
                )

    @property
    def by_tube(self) -> bool:
        """Whether single tubes differ."""
        return bool(self.diameter or self.missing or self.metallic)


@dataclass(frozen=True)
class Tubes:
    """Draws of some devices: ``diameter`` nm, ``present`` and ``metallic`` bool, [devices, tubes]; ``shift`` of the
    threshold, V [devices]."""

    diameter: np.ndarray
    present: np.ndarray
    metallic: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Folded:
    """Equivalent devices: instance parameters by name, [devices] each, and which devices have no channel left."""

    parameters: dict[str, np.ndarray]
    dead: np.ndarray


def draw(
    statistics: DeviceStatistics, device: CnfetParameters, count: int, rng: np.random.Generator
) -> Tubes:
    """Tubes of ``count`` devices of one kind.

    Raises
    ------
    InputError
        When the device has less than one tube.
    """
    tubes = round(device.tubes)
    if tubes < 1:
        raise InputError(f"a device of {device.tubes:g} tubes", remedy="give it one or more")
    shape = (count, tubes)
    diameter = np.maximum(device.dia + statistics.diameter * rng.standard_normal(shape), SMALLEST_DIAMETER)
    present = rng.random(shape) >= statistics.missing
    metallic = rng.random(shape) < statistics.metallic
    swing = float(evaluate_geometry(device.values(), np)["nv"])
    spread = statistics.mismatch * swing * np.sqrt(REFERENCE_TUBES / tubes)
    shift = np.hypot(spread, statistics.threshold) * rng.standard_normal(count)
    return Tubes(diameter, present, metallic, shift)


def folded(device: CnfetParameters, tubes: Tubes) -> Folded:
    """One device for each row of tubes: the same current below threshold, the mean diameter, metallic tubes as a leak."""
    channel = tubes.present & ~tubes.metallic
    left = channel.sum(axis=1)
    dead = left == 0
    count = np.where(dead, OPEN_TUBES, left)
    mean = np.where(dead, device.dia, (tubes.diameter * channel).sum(axis=1) / np.maximum(left, 1))
    each = drain_current(
        device.with_(dia=tubes.diameter, tubes=1.0, goff=0.0), "n", _gate(device), DRAIN, 0.0
    )
    whole = np.where(dead, 1.0, (each * channel).sum(axis=1))
    alike = device.with_(dia=mean, tubes=count, goff=0.0)
    swing = evaluate_geometry(alike.values(), np)["nv"]
    shift = np.zeros(len(mean))
    for _ in range(3):  # the current is not quite exponential in the threshold
        now = drain_current(alike.with_(vfb=device.vfb + shift), "n", _gate(device), DRAIN, 0.0)
        shift += swing * np.log(np.where(dead, 1.0, now) / whole)
    shift += tubes.shift
    shorted = (tubes.present & tubes.metallic).sum(axis=1) * METALLIC_CONDUCTANCE
    parameters = {
        "dia": mean, "tubes": count, "vfb": device.vfb + shift,
        "goff": device.goff + shorted / count,
    }  # fmt: skip
    return Folded(parameters, dead)


def explicit_current(device: CnfetParameters, tubes: Tubes, vg: float, vd: float) -> np.ndarray:
    """Current of every device with its tubes one by one, A [devices]; n type, source at zero."""
    shifted = device.with_(dia=tubes.diameter, tubes=1.0, vfb=device.vfb + tubes.shift[:, None])
    each = drain_current(shifted, "n", vg, vd, 0.0)
    channel = tubes.present & ~tubes.metallic
    return (each * channel).sum(axis=1) + (tubes.present & tubes.metallic).sum(
        axis=1
    ) * METALLIC_CONDUCTANCE * vd


def _gate(device: CnfetParameters) -> float:
    """A gate voltage well below the device's threshold, V."""
    return SUBTHRESHOLD_GATE + device.vfb - 0.15
