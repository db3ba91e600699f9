"""Measured I-V curves beside those of the fitted transistor."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.devices.cnfet import drain_current
from neuromorph.devices.preset import DevicePreset
from neuromorph.fitting.iv_curves import IVCurves

MAX_LINES = 6


def plot_device_fit(curves: IVCurves, preset: DevicePreset) -> Any:
    """Transfer curves on a logarithmic and a linear scale, output curves, and residuals."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ((log, lin), (output, residual)) = plt.subplots(2, 2, figsize=(11, 8))
    vgs, vds, current = curves.mirrored
    families = _families(vds, vgs), _families(vgs, vds)
    _draw(log, preset, families[0], vgs, vds, current, "vds", 1e9)
    _draw(lin, preset, families[0], vgs, vds, current, "vds", 1e6)
    _draw(output, preset, families[1], vds, vgs, current, "vgs", 1e6)
    log.set_yscale("log")
    log.set_ylim(max(0.1 * curves.floor, np.abs(current).min()) * 0.5e9, np.abs(current).max() * 2e9)
    sign = _sign(curves.polarity)
    for panel, x, unit in ((log, "vgs", "nA"), (lin, "vgs", "uA"), (output, "vds", "uA")):
        panel.set_xlabel(f"{sign}{x} (V)")
        panel.set_ylabel(f"{sign}id ({unit})")
    _residuals(residual, curves, preset)
    figure.suptitle(f"{preset.name}: points measured ({curves.source}), lines fitted")
    figure.tight_layout()
    return figure


def _sign(polarity: str) -> str:
    return "" if polarity == "n" else "-"


def _families(constant: np.ndarray, swept: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Points by the value of the voltage that is constant along a curve; at most MAX_LINES of them."""
    curves = []
    for level in np.unique(np.round(constant, 3)):
        at = np.flatnonzero(np.round(constant, 3) == level)
        if len(np.unique(np.round(swept[at], 3))) >= 4 and level != 0:
            curves.append((float(level), at[np.argsort(swept[at])]))
    # where both sweeps are in one file, a curve crosses the other family once a curve: keep the long ones
    longest = max((len(at) for _, at in curves), default=0)
    kept = [curve for curve in curves if len(curve[1]) > longest / 2]
    return [kept[k] for k in np.unique(np.linspace(0, len(kept) - 1, MAX_LINES).astype(int))] if kept else []


def _draw(
    panel: Any, preset: DevicePreset, families: list, x: np.ndarray, constant: np.ndarray, current: np.ndarray,
    name: str, factor: float,
) -> None:  # fmt: skip
    sign = _sign(preset.polarity)
    for level, at in families:
        fine = np.linspace(x[at].min(), x[at].max(), 200)
        vgs, vds = (fine, level) if name == "vds" else (level, fine)
        line = drain_current(preset.parameters, "n", vgs, vds, 0.0)
        (drawn,) = panel.plot(fine, factor * line, lw=1.2, label=f"{sign}{name} {level:g} V")
        panel.plot(x[at], factor * current[at], ".", color=drawn.get_color(), ms=5)
    panel.grid(alpha=0.3)
    if families:
        panel.legend(fontsize=7)


def _residuals(panel: Any, curves: IVCurves, preset: DevicePreset) -> None:
    sign = _sign(curves.polarity)
    vgs, vds, current = curves.mirrored
    model = drain_current(preset.parameters, "n", vgs, vds, 0.0)
    error = np.arcsinh(model / curves.floor) - np.arcsinh(current / curves.floor)
    points = panel.scatter(vgs, 100 * error, c=vds, s=9)
    panel.figure.colorbar(points, ax=panel, label=f"{sign}vds (V)")
    panel.axhline(0, color="k", lw=0.8)
    panel.set_xlabel(f"{sign}vgs (V)")
    panel.set_ylabel(f"residual (%, below {1e12 * curves.floor:.3g} pA absolute)")
    panel.grid(alpha=0.3)
