"""Virtual-source parameters of a transistor from its measured I-V curves, with their covariance.

Residuals are ``asinh(I / floor)``: relative well above the floor, absolute
well below, so that threshold, swing and on-current all count.  Deviations come
from the residuals themselves point by point (a sandwich estimate), and so hold
for noise whose size changes along the curve, as long as it is independent
from point to point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neuromorph.devices.cnfet import CnfetParameters, drain_current
from neuromorph.devices.preset import DevicePreset
from neuromorph.errors import FitFailed
from neuromorph.fitting.iv_curves import IVCurves
from neuromorph.fitting.least_squares import estimate

WORST_RMS = 0.3
"""Rms residual, relative, beyond which the model is not that of the device."""


@dataclass(frozen=True)
class _Fitted:
    """How a parameter is scaled for the fit, and how wide a deviation leaves it undetermined.

    The scaled one is the parameter over ``scale``, or its logarithm (``power``
    0), or its ``power``, whichever the current is nearest to linear in.
    """

    low: float
    high: float
    widest: float
    relative: bool = True
    scale: float = 1.0
    power: float = 1.0

    def inside(self, value: float) -> float:
        if self.power == 0:
            return float(np.log(value))
        return value / self.scale if self.power == 1 else float(value**self.power)

    def outside(self, x: float) -> float:
        if self.power == 0:
            return float(np.exp(x))
        return x * self.scale if self.power == 1 else float(x ** (1 / self.power))

    def limits(self) -> list[float]:
        """Bounds of the scaled one, in order."""
        return sorted((self.inside(self.low), self.inside(self.high)))

    def slope(self, value: float) -> float:
        """The parameter's change by change of the scaled one."""
        if self.power == 0:
            return value
        return self.scale if self.power == 1 else float(value ** (1 - self.power) / self.power)

    def allowed(self, value: float) -> float:
        """Deviation up to which the parameter counts as determined."""
        return self.widest * (abs(value) if self.relative else 1.0)


FITTED = {
    "vfb": _Fitted(-1.5, 1.5, 0.05, relative=False, scale=0.1),
    "ssf": _Fitted(0.5, 20.0, 0.5, relative=False),
    "vsf": _Fitted(1e-3, 5.0, 0.25, power=0),
    # the extensions' resistance goes with this power: known to a third of itself, or refused
    "nsd": _Fitted(0.02, 20.0, 1 / 3 / 2.1, power=-2.1),
    "goff": _Fitted(0.0, 1e-6, 0.5, scale=1e-12),
}
"""The parameters that are fitted unless they are held."""


def fit_device(
    curves: IVCurves, name: str, base: CnfetParameters, fixed: Mapping[str, float] | None = None
) -> DevicePreset:
    """Fit flat-band shift, swing, velocity, extension doping and off conductance to curves.

    Parameters
    ----------
    curves : IVCurves
    name : str
        For netlists and messages.
    base : CnfetParameters
        What is known of the device: diameter, gate length, temperature, tubes.
    fixed : mapping, optional
        Parameters to hold at a value instead of fitting them (or instead of the base's).

    Raises
    ------
    FitFailed
        When the curves do not determine a parameter, or the model does not describe the curves.
    """
    fixed = dict(fixed or {})
    base = base.with_(**fixed, tubes=curves.tubes)
    free = tuple(parameter for parameter in FITTED if parameter not in fixed)
    measured = np.arcsinh(curves.mirrored[2] / curves.floor)

    def residuals(x: np.ndarray) -> np.ndarray:
        return _curve(_parameters(base, free, x), curves) - measured

    start = _start(base, free, curves, measured)
    limits = np.transpose([FITTED[p].limits() for p in free])
    found = estimate(residuals, start, free, name, bounds=(limits[0], limits[1]), x_scale="jac")
    parameters = _parameters(base, free, found.values)
    values = parameters.values()
    slopes = np.array([FITTED[p].slope(values[p]) for p in free])
    covariance = found.robust_covariance * np.outer(slopes, slopes)
    spread = np.sqrt(np.diag(covariance))
    deviation = dict(zip(free, spread.tolist(), strict=True))
    rms = float(np.sqrt(np.mean(found.residuals**2)))
    _refuse(name, rms, {p: values[p] for p in free}, deviation)
    vgs, vds = curves.vgs, curves.vds
    return DevicePreset(
        name, curves.polarity, parameters.with_(stands_for=_stands_for(curves, rms)), deviation,
        (covariance / np.outer(spread, spread)).tolist(), rms, _neighbours(curves, found.residuals), len(vgs),
        {"vgs": (float(vgs.min()), float(vgs.max())), "vds": (float(vds.min()), float(vds.max()))},
        curves.source, curves.sha256,
    )  # fmt: skip


def _parameters(base: CnfetParameters, free: tuple[str, ...], x: np.ndarray) -> CnfetParameters:
    return base.with_(**{p: FITTED[p].outside(float(v)) for p, v in zip(free, x, strict=True)})


def _curve(parameters: CnfetParameters, curves: IVCurves) -> np.ndarray:
    vgs, vds, _ = curves.mirrored
    return np.arcsinh(drain_current(parameters, "n", vgs, vds, 0.0) / curves.floor)


def _start(
    base: CnfetParameters, free: tuple[str, ...], curves: IVCurves, measured: np.ndarray
) -> np.ndarray:
    """Best of a coarse grid of flat-band shifts, swings and velocities: the way to the minimum is not convex."""
    trials = [
        {"vfb": vfb, "ssf": ssf, "vsf": vsf}
        for vfb in np.linspace(-0.8, 1.0, 37)
        for ssf in (1.1, 2.0, 4.0)
        for vsf in (0.02, 0.1, 0.4, 1.0)
    ]
    costs = [
        np.sum((_curve(base.with_(**{p: v for p, v in t.items() if p in free}), curves) - measured) ** 2)
        for t in trials
    ]
    best = {"nsd": base.nsd, "goff": base.goff, **trials[int(np.argmin(costs))]}
    return np.array([FITTED[p].inside(best[p]) for p in free])


def _refuse(name: str, rms: float, values: dict[str, float], deviation: dict[str, float]) -> None:
    if rms > WORST_RMS:
        raise FitFailed(
            f"{name}: the model misses the curves by a factor of {np.exp(rms):.2g} on average. Check --polarity, "
            "--tubes, --lg and --diameter, swapped columns, and a gate leakage or Schottky contact that the model lacks"
        )
    if "ssf" in values and values["ssf"] + 4 * deviation["ssf"] < 1:
        raise FitFailed(
            f"{name}: the subthreshold swing is {values['ssf']:.3g} times the thermal limit, and no device is below "
            "it. Check --tk and the unit of the gate voltage"
        )
    for parameter, value in values.items():
        how = FITTED[parameter]
        at_limit = not 1.01 * how.low < value < 0.99 * how.high
        if at_limit or not deviation[parameter] <= how.allowed(value):
            found = f"{value:.3g}, its limit" if at_limit else f"{value:.3g} +- {deviation[parameter]:.2g}"
            raise FitFailed(
                f"{name}: the curves do not determine {parameter} ({found}). {_REMEDY[parameter]}, check --lg, "
                f"--diameter, --tubes and the units, or hold it: --fix {parameter}=VALUE"
            )


_REMEDY = {
    "vfb": "Measure across the threshold",
    "ssf": "Measure several points below threshold",
    "vsf": "Measure output curves into saturation at high gate voltage",
    "nsd": "Measure the on-state at low and at high drain voltage",
    "goff": "Measure the off-state with less noise",
}


def _stands_for(curves: IVCurves, rms: float) -> str:
    source = "".join(c for c in curves.source if c.isprintable())
    return (
        f"measured {curves.polarity} device, {len(curves.vgs)} points of {source}, rms residual {100 * rms:.2g} %; "
        "the other polarity is its mirror, not measured"
    )


def _neighbours(curves: IVCurves, residuals: np.ndarray) -> float:
    """Correlation of residuals with the next one of the same curve in the file."""
    steps = np.stack([np.diff(curves.vgs), np.diff(curves.vds)])
    same = (np.abs(steps) < 5e-4).sum(0) == 1
    first, second = residuals[:-1][same], residuals[1:][same]
    if len(first) < 3 or np.std(first) == 0 or np.std(second) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
