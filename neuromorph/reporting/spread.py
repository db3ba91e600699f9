"""Pictures of a Monte Carlo: one histogram a parameter, the nominal value marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromorph.characterization.montecarlo import MonteCarlo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4


def plot_spread(found: MonteCarlo) -> Figure:
    """Distributions of all fitted parameters over the good samples."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    names = list(found.nominal.parameters)
    rows = -(-len(names) // COLUMNS)
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=(3.2 * COLUMNS, 2.2 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names, strict=False):
        values = found.values(name)
        middle = float(np.median(values))
        wide = max(float(np.ptp(values)), 1e-6 * abs(middle), 1e-30)  # a parameter may hardly vary
        around = (values.min(), values.max()) if np.ptp(values) >= wide else (middle - wide, middle + wide)
        axis.hist(values, bins=max(8, round(np.sqrt(len(values)))), range=around, color="0.6")
        axis.axvline(found.nominal.parameters[name], color="C3")
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.set_yticks([])
    figure.suptitle(f"{found.block}: {len(found.good)} of {len(found.samples)} samples, red: without spread")
    return figure
