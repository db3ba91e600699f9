"""Adaptive axon hillock: threshold step per spike, its slow decay, shift of the f-I curve.

python circuits/adaptive_hillock.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Published, Sweep, linear
from neuromorph.fitting.adaptive_hillock import fit_adaptive_hillock, score_adaptive_hillock
from neuromorph.spice.waveforms import crossings, integral, sample, staircase

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
START = 2e-9
SPIKES = 3
DRIVE = 3e-7
"""Input of the step sweep, A: spikes 8 to 10 ns apart."""
SLOW_STOP = 200e-6


def _cards(point, drive):
    """The slow node starts at ``v_slow``; a twin of its read transistor shows the threshold current."""
    start = f".ic v(xdut.slow)={point['v_slow']:.9g}"
    return f"{drive}\nxtwin mon xdut.slow 0 nfet_low_leakage\nvmon mon 0 0.2\n{start}"


def _step(circuit, point):
    cards = _cards(point, f"iin 0 in {staircase((0, START), (0, DRIVE))}")
    return circuit.testbench(point, cards, ".tran 0.2n 42n 0 0.5n", "v(axon) i(vmon) i(vdd)")


def _threshold(waves, times):
    return sample(waves.time, -waves["vmon#branch"], times)


def _step_measure(waves, _):
    spikes = crossings(waves.time, waves["axon"], 0.4)
    if len(spikes) <= SPIKES:
        raise ValueError(f"{len(spikes)} spikes, {SPIKES + 1} are needed")
    # just before the next spike: the injector's node has emptied itself into the slow node
    before = np.r_[spikes[: SPIKES + 1] - 0.5e-9]
    energy = -0.8 * integral(waves.time, waves["vdd#branch"], spikes[0], spikes[SPIKES]) / SPIKES
    return {"threshold": _threshold(waves, before), "energy": energy}


def _decay(circuit, point):
    cards = _cards(point, "iin 0 in 0")
    return circuit.testbench(point, cards, f".tran 0.1u {SLOW_STOP:g} 0 1u", "i(vmon)")


def _decay_measure(waves, _):
    return {"threshold": _threshold(waves, np.array(_TIME["time"].values))}


def _shift(circuit, point):
    stop = START + 3 * (1.8e-15 / point["i_net"] + 12e-9)
    current = point["i_net"] + _EXPECTED[point["v_slow"]]
    cards = _cards(point, f"iin 0 in {staircase((0, START), (0, current))}")
    return circuit.testbench(point, cards, f".tran 0.2n {stop:.6g} 0 1n", "v(axon) i(vmon)")


def _shift_measure(waves, point):
    spikes = crossings(waves.time, waves["axon"], 0.4)
    if len(spikes) < 3:
        raise ValueError(f"{len(spikes)} spikes, three are needed")
    return {
        "interval": spikes[2] - spikes[1],
        "threshold": _threshold(waves, (spikes[1] + spikes[2]) / 2),
        "i_in": point["i_net"] + _EXPECTED[point["v_slow"]],
    }


_TIME = {"time": linear(0.5e-6, SLOW_STOP * 0.999, 201, "s")}
_COUNT = {"spike": Axis(tuple(range(SPIKES + 1)), "1")}
_STEP = {"threshold": "A", "energy": "J"}
_SHIFT = {"interval": "s", "threshold": "A", "i_in": "A"}
_EXPECTED = {0.14: 1e-9, 0.26: 3e-8, 0.29: 7.5e-8, 0.275: 4.8e-8}
"""Threshold current about at each start of the slow node, A: added to the net input."""

CIRCUIT = Circuit(
    name="adaptive_hillock",
    summary="axon hillock with a slow threshold that every spike raises",
    netlists=(
        NETLISTS / "devices/cnfet.lib", NETLISTS / "blocks/axon_hillock.cir", NETLISTS / "blocks/adaptive_hillock.cir",
    ),
    subcircuit="adaptive_hillock",
    knobs=(
        Knob("vwidth", 0.36, 0.46, 0.43, "spike width: higher is wider", from_supply=True),
        Knob("vref", 0.15, 0.27, 0.225, "refractory period: higher is shorter"),
        Knob("vleak", 0.05, 0.30, 0.15, "membrane leak: higher leaks more, raises the rheobase"),
        Knob("vgain", 0.40, 0.46, 0.43, "first-stage load current, sets the threshold", from_supply=True),
        Knob("vthr", 0.46, 0.58, 0.52, "threshold step per spike: higher is more"),
        Knob("vslow", 0.18, 0.28, 0.235, "decay of the threshold: higher is faster"),
        Knob("vbase", 0.10, 0.20, 0.14, "rest of the slow node: the threshold without spikes"),
    ),
    states=("in", "slow"),
    transistors=17,
    sweeps=(
        Sweep("step", {"vthr": linear(0.46, 0.58, 4), "v_slow": Axis((0.15, 0.24, 0.29), "V")}, _step, _step_measure,
              _STEP, _COUNT, caption="Threshold current before each spike"),
        Sweep("decay", {"v_slow": Axis((0.30,), "V"), "vslow": linear(0.18, 0.28, 5)}, _decay, _decay_measure,
              {"threshold": "A"}, _TIME, caption="Threshold current without spikes"),
        Sweep("shift", {"v_slow": Axis((0.14, 0.26, 0.29), "V"),
                        "i_net": Axis((20e-9, 32e-9, 50e-9, 80e-9, 130e-9, 200e-9), "A")},
              _shift, _shift_measure, _SHIFT, caption="Interval at three thresholds"),
        Sweep("step_check", {"vthr": Axis((0.48, 0.52, 0.56), "V"), "v_slow": Axis((0.20, 0.27), "V")}, _step,
              _step_measure, _STEP, _COUNT, held_out=True),
        Sweep("decay_check", {"v_slow": Axis((0.28,), "V"), "vslow": Axis((0.195, 0.235, 0.26), "V")}, _decay,
              _decay_measure, {"threshold": "A"}, _TIME, held_out=True),
        Sweep("shift_check", {"v_slow": Axis((0.275,), "V"), "i_net": Axis((26e-9, 64e-9, 110e-9, 170e-9), "A")},
              _shift, _shift_measure, _SHIFT, held_out=True),
    ),
    fit=fit_adaptive_hillock,
    score=score_adaptive_hillock,
    literature="rule: homeostatic threshold, Diehl and Cook, Front. Comput. Neurosci. 9:99 (2015); own circuit "
    "around the axon hillock",
    description="""Each spike lets an injector raise a slow node (400 fF); a transistor with that node on its gate takes
its current from the neuron's input, which is a threshold in the rate current. The node is in the log domain: it steps
by a charge that falls as its current rises, so the current's steps are nearly equal, and a constant leak current
makes the current decay exponentially. 136 pA empty 400 fF with some 100 us: the decay is a thousand frames because
the voltage need not leak exponentially, only the current, and it stays 40 times above the off current of the devices.
The slowest knob setting measured, 0.18 V, gives 0.75 ms.""",
    limits="""The floor of the leak (2 pS a tube, eight tubes, 0.2 V: 3 pA) would allow 4 ms at 400 fF, but off
currents of the injector and mismatch (e-fold per 33 mV of offset) make the time constant of each neuron a matter of
trimming. The step is not quite constant: it grows with a small power of the threshold current, because the injector's
peak current leaves weak inversion, and by half a percent of the threshold per spike from charge on the injector's
node. From rest (0.9 nA) the first steps are less than half the nominal one. At a membrane below 0.1 V the threshold's
transistor carries less than its full current: 95 % of it counts for the rate.""",
    published=(
        Published("threshold step per spike, of a full-scale drive", "step_of_full_scale", "0.002",
                  "own network's setting, in the manner of Diehl and Cook (0.05 mV of about 20 mV)"),
    ),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
