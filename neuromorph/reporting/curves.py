"""Plots of characterized curves: any sweep of any block, and the spiking neuron's fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.library import BlockData, SweepData
from neuromorph.units import format_quantity

MAX_LINES = 12
"""Lines of a panel; of more, evenly chosen ones are drawn."""
MAX_LABELS = 6
_PREFIX = {"s": (1e9, "ns"), "A": (1e9, "nA"), "V": (1e3, "mV"), "C": (1e15, "fC"), "J": (1e15, "fJ"), "W": (1e9, "nW"),
           "F": (1e15, "fF"), "1": (1.0, "")}  # fmt: skip


def _scaled(values: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    factor, name = _PREFIX.get(unit, (1.0, unit))
    return values * factor, name


def plot_sweep(sweep: SweepData, title: str) -> Any:
    """One panel an output: against the inner axis (a line a point), or against the first outer axis."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [n for n, values in sweep.outputs.items() if np.isfinite(values).any() and n != "slot_seconds"]
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(5 * columns, 3.3 * rows), squeeze=False)
    for panel in panels.flat[len(names) :]:
        panel.axis("off")
    for panel, name in zip(panels.flat, names, strict=False):
        _draw(panel, sweep, name)
    figure.suptitle(title, fontsize="large" if columns > 1 else "medium")
    figure.tight_layout()
    return figure


def _draw(panel: Any, sweep: SweepData, name: str) -> None:
    values = sweep.outputs[name]
    outer = sweep.status.ndim
    axis_name, lines = _lines(sweep, values, outer)
    axis = sweep.inner[axis_name] if values.ndim > outer else sweep.axes[axis_name]
    x, x_unit = _scaled(axis, sweep.units[axis_name])
    chosen = _spread(len(lines), MAX_LINES)
    labelled = {chosen[k] for k in _spread(len(chosen), MAX_LABELS)}
    for place, index in enumerate(chosen):
        label, line = lines[index]
        y, y_unit = _scaled(line, sweep.units[name])
        style = (
            {"ls": "none", "marker": "o"} if axis_name == "seed" else {"marker": "." if len(x) < 30 else None}
        )
        panel.plot(x, y, lw=1.2, color=_colour(place, len(chosen)),
                   label=label if index in labelled else None, **style)  # fmt: skip
    if axis_name == "seed":
        panel.set_xticks(x)
    if len(axis) > 3 and _spans_decades(axis, sweep.units[axis_name]):
        panel.set_xscale("log")
    if _spans_decades(values, sweep.units[name]):
        panel.set_yscale("log")
    else:
        _keep_flat(panel)
    panel.set_xlabel(f"{axis_name} ({x_unit})" if x_unit else axis_name)
    panel.set_ylabel(f"{name} ({y_unit})" if y_unit else name)
    if len(lines) > 1:
        panel.legend(fontsize=7)
    panel.grid(alpha=0.3)


def _spans_decades(values: np.ndarray, unit: str) -> bool:
    """Whether a logarithmic axis shows more; never of a voltage, whose zero means something."""
    low, high = np.nanmin(values), np.nanmax(values)
    return unit != "V" and low > 0 and high > 50 * low


def _spread(count: int, most: int) -> list[int]:
    """At most ``most`` indices, evenly spaced, first and last among them."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def _colour(place: int, count: int) -> Any:
    """Own colours for a few lines, a scale from dark to light for an axis of many."""
    from matplotlib import colormaps

    return f"C{place}" if count <= 3 else colormaps["viridis"](0.92 * place / (count - 1))


def _keep_flat(panel: Any) -> None:
    """A constant to a thousandth is shown as one, without an offset on the axis."""
    low, high = panel.get_ylim()
    if 0 < high - low < 2e-3 * abs(high + low):
        middle = 0.5 * (low + high)
        panel.set_ylim(middle - 0.02 * abs(middle), middle + 0.02 * abs(middle))
    panel.ticklabel_format(axis="y", useOffset=False)


def _lines(sweep: SweepData, values: np.ndarray, outer: int) -> tuple[str, list[tuple[str, np.ndarray]]]:
    """Name of the horizontal axis and the labelled lines."""
    names = list(sweep.axes)
    if values.ndim > outer:
        flat = values.reshape(-1, values.shape[-1])
        labels = [_label(sweep, names, index) for index in np.ndindex(values.shape[:outer])]
        return next(iter(sweep.inner)), list(zip(labels, flat, strict=True))
    # the first axis that varies: a single held value is no axis to plot against
    across = next((k for k, name in enumerate(names) if len(sweep.axes[name]) > 1), 0)
    moved = np.moveaxis(values, across, -1)
    others = names[:across] + names[across + 1 :]
    labels = [_label(sweep, others, index) for index in np.ndindex(moved.shape[:-1])]
    return names[across], list(zip(labels, moved.reshape(-1, moved.shape[-1]), strict=True))


def _unit(sweep: SweepData, name: str) -> str:
    unit = sweep.units[name]
    return "" if unit == "1" else unit


def _label(sweep: SweepData, names: list[str], index: tuple[int, ...]) -> str:
    parts = [
        f"{name} {format_quantity(float(sweep.axes[name][i]), _unit(sweep, name))}"
        for name, i in zip(names, index, strict=True)
        if len(sweep.axes[name]) > 1
    ]
    return ", ".join(parts)


def plot_neuron_fit(data: BlockData) -> Any:
    """Tonic interval of the fitted neuron against SPICE, with the error below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from neuromorph.fitting.neuron import parameters_of
    from neuromorph.fitting.neuron_form import tonic_interval

    assert data.fit is not None
    p, tonic = parameters_of(data.fit), data["tonic"]
    current, interval = tonic["i_in"], tonic["interval"]
    fine = np.geomspace(current.min(), current.max(), 300)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5), sharex=True, height_ratios=(2, 1))
    top.set_title("on the sweep that it was fitted to", fontsize=9)
    top.loglog(fine * 1e9, 1e-6 / tonic_interval(p, fine, np), label="fitted model")
    top.loglog(current * 1e9, 1e-6 / interval, "k.", label="ngspice")
    top.set_ylabel("rate (MHz)")
    top.legend()
    bottom.semilogx(current * 1e9, 100 * (tonic_interval(p, current, np) / interval - 1), "k.-")
    bottom.axhspan(-0.5, 0.5, alpha=0.15)
    bottom.set_xlabel("input current (nA)")
    bottom.set_ylabel("interval error (%)")
    return figure
