"""Slope unit: the currents that charge the eligibility traces, +-I s'(v) tanh(x), over both inputs.

python circuits/slope_unit.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.slope import BIAS, BIAS_RANGE, fit_slope, score_slope

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
LINES = "vup up 0 0.5\nvdown down 0 0.5"
"""The outputs at the voltage of a gate line's diode at full psi."""


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


_X = {"x": linear(-0.4, 0.4, 81)}
_SIGNED = {"difference": "A", "supply_current": "A"}
_V = linear(-0.4, 0.4, 17)
_BIASES = Axis((*np.linspace(BIAS_RANGE[0], BIAS, 4), 0.378, BIAS_RANGE[1]), "V")
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
        Sweep("signed_check", {"v_gate": _CHECK}, _signed, _signed_measure, _SIGNED, _X, held_out=True),
        Sweep("unsigned_check", {"v_gate": _CHECK}, _unsigned, lambda w, _: {"current": w["vio#branch"]},
              {"current": "A"}, _X, held_out=True),
        Sweep("bias_check", {"vb": Axis((0.287, 0.316, 0.343, 0.368, 0.392), "V"), "v_gate": Axis((-0.07, 0.0, 0.06), "V")},
              _signed, _signed_measure, _SIGNED, _X, held_out=True),
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
    "need tens of nanoseconds. The two sides differ by 2 %, and the more the larger the bias.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
