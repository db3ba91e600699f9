"""Weight store: refresh on a staircase, transfer from fast to slow, levels kept over many blocks.

python circuits/weight_store.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Sweep
from neuromorph.fitting.store import (
    BLOCK,
    FRAME,
    LOW,
    REFRESH,
    STEP,
    fit_store,
    level_voltage,
    refresh_controls,
    score_store,
)
from neuromorph.spice.waveforms import integral, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
BLOCKS = 12
KEPT = Axis(tuple(range(1, BLOCKS + 1)), "1")


def _start(fast, slow):
    """The nodes a refresh finds: fast and slow weight, the comparator's line where the last refresh left it."""
    v_slow = level_voltage(slow)
    return (
        f"vfreeze freeze 0 0.8\n.ic v(w)={level_voltage(fast):.9g} v(s)={v_slow:.9g} v(xdut.l)={v_slow:.9g}"
    )


def _once(circuit, point):
    """One refresh."""
    cards = f"{refresh_controls([5e-9], [point.get('dither', 0.0)])}\n{_start(point['fast'], point['slow'])}"
    stop = 5e-9 + REFRESH
    return circuit.testbench(point, cards, f".tran 0.2n {stop:g} 0 1n", "v(w) v(s) v(xdut.l) i(vdd)")


def _once_measure(waves, point):
    wanted = sample(waves.time, waves["xdut.l"], 5e-9 + 13.7e-9) - level_voltage(point["slow"])
    fast = sample(waves.time, waves["w"], [4e-9, 5e-9 + REFRESH - 0.2e-9])
    slow = sample(waves.time, waves["s"], 5e-9 + REFRESH - 0.2e-9)
    return {
        "wanted": wanted, "fast_change": fast[1] - fast[0], "slow_level": (slow - LOW) / STEP,
        "energy": -0.8 * integral(waves.time, waves["vdd#branch"]),
    }  # fmt: skip


def _again(circuit, point):
    """Twelve blocks of 64 frames, a refresh at the end of each."""
    starts = [5e-9 + k * (BLOCK * FRAME) for k in range(BLOCKS)]
    cards = f"{refresh_controls(starts, [0.0] * BLOCKS)}\n{_start(point['level'], point['level'])}"
    stop = starts[-1] + REFRESH
    return circuit.testbench(point, cards, f".tran 1n {stop:g} 0 50n", "v(w) v(s)")


def _again_measure(waves, _):
    ends = 5e-9 + BLOCK * FRAME * np.arange(BLOCKS) + REFRESH - 0.2e-9
    return {"slow_level": (sample(waves.time, waves["s"], ends) - LOW) / STEP}


def _idle(circuit, point):
    """Between refreshes: how fast the slow node leaks to its switches."""
    cards = f"{refresh_controls([9e-6], [0.0])}\n{_start(point['fast'], point['slow'])}"
    return circuit.testbench(point, cards, ".tran 10n 8u 0 20n", "v(s) v(w)")


def _idle_measure(waves, _):
    slow = sample(waves.time, waves["s"], [1e-6, 7.9e-6])
    return {"slow_drift": (slow[1] - slow[0]) / 69}


_ONCE = {"wanted": "V", "fast_change": "V", "slow_level": "1", "energy": "J"}
_MIDDLE = Axis((16.0,), "1")

CIRCUIT = Circuit(
    name="weight_store",
    summary="weight store: slow six-bit copy of a fast capacitor weight, with transfer and latched refresh",
    netlists=tuple(NETLISTS / part for part in ("devices/cnfet.lib", "blocks/weight_store.cir")),
    subcircuit="weight_store",
    knobs=(),
    states=("w", "s"),
    transistors=16,
    sweeps=(
        Sweep("follow", {"slow": _MIDDLE, "fast": Axis((0, 4, 8, 12, 16, 20, 24, 28, 32), "1")}, _once, _once_measure,
              _ONCE, caption="One refresh against the fast weight (in steps)"),
        Sweep("hold", {"slow": Axis((2.2, 9.2, 16.2, 23.2, 30.2), "1"), "fast": _MIDDLE}, _once, _once_measure, _ONCE,
              caption="Levels after a refresh"),
        Sweep("rounding", {"slow": Axis((16.2,), "1"), "fast": Axis((31.0,), "1"),
                           "dither": Axis(tuple(np.linspace(-0.45, 0.45, 10)), "1")}, _once, _once_measure, _ONCE,
              caption="Stochastic rounding: level against dither"),
        Sweep("idle", {"slow": Axis((2.0, 16.0, 30.0), "1"), "fast": Axis((2.0, 30.0), "1")}, _idle, _idle_measure,
              {"slow_drift": "V"}, caption="Leak of the slow node per frame"),
        Sweep("follow_check", {"slow": _MIDDLE, "fast": Axis((1.5, 6.6, 14.2, 21.7, 29.4), "1")}, _once, _once_measure,
              _ONCE, held_out=True),
        Sweep("keep_check", {"level": Axis((5.2, 16.2, 27.2), "1")}, _again, _again_measure, {"slow_level": "1"},
              {"block": KEPT}, held_out=True),
    ),
    fit=fit_store,
    score=score_store,
    figures=("share", "pull", "slow_leak", "energy_per_refresh"),
    literature="staircase refresh of analog synapses: Vittoz, Oguey, Maher, Nys, Dijkstra, Chevroulet (1991), known "
    "to us by its principle; two-timescale exchange and chopper comparator our own",
    description="A weight is the difference of two fast nodes (800 fF each), so drift common to both cancels. Each "
    "node has a slow copy on 50 fF whose value is always one of 32 levels of a staircase that runs past "
    "all synapses: the difference of two such copies has 64 levels, six bits. Every 64 frames a refresh "
    "takes the slow value onto a capacitor, mixes in a small capacitor's worth of the fast node (the "
    "share), and lets the slow node follow the staircase until that wanted value is reached. A random "
    "shift of the compared staircase makes the rounding stochastic. The comparator is zeroed on its own "
    "inverter at each refresh, so its offset cancels; one comparator can serve 32 nodes in turn. The "
    "small capacitor goes back to the fast node holding the slow value: each transfer also pulls the fast"
    " weight a little towards what is stored. In frozen operation (freeze) the fast node is tied to the "
    "slow.",
    limits="Charge of the switches shifts the compared value by a quarter of a step, which the staircase makes "
    "good; it depends on capacitor ratios. A refresh takes 126 ns, in which the slow node cannot be read."
    " The staircase, its dither and the controls are drawn outside and shared by all synapses: they are "
    "not part of the block.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
