"""Neuromodulator: a dopamine-like level that scales the gain of synapses and of learning.

python circuits/neuromodulator.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.neuromodulator import (
    REST,
    WINDOW,
    fit_neuromodulator,
    pulses_of,
    score_neuromodulator,
)
from neuromorph.spice.waveforms import integral, pulses, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
TAIL = "vout out 0 0.4\nxtail out line 0 nfet_low_leakage"
"""A tail on the line, as an amplifier or a synapse would have it."""
_LEVEL = {"v_level": linear(0.25, 0.55, 61)}
_TIME = {"time": linear(0, WINDOW, 481, "s")}


def _gain(circuit, point):
    cards = f"vrest vrest 0 {REST}\nvpulse pulse 0 0\nvlevel level 0 {REST}\n{TAIL}"
    return circuit.testbench(point, cards, ".dc vlevel 0.25 0.55 0.005", "i(vout)")


def _gain_measure(waves, _):
    return {"current": -waves["vout#branch"]}


def _release(circuit, point):
    cards = (
        f"vrest vrest 0 {REST}\nvpulse pulse 0 {pulses(pulses_of(point))}\n{TAIL}\n.nodeset v(level)={REST}"
    )
    return circuit.testbench(point, cards, f".tran 4n {WINDOW:g} 0 4n", "v(level) i(vout) i(vdd)")


def _release_measure(waves, point):
    grid = np.array(_TIME["time"].values)
    supply = -0.8 * waves["vdd#branch"]
    return {
        "level": sample(waves.time, waves["level"], grid) - REST,
        "current": sample(waves.time, -waves["vout#branch"], grid),
        "energy": integral(waves.time, supply - supply[0]),
        "static_power": float(supply[0]),
    }


_OUT = {"level": "V", "current": "A", "energy": "J", "static_power": "W"}

CIRCUIT = Circuit(
    name="neuromodulator",
    summary="pulse-driven level with a slow decay that scales a gain between a floor and a ceiling",
    netlists=tuple(
        NETLISTS / part
        for part in (
            "devices/cnfet.lib", "blocks/ota.cir", "blocks/neuromodulator.cir",
        )
    ),
    subcircuit="neuromodulator",
    knobs=(
        Knob("vstep", 0.38, 0.46, 0.42, "release per pulse: lower is more", from_supply=True),
        Knob("vtau", 0.18, 0.26, 0.22, "decay of the level: higher is faster"),
        Knob("vmid", 0.35, 0.45, 0.40, "level of half gain"),
        Knob("vceil", 0.24, 0.32, 0.28, "ceiling of the gain: e-fold per 33 mV"),
        Knob("vfloor", 0.12, 0.24, 0.20, "floor of the gain: e-fold per 33 mV"),
    ),
    states=("level",),
    transistors=20,
    sweeps=(
        Sweep(
            "gain", {"vceil": linear(0.24, 0.32, 5), "vfloor": linear(0.12, 0.24, 4)}, _gain, _gain_measure,
            {"current": "A"}, _LEVEL, caption="Current of a tail on the line against the level",
        ),
        Sweep(
            "release", {"vstep": linear(0.38, 0.46, 5)}, _release, _release_measure, _OUT, _TIME,
            caption="Release knob: eight pulses, 40 ns apart",
        ),
        Sweep(
            "decay", {"vtau": linear(0.18, 0.26, 5)}, _release, _release_measure, _OUT, _TIME,
            caption="Decay knob: eight pulses, 40 ns apart",
        ),
        Sweep(
            "gain_check",
            {"vmid": Axis((0.37, 0.42), "V"), "vceil": Axis((0.253, 0.29, 0.309), "V"),
             "vfloor": Axis((0.15, 0.21), "V")},
            _gain, _gain_measure, {"current": "A"}, _LEVEL, held_out=True,
        ),
        Sweep(
            "random_check",
            {"vstep": Axis((0.405, 0.435), "V"), "vtau": Axis((0.193, 0.232), "V"), "seed": Axis((1, 2), "")},
            _release, _release_measure, _OUT, _TIME, held_out=True,
        ),
    ),
    fit=fit_neuromodulator,
    score=score_neuromodulator,
    description="A release pulse adds a step to the level, a capacitor of 50 fF that an amplifier in unity feedback "
    "lets decay to its rest within a fraction of a microsecond to microseconds. A differential pair compares the level "
    "with vmid and gives a current between a floor and a ceiling, which a diode turns into the gate voltage of a line: "
    "every tail on it (a synapse's, a gate's, an update's) is scaled by the level. The learning rate of a three-factor "
    "rule and the strength of synapses are currents of such tails.",
    limits="The line has no buffer: many tails slow it, and it falls slowly at nanoampere gains. The level is "
    "characterized up to 0.55 V. The decay is exponential within 50 mV of the rest and slower above.",
    literature="dopamine as a level that gates plasticity: W. Schultz, P. Dayan and P. R. Montague, Science 275, 1997; "
    "E. M. Izhikevich, Cerebral Cortex 17(10), 2007; own circuit",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
