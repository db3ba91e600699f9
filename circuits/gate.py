"""Gate: sigmoid transconductor, tanh amplifier, their product i * g, and its two rectified halves.

python circuits/gate.py --plot
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Published, Sweep, linear
from neuromorph.fitting.corners import worst_of
from neuromorph.fitting.gate import KNOBS, fit_gate, score_gate

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
"""Zero of every signal voltage, V."""
SWING = 0.4
"""Largest distance of an input from the reference, V: the rails."""
HELD = 0.5
"""Voltage of a rectifier's output, V: a line's diode on a rail of 0.35 V."""


def _sigmoid(circuit, point):
    cards = f"vref vref 0 {REFERENCE}\nvv v 0 {REFERENCE}\nvio io 0 0.35"
    low, high = REFERENCE - SWING, REFERENCE + SWING
    analysis = f".dc vv {low:g} {high:g} {2 * SWING / 160:g}"
    return circuit.testbench(point, cards, analysis, "i(vio) i(vdd)", subcircuit="gate")


def _sigmoid_measure(waves, _):
    current = waves["vio#branch"]
    # all that vdd gives but the output copy is the tail
    return {"current": current, "tail": np.mean(-waves["vdd#branch"] - current)}


def _product(circuit, point):
    g_shift = point.get("g_shift", 0.0)
    out = point.get("v_out", REFERENCE)
    cards = (
        f"vref vref 0 {REFERENCE}\nvv v 0 {REFERENCE + point['v_gate']:.9g}\n"
        f"vg g 0 {REFERENCE}\nvout out 0 {out:g}"
    )
    low, high = REFERENCE - SWING + g_shift, REFERENCE + SWING + g_shift
    return circuit.testbench(
        point, cards, f".dc vg {low:.9g} {high:.9g} {2 * SWING / 160:g}", "i(vout) i(vdd)"
    )


def _product_measure(waves, _):
    return {"current": waves["vout#branch"], "supply_current": -waves["vdd#branch"]}


def _rectifier(circuit, point):
    """Signed input in, two currents out: held (loaded = 0) or each into a diode of its own (loaded = 1)."""
    cards = (
        f"vref b 0 {REFERENCE}\nvg a 0 {REFERENCE}\nitail 0 line {point['i_tail']:.9g}\nxline line gate_diode"
    )
    if point.get("loaded", 0.0):
        cards += "\nvup up du 0\nvdown down dd 0\nxu du gate_diode\nxd dd gate_diode"
    else:
        cards += f"\nvup up 0 {HELD}\nvdown down 0 {HELD}"
    shift = point.get("g_shift", 0.0)
    low, high = REFERENCE - SWING + shift, REFERENCE + SWING + shift
    return circuit.testbench(
        point, cards, f".dc vg {low:.9g} {high:.9g} {2 * SWING / 160:g}", "i(vup) i(vdown) i(vdd)", "splitter"
    )


def _rectifier_measure(waves, _):
    return {
        "up": waves["vup#branch"], "down": waves["vdown#branch"],
        "supply_current": np.mean(-waves["vdd#branch"]),
    }  # fmt: skip


_V = {"v": linear(-SWING, SWING, 161)}
_G = {"g": linear(-SWING, SWING, 161)}
_PRODUCT = {"current": "A", "supply_current": "A"}
_RECTIFIER = {"up": "A", "down": "A", "supply_current": "A"}

_CHECKS = (
    Sweep(
        "product_check",
        {"v_gate": Axis((-0.31, -0.13, -0.07, -0.021, 0.013, 0.044, 0.083, 0.17, 0.33), "V"),
         "g_shift": Axis((0.0023,), "V"), "v_out": Axis((0.3, 0.4, 0.5), "V")},
        _product, _product_measure, _PRODUCT, _G, held_out=True,
    ),
    Sweep(
        "sigmoid_check", {"vb": Axis((0.245, 0.264, 0.283), "V")}, _sigmoid, _sigmoid_measure,
        {"current": "A", "tail": "A"}, _V, held_out=True,
    ),
    Sweep(
        "bias_check", {"vb": Axis((0.163, 0.197, 0.231, 0.279, 0.317, 0.341), "V")}, _sigmoid, _sigmoid_measure,
        {"current": "A", "tail": "A"}, _V, held_out=True,
    ),
    Sweep(
        "rectifier_check",
        {"i_tail": Axis((3.1e-9, 1.7e-8, 3.6e-8), "A"), "g_shift": Axis((0.0023,), "V")},
        _rectifier, _rectifier_measure, _RECTIFIER, _G, held_out=True,
    ),
    Sweep(
        "rectifier_loaded_check",
        {"i_tail": Axis((3.1e-9, 1.7e-8, 3.6e-8), "A"), "loaded": Axis((1.0,), "1"), "g_shift": Axis((0.0023,), "V")},
        _rectifier, _rectifier_measure, _RECTIFIER, _G, held_out=True,
    ),
)  # fmt: skip
"""Held out, at the usual temperature and supply and at others."""

CIRCUIT = Circuit(
    name="gate",
    summary="sigmoid transconductor and gated tanh amplifier (product i * g)",
    netlists=tuple(
        NETLISTS / part for part in ("devices/cnfet.lib", "blocks/ota.cir", "blocks/gate.cir")
    ),
    subcircuit="gated_product",
    knobs=(Knob("vb", *KNOBS["vb"], "gate of the tail: bias current, e-fold per 33 mV"),),
    states=("out",),
    transistors=15,
    sweeps=(
        Sweep(
            "sigmoid", {"vb": Axis((0.15, 0.18, 0.21, 0.24, 0.264, 0.28, 0.3, 0.325, 0.35), "V")}, _sigmoid,
            _sigmoid_measure, {"current": "A", "tail": "A"}, _V, caption="Gate current against dendritic voltage",
        ),
        Sweep(
            "product", {"v_gate": linear(-SWING, SWING, 17)}, _product, _product_measure, _PRODUCT, _G,
            caption="Product of gate and amplifier",
        ),
        Sweep(
            "product_out", {"v_gate": Axis((0.0, SWING), "V"), "v_out": Axis((0.3, 0.35, 0.45, 0.5), "V")}, _product,
            _product_measure, _PRODUCT, _G, caption="Product against the voltage of its output",
        ),
        Sweep(
            "rectifier", {"i_tail": Axis((2e-9, 1e-8, 5e-8), "A")}, _rectifier, _rectifier_measure, _RECTIFIER, _G,
            caption="Rectified halves of a signed product, outputs at 0.5 V",
        ),
        Sweep(
            "rectifier_loaded", {"i_tail": Axis((2e-9, 1e-8, 5e-8), "A"), "loaded": Axis((1.0,), "1")},
            _rectifier, _rectifier_measure, _RECTIFIER, _G, caption="Rectified halves into diodes",
        ),
        *_CHECKS,
    ),
    fit=fit_gate,
    score=score_gate,
    corner_checks=_CHECKS,
    score_corners=partial(worst_of, score_gate),
    literature="The subthreshold differential pair as a sigmoid and the transconductor as a tanh are textbook circuits "
    "(Mead, Analog VLSI and Neural Systems, 1989). The arrangement for a gated recurrent cell is our own design.",
    description="A subthreshold differential pair is the sigmoid: half its tail current at zero, e-fold per 32 mV far "
    "below. A p mirror copies the gate's current into a line, a diode whose voltage sets the tail of any number of "
    "nine-transistor amplifiers. The amplifier's output is then the product of the sigmoid and a tanh without a Gilbert "
    "cell, since a gate is never negative. Both sides of the amplifier's pair are mirrored to the output, so that the "
    "output voltage never reaches the pair.\n\n"
    "The pair costs 5 transistors, the line 1, the amplifier 9. A signed product that has to travel as two currents takes "
    "a splitter of 13: each side of the pair is mirrored to one output and, inverted, to the other, so that an output "
    "gives what its side has over the other, and nothing flows where that is negative.",
    limits="An output at 0.3 or 0.5 V takes half a percent of the current, as the model does (`tanh_v_headroom`), whose "
    "accuracy holds between; inputs were swept over the whole supply. The bias is exponential below 100 nA and flattens "
    "above; the model follows it from 0.15 to 0.35 V (0.9 to 420 nA). Below 2 nA the off current of the devices, some "
    "15 pA, is no longer small. The rectifier was measured with tails of 2 to 50 nA, over which its pair widens "
    "(`rectifier_inversion`), its outputs at 0.5 V or in diodes to ground: between the two its plateau moves by one "
    "percent, and against relu(tanh) of its tail it errs by two to four percent of full scale, most at the plateau "
    "(mirrors) and, in diodes, at the corner. Mismatch is not part of the curves.",
    published=(
        Published("width of the sigmoid", "v_width", "25.9 mV (thermal voltage at 300 K)",
                  "lower limit of any barrier-controlled device; our excess is the slope factor of the device model"),
    ),
    figures=("v_width", "tanh_v_width", "i_bias", "floor"),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
