"""The CNFET in ngspice against the array evaluation of the same equations, over a bias grid."""

from __future__ import annotations

import numpy as np

from neuromorph.devices.cnfet import PRESETS, drain_current
from neuromorph.devices.netlist import device_library
from neuromorph.errors import SimulationFailed
from neuromorph.figures import Figure
from neuromorph.spice.workers import Job, WorkerPool

GATES = np.linspace(0, 0.8, 17)
DRAINS = (-0.6, -0.05, 0.02, 0.3, 0.8)
FLOOR = 1e-10
"""Current, A, below which the agreement is absolute: 1e-5 of it is 1 fA."""


def _deck(preset: str, polarity: str, drain: float) -> str:
    sign = 1 if polarity == "n" else -1
    return (
        f"* grid\n{device_library()}\n.options reltol=1e-7 abstol=1e-18 vntol=1e-10 gmin=1e-18\n"
        f"vg g 0 0\nvd d 0 {sign * drain}\nvs s 0 0\nx1 d g s {polarity}fet_{preset}\n"
        f".save i(vd)\n.dc vg 0 {sign * 0.8} {sign * 0.05}\n.end\n"
    )


def device_figure(jobs: int | None = None) -> Figure:
    """Largest relative difference over every preset, polarity and bias.

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    cases = {f"{p} {polarity} {d}": (p, polarity, d) for p in PRESETS for polarity in "np" for d in DRAINS}
    worst = 0.0
    with WorkerPool(jobs) as pool:
        work = [Job(key, _deck(*case), "cnfet", key) for key, case in cases.items()]
        for job, waves in pool.run(work):
            if isinstance(waves, SimulationFailed):
                raise waves
            preset, polarity, drain = cases[job.key]
            sign = 1 if polarity == "n" else -1
            expected = drain_current(PRESETS[preset], polarity, sign * GATES, sign * drain, 0.0)
            error = np.abs(-waves["vd#branch"] - expected) / (np.abs(expected) + FLOOR)
            worst = max(worst, float(error.max()))
    claim = "device: ngspice subcircuit against array evaluation, max relative"
    return Figure(
        claim, worst, "1", 1e-5, 1e-6, note=f"{len(cases) * len(GATES)} bias points, every preset, n and p"
    )
