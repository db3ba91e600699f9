"""Plot of a transient: stacked panels on one time axis, phases named on top."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from neuromorph.spice.bench import Panel, Phase
from neuromorph.spice.engine import Waveforms
from neuromorph.units import parse_quantity

LABEL_CHARACTERS = 18
"""A panel is about as high as so many characters are long."""
_SECONDS = 1e9
"""Time is drawn in ns."""


def plot_transient(waves: Waveforms, panels: Sequence[Panel], phases: Sequence[Phase], title: str) -> Any:
    """One panel a group of waveforms; ends of phases are grey lines through all."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(panels), 1, figsize=(9, 0.9 + 1.15 * len(panels)), sharex=True, squeeze=False
    )
    for axis, panel in zip(axes.flat, panels, strict=True):
        _draw(axis, waves, panel)
        for phase in phases:
            axis.axvline(_SECONDS * phase.start, color="0.8", lw=0.8, zorder=0)
    _name_phases(axes[0, 0], phases)
    axes[-1, 0].set_xlabel("time (ns)")
    axes[-1, 0].set_xlim(0, _SECONDS * waves.time[-1])
    figure.suptitle(title, fontsize=10)
    figure.align_ylabels()
    figure.tight_layout(h_pad=0.3)
    return figure


def _draw(axis: Any, waves: Waveforms, panel: Panel) -> None:
    factor = 1.0 / parse_quantity(f"1 {panel.unit}", panel.unit[-1])
    for name in panel.vectors:
        axis.plot(_SECONDS * waves.time, factor * waves[name], lw=0.9, label=_label(name))
    if panel.limits:
        axis.set_ylim(*panel.limits)
    axis.set_ylabel(textwrap.fill(f"{panel.label} ({panel.unit})", LABEL_CHARACTERS), fontsize=7)
    axis.tick_params(labelsize=7)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False, handlelength=1)
    axis.spines[["top", "right"]].set_visible(False)


def _label(name: str) -> str:
    """A node bare, a source's current as ngspice writes it."""
    source = name.removesuffix("#branch")
    return source if source == name else f"i({source})"


def _name_phases(axis: Any, phases: Sequence[Phase]) -> None:
    """Texts over the first panel, on two heights in turn so that narrow phases do not collide."""
    for number, phase in enumerate(phases):
        middle = _SECONDS * 0.5 * (phase.start + phase.stop)
        axis.annotate(
            phase.text, (middle, 1.0), xycoords=("data", "axes fraction"), fontsize=7, ha="center",
            xytext=(0, 2 + 9 * (number % 2)), textcoords="offset points",
        )  # fmt: skip
