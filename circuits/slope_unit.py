"""Slope unit: the currents that charge the eligibility traces, +-I s'(v) tanh(x), over both inputs.

python circuits/slope_unit.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.slope import BIAS, BIAS_RANGE, SLOW, fit_slope, score_slope
from neuromorph.spice.waveforms import sample, straight

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
LINES = "vup up 0 0.5\nvdown down 0 0.5"
"""The outputs at the voltage of a gate line's diode at full psi."""


RAMP = 15e-9
"""s in which the inputs go from one level to the next, on which they stay as long."""
GATE = (0.0, 0.08, -0.05, 0.03, -0.02, 0.1, 0.01, -0.08, 0.05, 0.0)
FACTOR = (0.04, -0.03, 0.06, 0.1, 0.02, -0.05, -0.1, 0.03, 0.08, 0.04)
GATE_CHECK = (0.02, -0.06, 0.06, 0.09, 0.0, -0.03, 0.05, -0.09, 0.0, 0.02)
FACTOR_CHECK = (-0.05, 0.02, 0.09, 0.01, -0.07, 0.05, 0.03, -0.02, 0.1, -0.05)
"""Levels of the two inputs from their reference, V: as far as gates and candidates of cells go."""
STOP = 2 * RAMP * len(GATE)


def _signed(circuit, point):
    cards = f"vref vref 0 {REFERENCE}\nvv v 0 {REFERENCE + point['v_gate']:.9g}\nvx x 0 {REFERENCE}\n{LINES}"
    return circuit.testbench(point, cards, ".dc vx 0 0.8 0.01", "i(vup) i(vdown) i(vdd)")


def _signed_measure(waves, _):
    """Rectified as the line's diode does it: what would flow out of the line is not there."""
    up, down = waves["vup#branch"], waves["vdown#branch"]
    return {
        "difference": np.maximum(up, 0) - np.maximum(down, 0),
        "supply_current": np.mean(-waves["vdd#branch"]),
    }


def _unsigned(circuit, point):
    cards = (
        f"vref vref 0 {REFERENCE}\nvv v 0 {REFERENCE + point['v_gate']:.9g}\nvg g 0 {REFERENCE}\nvio io 0 0.5"
    )
    return circuit.testbench(
        point, cards, ".dc vg 0 0.8 0.01", "i(vio) i(vdd)", subcircuit="slope_unit_unsigned"
    )


def _moving(levels, slow):
    """A source through ``levels`` from the reference, ``slow`` times as slowly as cells move."""
    times = RAMP * slow * np.arange(1, 2 * len(levels))
    return straight(times, REFERENCE + np.repeat(levels, 2)[:-1])


def _follow(circuit, point, gate, factor, unsigned):
    second, outputs = ("g", "vio io 0 0.5") if unsigned else ("x", LINES)
    cards = (
        f"vref vref 0 {REFERENCE}\nvv v 0 {_moving(gate, point['slow'])}\n"
        f"vx {second} 0 {_moving(factor, point['slow'])}\n{outputs}"
    )
    step = 0.1e-9 * point["slow"]
    return circuit.testbench(
        point, cards, f".tran {step:g} {STOP * point['slow']:g} 0 {step:g}", "i(vio)" if unsigned else "i(vup) i(vdown)",
        subcircuit="slope_unit_unsigned" if unsigned else None,
    )  # fmt: skip


def _follow_signed(circuit, point):
    return _follow(circuit, point, GATE, FACTOR, False)


def _follow_unsigned(circuit, point):
    return _follow(circuit, point, GATE, FACTOR, True)


def _follow_signed_check(circuit, point):
    return _follow(circuit, point, GATE_CHECK, FACTOR_CHECK, False)


def _follow_unsigned_check(circuit, point):
    return _follow(circuit, point, GATE_CHECK, FACTOR_CHECK, True)


def _follow_signed_measure(waves, point):
    up, down = (np.maximum(waves[f"v{side}#branch"], 0) for side in ("up", "down"))
    return {"difference": sample(waves.time, up - down, point["slow"] * np.array(_TIME["time"].values))}


def _follow_unsigned_measure(waves, point):
    return {
        "current": sample(waves.time, waves["vio#branch"], point["slow"] * np.array(_TIME["time"].values))
    }


_TIME = {"time": linear(0, STOP, 601, "s")}
_X = {"x": linear(-0.4, 0.4, 81)}
_SIGNED = {"difference": "A", "supply_current": "A"}
_V = linear(-0.4, 0.4, 17)
_BIASES = Axis((*np.linspace(BIAS_RANGE[0], BIAS, 4), 0.378, BIAS_RANGE[1]), "V")
_SLOW = Axis((1.0, SLOW), "1")
_MOVING = {"vb": Axis((0.305, 0.33, BIAS, 0.38), "V"), "slow": _SLOW}
_MOVING_CHECK = {"vb": Axis((0.315, 0.345, 0.368), "V"), "slow": _SLOW}
_CHECK = Axis((-0.29, -0.14, -0.06, -0.013, 0.022, 0.07, 0.13, 0.31), "V")

CIRCUIT = Circuit(
    name="slope_unit",
    summary="charging currents of the eligibility traces: slope of a gate times a signed factor",
    netlists=tuple(
        NETLISTS / part
        for part in ("devices/cnfet.lib", "blocks/ota.cir", "blocks/gate.cir", "blocks/slope_unit.cir")
    ),
    subcircuit="slope_unit",
    knobs=(Knob("vb", BIAS_RANGE[0], BIAS_RANGE[1], BIAS, "bias: full scale of the trace's charge, e-fold per 40 mV"),),
    states=(),
    transistors=25,
    sweeps=(
        Sweep("signed", {"v_gate": _V}, _signed, _signed_measure, _SIGNED, _X,
              caption="psi of the input and forget gate: I s(v)(1 - s(v)) tanh(x)"),
        Sweep("unsigned", {"v_gate": _V}, _unsigned, lambda w, _: {"current": w["vio#branch"]}, {"current": "A"}, _X,
              caption="psi of the candidate: I s(v) s(g)(1 - s(g))"),
        Sweep("bias", {"vb": _BIASES, "v_gate": Axis((-0.1, -0.05, 0.0, 0.05, 0.1), "V")}, _signed, _signed_measure,
              _SIGNED, _X, caption="Bias knob"),
        Sweep("follow", _MOVING, _follow_signed, _follow_signed_measure, {"difference": "A"}, _TIME,
              caption="Gate and factor move as in cells, and slowly"),
        Sweep("follow_unsigned", _MOVING, _follow_unsigned, _follow_unsigned_measure, {"current": "A"}, _TIME,
              caption="The candidate's psi as gate and candidate move"),
        Sweep("signed_check", {"v_gate": _CHECK}, _signed, _signed_measure, _SIGNED, _X, held_out=True),
        Sweep("unsigned_check", {"v_gate": _CHECK}, _unsigned, lambda w, _: {"current": w["vio#branch"]},
              {"current": "A"}, _X, held_out=True),
        Sweep("bias_check", {"vb": Axis((0.287, 0.316, 0.343, 0.368, 0.392), "V"), "v_gate": Axis((-0.07, 0.0, 0.06), "V")},
              _signed, _signed_measure, _SIGNED, _X, held_out=True),
        Sweep("follow_check", _MOVING_CHECK, _follow_signed_check, _follow_signed_measure, {"difference": "A"}, _TIME,
              held_out=True),
        Sweep("follow_unsigned_check", _MOVING_CHECK, _follow_unsigned_check, _follow_unsigned_measure, {"current": "A"},
              _TIME, held_out=True),
    ),
    fit=fit_slope,
    score=score_slope,
    literature="sigmoid slope as the product of a pair's two halves (Mead 1989; the bump of Delbruck 1993 is a "
    "relative); use for e-prop eligibility (Bellec and others 2020) our own",
    description="The eligibility of a gate's weight grows with the slope of that gate, s(1 - s), times what the gate "
    "multiplies. A gate whose tail is another gate with swapped inputs gives the slope exactly as the "
    "product of two sigmoids; a splitter whose tail is that current gives the two signs on two lines. The"
    " subtraction happens in the current, so a small factor leaves both lines at zero instead of charging"
    " both traces.",
    limits="The mirrors between the stages carry the slope itself: at the tails, where it is a hundredth, they "
    "need tens of nanoseconds. The two sides differ by 2 %, and the more the larger the bias. Behind "
    "inputs that move psi comes late: by 1.5 ns at the usual bias, by 6 ns at a quarter of its current.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
