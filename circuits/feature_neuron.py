"""A neuron of the feature layer: the charge that it takes beyond a bare axon hillock's.

python circuits/feature_neuron.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.feature_neuron import (
    BEGIN,
    SPIKES,
    STOP,
    fit_feature_neuron,
    score_feature_neuron,
    train,
)
from neuromorph.spice.waveforms import crossings, pulses, sample, staircase

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
SPIKE_LEVEL = 0.4
START = 2e-9
CLAMP = 0.2
"""Membrane where the synapses' current is measured, V: the middle of its swing."""


def _bare(circuit, point):
    """Constant current into an axon hillock, its axon loaded as in its own recipe."""
    current = point["i_in"]
    stop = START + 4.5 * (1.6e-15 / current + 4e-9)
    cards = f"iin 0 in {staircase((0, START), (0, current))}\ncload axon 0 1f"
    analysis = f".tran {stop / 800:.4g} {stop:.6g} 0 {stop / 800:.4g}"
    return circuit.testbench(point, cards, analysis, "v(axon)", subcircuit="axon_hillock")


def _bare_measure(waves, _):
    times = crossings(waves.time, waves["axon"], SPIKE_LEVEL)
    return {"first": times[0] - START, "interval": times[2] - times[1]}


def _frame(circuit, point, membrane, save):
    """A frame in which both lines sound; winners are counted by nobody."""
    spikes = pulses(train(point["interval"]))
    lines = [f"vap{k} ap{k} 0 {spikes}\nvw{k} w{k} 0 {point[f'v_weight_{k}']:.9g}" for k in (1, 2)]
    cards = [
        *lines,
        f"vframe frame 0 {staircase((0, BEGIN), (circuit.supply, 0))}",
        f"vframeb frameb 0 {staircase((0, BEGIN), (0, circuit.supply))}",
        "vcount count 0 0\nvclosed closed 0 0",
        ".ic v(axon)=0 v(xdut.xa.slow)=0.14",
        *membrane,
    ]  # fmt: skip
    return circuit.testbench(point, "\n".join(cards), f".tran 0.1n {STOP:g} 0 0.1n", save)


def _free(circuit, point):
    silent = [
        f"xmore{k} 0 in vdd vnt vre w1 vwref vdecay excitatory_synapse cpsp=0.01f"
        for k in range(int(point.get("more", 0)))
    ]
    return _frame(circuit, point, silent, "v(axon)")


def _free_measure(waves, _):
    times = crossings(waves.time, waves["axon"], SPIKE_LEVEL)
    times = times[times > BEGIN][:SPIKES]
    return {"times": np.r_[times, np.full(SPIKES - len(times), np.nan)]}


def _clamped(circuit, point):
    return _frame(circuit, point, [f"vclamp in 0 {CLAMP}"], "i(vclamp)")


def _clamped_measure(waves, _):
    return {"current": sample(waves.time, waves["vclamp#branch"], np.array(_TIME["time"].values))}


_CURRENTS = (60e-9, 100e-9, 160e-9, 240e-9, 340e-9, 460e-9, 600e-9, 760e-9, 950e-9)
_TIME = {"time": linear(BEGIN + 0.5e-9, STOP - 1e-9, 431, "s")}
_COUNT = {"spike": Axis(tuple(range(1, SPIKES + 1)), "1")}
_FIT = {"v_weight_1": Axis((0.24, 0.28, 0.32), "V"), "v_weight_2": Axis((0.26, 0.31), "V"),
        "interval": Axis((6.25e-9,), "s")}  # fmt: skip
_ONE = {"v_weight_1": Axis((0.28,), "V"), "v_weight_2": Axis((0.31,), "V"), "interval": Axis((6.25e-9,), "s")}
_CHECK = {"v_weight_1": Axis((0.26, 0.30), "V"), "v_weight_2": Axis((0.29,), "V"),
          "interval": Axis((6.25e-9, 9e-9), "s")}  # fmt: skip
_BEFORE = ("devices/cnfet.lib", "blocks/excitatory_synapse.cir", "blocks/axon_hillock.cir", "blocks/adaptive_hillock.cir",
           "blocks/winner_take_all.cir", "blocks/update_shaper.cir", "blocks/feature_neuron.cir")  # fmt: skip


CIRCUIT = Circuit(
    name="feature_neuron",
    summary="a neuron of the feature layer: synapses, adaptive axon hillock, winners' cell, shaper",
    netlists=tuple(NETLISTS / part for part in _BEFORE),
    subcircuit="feature_neuron",
    knobs=(
        Knob("vnt", 0.24, 0.36, 0.28, "neurotransmitter release: lower is more", from_supply=True),
        Knob("vre", 0.52, 0.58, 0.55, "reuptake: lower is faster", from_supply=True),
        Knob("vwref", 0.20, 0.45, 0.27, "zero of a weight"),
        Knob("vdecay", 0.0, 0.35, 0.0, "decay of the post-synaptic potential: higher is faster"),
        Knob("vwidth", 0.40, 0.48, 0.43, "spike width: higher is wider", from_supply=True),
        Knob("vref", 0.18, 0.28, 0.225, "refractory period: higher is shorter"),
        Knob("vleak", 0.0, 0.20, 0.15, "membrane leak: higher leaks more, raises the rheobase"),
        Knob("vgain", 0.40, 0.48, 0.43, "first-stage load current, sets the threshold", from_supply=True),
        Knob("vthr", 0.0, 0.58, 0.0, "step of the threshold per spike: none here"),
        Knob("vslow", 0.18, 0.28, 0.235, "decay of the threshold: higher is faster"),
        Knob("vbase", 0.10, 0.20, 0.14, "rest of the threshold's node"),
        Knob("vunit", 0.34, 0.42, 0.36, "unit current of a winner: lower is more, and faster", from_supply=True),
        Knob("vinh", 0.10, 0.60, 0.60, "strength of the inhibition: higher is harder"),
        Knob("vsw", 0.43, 0.46, 0.435, "width of the updates' pulse: higher is wider", from_supply=True),
    ),
    states=("in",),
    transistors=50,
    sweeps=(
        Sweep("bare", {"i_in": Axis(_CURRENTS, "A")}, _bare, _bare_measure, {"first": "s", "interval": "s"},
              caption="A bare axon hillock at constant currents"),
        Sweep("drive", _FIT, _clamped, _clamped_measure, {"current": "A"}, _TIME,
              caption="Current into a clamped membrane"),
        Sweep("spikes", _FIT, _free, _free_measure, {"times": "s"}, _COUNT, caption="Spikes of the free one"),
        Sweep("wider", {"more": Axis((2, 4), "1"), **_ONE}, _free, _free_measure, {"times": "s"}, _COUNT,
              caption="Spikes of one with more, silent synapses"),
        Sweep("drive_check", _CHECK, _clamped, _clamped_measure, {"current": "A"}, _TIME, held_out=True),
        Sweep("spikes_check", _CHECK, _free, _free_measure, {"times": "s"}, _COUNT, held_out=True),
    ),
    fit=fit_feature_neuron,
    score=score_feature_neuron,
    literature="neuron of a feature layer after Diehl and Cook, Front. Comput. Neurosci. 9:99 (2015): excitatory synapses, "
    "adaptive threshold, inhibition by the first spikes; own circuit of this project's blocks",
    description="""The blocks of a feature neuron were each measured alone, the axon hillock without anything on its
membrane. Here they hang together, and the same trains are given twice: into a membrane that is clamped in the middle of its
swing, whose current is what the synapses drive it with, and into the free one. What charge the free one takes from spike to
spike beyond a bare axon hillock at that current is the load of synapses, threshold and winners' cell, and what its first
spike takes beyond the others is the winner's latch, whose transistor lies open on the membrane until it. Silent synapses
beside them tell what one takes.""",
    limits="""The load is what synapses, threshold, winners' cell and shaper come to in regular trains: their capacitance,
less what a spike, which lifts the membrane beyond the synapses' own potential, shortens the clamp by. The threshold's steps
are off here: they are those of the adaptive axon hillock.""",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
