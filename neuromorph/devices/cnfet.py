"""CNFET devices: parameters, presets, and evaluation on arrays."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from neuromorph.devices import equations
from neuromorph.errors import InputError


@dataclass(frozen=True)
class CnfetParameters:
    """Geometry and material of one CNFET; lengths in **nm**, as the model's fits take them.

    See :mod:`neuromorph.devices.equations` for each symbol.  ``stands_for``
    says which device a preset describes and how well.
    """

    dia: float = 1.49
    lg: float = 100.0
    lcon: float = 32.0
    lext: float = 15.0
    nsd: float = 0.8
    tox: float = 4.0
    kox: float = 16.0
    vfb: float = 0.15
    ssf: float = 1.15
    goff: float = 2e-12
    tk: float = 300.15
    tubes: float = 8.0
    vsf: float = 1.0
    stands_for: str = ""

    def __post_init__(self) -> None:
        for name in ("dia", "lg", "lcon", "tox", "kox", "nsd", "ssf", "tk", "tubes", "vsf"):
            value = getattr(self, name)
            if not np.all(np.asarray(value) > 0):
                raise InputError(
                    f"CNFET parameter {name} = {value!r} must be positive", remedy=f"give {name} a value > 0"
                )

    def values(self) -> dict[str, float]:
        """The numeric symbols of the equations, without the description."""
        return {name: value for name, value in asdict(self).items() if name != "stands_for"}

    def with_(self, **changes: Any) -> CnfetParameters:
        """A copy with some parameters changed."""
        return replace(self, **changes)


PRESETS: dict[str, CnfetParameters] = {
    "low_leakage": CnfetParameters(
        vfb=0.25,
        stands_for="tails, mirrors and leaks: (19,0) tube, 100 nm gate, raised flat band. Own design "
        "choice; the off conductance is assumed, not measured on a tube",
    ),
    "analog": CnfetParameters(
        vfb=0.15,
        stands_for="input pairs and injectors: (19,0) tube, 100 nm gate. Own design choice",
    ),
    "fast": CnfetParameters(
        lg=32.0,
        vfb=0.08,
        stands_for="switches and logic: (19,0) tube with 32 nm gate, the geometry nominal in the Deng-Wong "
        "model; virtual-source equations, so currents differ from that model",
    ),
    "fast_low": CnfetParameters(
        lg=32.0,
        vfb=0.25,
        stands_for="current-starved logic: the fast geometry with the raised flat band. Own design choice",
    ),
    "lg10": CnfetParameters(
        lg=10.0,
        lcon=11.0,
        lext=3.0,
        tox=3.0,
        kox=23.0,
        vfb=0.015,
        stands_for="short channel: gate, contact, extension and oxide of the published 7 nm-node set of the "
        "virtual-source model with a (19,0) tube, since the contact fit does not reach its 0.78 nm tube; "
        "no tunnelling leakage",
    ),
}
"""Named device flavours; each says what it stands for."""


def drain_current(
    parameters: CnfetParameters, polarity: str, vg: Any, vd: Any, vs: Any, xp: ModuleType = np
) -> Any:
    """Drain current of an n or p CNFET, A, positive into the drain.

    Parameters
    ----------
    parameters : CnfetParameters
    polarity : {"n", "p"}
    vg, vd, vs : float or array
        Node voltages, V; they broadcast.

    Raises
    ------
    InputError
        When ``polarity`` is neither ``"n"`` nor ``"p"``.
    """
    if polarity not in ("n", "p"):
        raise InputError(f"polarity {polarity!r} is unknown", remedy="use 'n' or 'p'")
    sign = 1.0 if polarity == "n" else -1.0
    return sign * equations.drain_current(parameters.values(), sign * vg, sign * vd, sign * vs, xp)
