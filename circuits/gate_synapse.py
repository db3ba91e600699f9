"""Signed weight read-out: charge of a pulse against the weight, line height, weight mean and dendrite voltage.

python circuits/gate_synapse.py --plot
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Sweep, linear
from neuromorph.fitting.corners import worst_of
from neuromorph.fitting.readout import REFERENCE, fit_readout, score_readout
from neuromorph.spice.waveforms import integral, pulses, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
WEIGHT_MEAN = 0.6
"""V of both weight nodes at weight zero."""
SIDE = 20e-15
"""F on each side of the column: drains of 281 synapses and wire."""
SPIKES = (5e-9,)
UNIT = 30e-3
"""V between the weight nodes of the synapses that are read at once."""
STOP = 60e-9
SHAPER = "xsh spike pulse line vdd vsw vgain spike_shaper\nvsw vsw 0 0.4\ncl line 0 150f\ncp pulse 0 5f"


def _bench(circuit, point):
    """A shaped spike through the synapse and its column into a clamped dendrite."""
    return circuit.testbench(point, _cards(point), f".tran 0.1n {STOP:g} 0 0.2n", "i(vout) i(vdd)")


def _crowded(circuit, point):
    """As many synapses, read by one line at once; all but one have the weight ``others``."""
    half = 0.5 * point.get("others", UNIT)
    cards = [_cards(point | {"dw": UNIT})]
    for n in range(1, round(point["pulses"])):
        cards.append(f"vwp{n} wp{n} 0 {WEIGHT_MEAN + half:.9g}\nvwn{n} wn{n} 0 {WEIGHT_MEAN - half:.9g}")
        cards.append(f"xo{n} line wp{n} wn{n} up down {circuit.subcircuit}")
    return circuit.testbench(point, "\n".join(cards), f".tran 0.1n {STOP:g} 0 0.2n", "i(vout) i(vdd)")


def _cards(point):
    mean, half = point.get("v_mean", WEIGHT_MEAN), 0.5 * point["dw"]
    return (
        f"{SHAPER}\nvspike spike 0 {pulses(SPIKES)}\nvgain vgain 0 {point.get('v_line', 0.35):.9g}\n"
        f"vwp wp 0 {mean + half:.9g}\nvwn wn 0 {mean - half:.9g}\n"
        f"xcol up down out vref vdd vq dendrite_column\nvref vref 0 {REFERENCE}\ncu up 0 {SIDE}\ncd down 0 {SIDE}\n"
        f"vq vq 0 {point.get('v_quiescent', 0.25):.9g}\nvout out 0 {point.get('v_out', REFERENCE):.9g}"
    )


def _measure(waves, _):
    current = waves["vout#branch"]
    rest = sample(waves.time, current, SPIKES[0] - 1e-9)
    grid = np.array(_TIME["time"].values)
    supply = -waves["vdd#branch"]
    static = sample(waves.time, supply, SPIKES[0] - 1e-9)
    return {
        "charge": integral(waves.time, current - rest), "rest_current": float(rest),
        "energy": 0.8 * integral(waves.time, supply - static), "static_current": float(static),
        "current": sample(waves.time, current, grid),
    }  # fmt: skip


_TIME = {"time": linear(0, STOP, 121, "s")}
_OUT = {"charge": "C", "rest_current": "A", "energy": "J", "static_current": "A", "current": "A"}
_DW = linear(-0.15, 0.15, 13)

_CHECKS = (
    Sweep("charge_check", {"v_line": Axis((0.325, 0.35, 0.415), "V"),
                           "dw": Axis((-0.115, -0.07, -0.021, 0.016, 0.043, 0.095), "V")},
          _bench, _measure, _OUT, _TIME, held_out=True),
    Sweep("crowd_check", {"v_line": Axis((0.36, 0.395, 0.415), "V"), "pulses": Axis((3.0, 6.0, 10.0), "1"),
                          "others": Axis((-0.06, 0.0, 0.06), "V")},
          _crowded, _measure, _OUT, _TIME, held_out=True),
    Sweep("output_check", {"v_line": Axis((0.365, 0.40), "V"), "v_out": Axis((0.34, 0.37, 0.43, 0.46), "V"),
                           "dw": Axis((-0.05, 0.0, 0.05), "V")},
          _bench, _measure, _OUT, _TIME, held_out=True),
)  # fmt: skip
"""Held out, at the usual temperature and supply and at others."""

CIRCUIT = Circuit(
    name="gate_synapse",
    summary="signed read-out of a weight: a shaped spike gives the charge q tanh(w / W) to the dendrite",
    netlists=tuple(
        NETLISTS / part
        for part in (
            "devices/cnfet.lib", "blocks/spike_shaper.cir", "blocks/gate_synapse.cir", "blocks/dendrite_column.cir"
        )
    ),
    subcircuit="gate_synapse",
    knobs=(),
    states=(),
    transistors=3,
    sweeps=(
        Sweep("charge", {"v_line": Axis((0.31, 0.33, 0.35, 0.37, 0.39, 0.41, 0.43), "V"), "dw": _DW},
              _bench, _measure, _OUT, _TIME, caption="Charge of a spike against the weight"),
        Sweep("mean", {"v_mean": Axis((0.5, 0.55, 0.6, 0.65, 0.7), "V"), "dw": Axis((-0.09, 0.0, 0.09), "V")},
              _bench, _measure, _OUT, _TIME, caption="Mean of the weight nodes", optional=True),
        Sweep("output", {"v_out": Axis((0.2, 0.3, 0.4, 0.5, 0.6), "V"), "dw": Axis((-0.09, 0.0, 0.09), "V")},
              _bench, _measure, _OUT, _TIME, caption="Voltage of the dendrite"),
        Sweep("crowd", {"v_line": Axis((0.33, 0.35, 0.37, 0.40, 0.43), "V"),
                        "pulses": Axis((1.0, 2.0, 4.0, 8.0, 12.0), "1")},
              _crowded, _measure, _OUT, _TIME, caption="Synapses of one unit read at once"),
        Sweep("sides", {"v_line": Axis((0.35, 0.40, 0.43), "V"), "pulses": Axis((2.0, 6.0, 12.0), "1"),
                        "others": Axis((-0.07, 0.0, 0.07), "V")},
              _crowded, _measure, _OUT, _TIME, caption="Synapses of either sign read at once", optional=True),
        Sweep("quiescent", {"v_quiescent": Axis((0.20, 0.22, 0.25, 0.28), "V"), "dw": Axis((-0.09, 0.0, 0.09), "V")},
              _bench, _measure, _OUT, _TIME, caption="Quiescent current of the column", optional=True),
        *_CHECKS,
    ),
    rail_sources=("vsw",),
    corner_sweeps=("sides",),
    fit=fit_readout,
    score=score_readout,
    corner_checks=_CHECKS,
    score_corners=partial(worst_of, score_readout),
    literature="differential pair as a bounded weight: Mead, Analog VLSI and Neural Systems (1989); pulsed tail and "
    "column our own",
    description="The weight is the difference of two capacitor voltages around 0.6 V, so whatever moves both alike "
    "cancels. A pulse of the line opens the tail, the pair shares its charge between the two sides of the"
    " column; the column mirrors their difference onto the dendrite. Both signs come from one circuit and"
    " the zero is the balance of a pair, not the difference of two synapses. Three transistors a synapse,"
    " ten a dendrite. The column's outputs are cascoded: what they conduct while charge passes, both halves of a pulse"
    " whatever the weight, would load the dendrite, and a network has hundreds of pulses a frame.",
    limits="The weight saturates as a tanh: the three units of weight are 90 mV, 86 % of the largest charge. The "
    "column has a quiescent current; below 0.22 V of its bias a mirror falls asleep between spikes and "
    "delays the charge. Pulses that pass at once lose charge to each other, as the column's inputs give way and its "
    "outputs leave saturation: each divides every other by a factor that goes with its own charge, whatever the weights "
    "(1.2 % for a pulse of a note's line, eight at once lose 8 %); at a supply other than the usual one the two "
    "sides lose unlike shares. The law is of pulses that begin together; two that "
    "begin a nanosecond apart lose less than half of it, two nanoseconds apart nothing.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
