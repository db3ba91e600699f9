"""Buffered gate line: current in, leak current of the gates out, opening and closing at the network's fan-out.

python circuits/gate_line.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear, logarithmic
from neuromorph.fitting.lines import fit_gate_line, score_gate_line, settling
from neuromorph.spice.waveforms import sample, staircase

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
RAIL = 0.25
"""Rail of the leaks' sources, V: the floor of the traces they discharge."""
LOAD = 200e-15
"""F: 1,405 leak gates of two tubes (68 aF each, 281 lines of five traces) and 0.1 pF of wire."""
OPEN, CLOSED = 2.4e-6, 24e-9
"""Line current at a trace leak of some 20 nA and at a hundredth of it, A."""
SWITCH_ON, SWITCH_OFF, STOP = 20e-9, 120e-9, 320e-9
GATES = 512


def _driven(point):
    """The point with both followers biased alike."""
    return {**point, "vbn": point["drive"], "vbp": 0.8 - point["drive"]}


def _gates():
    """Leaks of two tubes on the line, so that their current can be read."""
    return f"vleak leak 0 0.45\nxleak leak out vs nfet_low_leakage tubes={2 * GATES}"


def _transfer(circuit, point):
    cards = f"vs vs 0 {RAIL}\niin 0 line {point['i_line']:.9g}\n{_gates()}"
    return circuit.testbench(_driven(point), cards, ".op", "i(vleak) i(vdd) v(out) v(line)")


def _transfer_measure(waves, _):
    return {
        "leak_current": -float(waves["vleak#branch"][-1]) / GATES,
        "level_error": float(waves["out"][-1] - waves["line"][-1]),
    }


def _step(circuit, point):
    current = staircase((0, SWITCH_ON, SWITCH_OFF), (CLOSED, OPEN, CLOSED), 0.2e-9)
    cards = f"vs vs 0 {RAIL}\niin 0 line {current}\ncload out 0 {point['c_load']:.9g}\n{_gates()}"
    return circuit.testbench(_driven(point), cards, f".tran 0.1n {STOP:g} 0 0.5n", "i(vleak) i(vdd)")


def _step_measure(waves, _):
    leak = -waves["vleak#branch"] / GATES
    static = -waves["vdd#branch"]
    return {
        "open_time": settling(waves.time, leak, SWITCH_ON + 0.2e-9, SWITCH_OFF),
        "close_time": settling(waves.time, leak, SWITCH_OFF + 0.2e-9, STOP),
        "static_current": float(sample(waves.time, static, STOP - 1e-9)),
        "leak": sample(waves.time, leak, np.array(_TIME["time"].values)),
    }


_TIME = {"time": linear(0, STOP, 161, "s")}
_STEP_OUT = {"open_time": "s", "close_time": "s", "static_current": "A", "leak": "A"}
_TRANSFER_OUT = {"leak_current": "A", "level_error": "V"}

CIRCUIT = Circuit(
    name="gate_line",
    summary="buffered line from one current to the gates of a thousand leaks, injectors or tails",
    netlists=(NETLISTS / "devices" / "cnfet.lib", NETLISTS / "blocks" / "gate_line.cir"),
    subcircuit="gate_line",
    knobs=(
        Knob("vbp", 0.48, 0.56, 0.54, "bias of the followers: lower drives harder (set with vbn)", from_supply=True),
        Knob("vbn", 0.24, 0.32, 0.26, "bias of the followers from ground: higher drives harder"),
    ),
    states=("line",),
    transistors=7,
    sweeps=(
        Sweep("transfer", {"drive": Axis((0.24, 0.26, 0.28, 0.30), "V"), "i_line": logarithmic(4e-9, 4e-6, 10)},
              _transfer, _transfer_measure, _TRANSFER_OUT, caption="Leak of one gate against the line's current"),
        Sweep("step", {"drive": Axis((0.24, 0.26, 0.28, 0.30), "V"), "c_load": Axis((5e-14, 1e-13, 2e-13, 4e-13), "F")},
              _step, _step_measure, _STEP_OUT, _TIME, caption="Opening and closing of the line"),
        Sweep("transfer_check", {"drive": Axis((0.25, 0.26, 0.29), "V"), "i_line": Axis((1.2e-8, 7e-8, 5e-7, 2.4e-6), "A")},
              _transfer, _transfer_measure, _TRANSFER_OUT, held_out=True),
        Sweep("step_check", {"drive": Axis((0.26, 0.29), "V"), "c_load": Axis((LOAD, 3e-13), "F")},
              _step, _step_measure, _STEP_OUT, _TIME, held_out=True),
    ),
    fit=fit_gate_line,
    score=score_gate_line,
    literature="class-AB diamond follower, a textbook buffer; as a gate line for carbon-nanotube synapses our own",
    description="A gate of the network (forget leak, trace charge) must reach the gates of every synapse of its cell:"
    " 281 lines with five traces each are 1,405 leaks, about 0.2 pF with the wire. A bare diode at the "
    "current of one leak takes 0.3 to 1.5 us to close. Here the diode has a lower threshold than the "
    "leaks, so the same voltage belongs to a current a hundred times larger and its own node is fast; a "
    "follower whose n and p level shifts cancel drives the wire and nothing feeds back. The leaks' "
    "sources stand on a raised rail (vs), which puts the line in the follower's range and is also the "
    "floor to which traces decay.",
    limits="At the low end the lower follower runs out of headroom and the line stands some millivolts high, so "
    "a ratio of 100 in current becomes 110 to 120 in leak. Static current is the price of speed. The "
    "ratio of diode to leak rests on two flat-band voltages (process), and changes with temperature.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
