"""Error unit: prediction minus teacher as the difference of two pulse widths.

python circuits/error_unit.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.pulse_pairs import conversion_controls, width_of
from neuromorph.fitting.pulses import BIAS, DISCHARGE, fit_error_unit, modulator_sweeps, score_error_unit
from neuromorph.spice.waveforms import integral

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
START = 2e-9
LOAD = 60e-15
"""F on the pulse line: tails of 128 read-out and 128 feedback synapses, and wire."""


def _bench(circuit, point):
    controls, (_, (_, stop)) = conversion_controls(START)
    cards = (
        f"{controls}\nvref vref 0 {REFERENCE}\nvv v 0 {REFERENCE + point['v']:.9g}\n"
        f"vteach teach 0 {0.8 * point['teacher']:.3g}\ncpulse pulse 0 {LOAD}"
    )
    return circuit.testbench(
        point, cards, f".tran 0.1n {stop + 2e-9:.9g} 0 0.1n", "v(pulse) i(vdd) i(v_high)"
    )


def _measure(waves, _):
    height = waves["pulse"].max()
    positive, negative = (
        width_of(waves.time, waves["pulse"], height, window) for window in conversion_controls(START)[1]
    )
    energy = -0.8 * integral(waves.time, waves["vdd#branch"])
    return {"difference": positive - negative, "positive": positive, "negative": negative, "energy": energy}


_OUT = {"difference": "s", "positive": "s", "negative": "s", "energy": "J"}
_TEACHER = Axis((0.0, 1.0), "1")

CIRCUIT = Circuit(
    name="error_unit",
    summary="prediction minus teacher, p - t, as the widths of two pulses",
    netlists=tuple(
        NETLISTS / part
        for part in ("devices/cnfet.lib", "blocks/pulse_modulator.cir", "blocks/error_unit.cir")
    ),
    subcircuit="error_unit",
    knobs=(
        Knob("vb", 0.295, 0.34, BIAS, "bias of the sigmoid: gain of the pulse width, e-fold per 33 mV"),
        Knob("vbase", 0.53, 0.58, 0.56, "base width of both pulses: lower is wider", from_supply=True),
        Knob("vdis", *DISCHARGE["error_unit"]["vdis"], "discharge: higher is shorter pulses, e-fold per 33 mV"),
        Knob("high", *DISCHARGE["error_unit"]["high"], "height of the pulses: rate of the updates that they gate"),
    ),
    states=("pulse",),
    transistors=33,
    sweeps=(
        Sweep("error", {"v": linear(-0.2, 0.2, 13), "teacher": _TEACHER}, _bench, _measure, _OUT,
              caption="Pulse widths against the prediction's voltage"),
        Sweep("bias", {"vb": Axis((0.295, 0.305, 0.315, 0.325, 0.335, 0.34), "V"),
                       "v": Axis((0.1,), "V"), "teacher": Axis((0.0,), "1")}, _bench, _measure, _OUT, caption="Bias knob",
              optional=True),
        Sweep("base", {"vbase": Axis((0.53, 0.545, 0.56, 0.57, 0.58), "V"), "v": Axis((0.0,), "V"),
                       "teacher": Axis((0.0,), "1")}, _bench, _measure, _OUT, caption="Base width",
              optional=True),
        *modulator_sweeps(_bench, _measure, _OUT, {"v": Axis((-0.03,), "V"), "teacher": Axis((0.0,), "1")},
                         ((0.305, 0.31, 0.315, 0.325, 0.34), (0.307, 0.32, 0.335))),
        Sweep("error_check", {"v": Axis((-0.12, -0.047, -0.011, 0.024, 0.085, 0.15), "V"), "teacher": _TEACHER},
              _bench, _measure, _OUT, held_out=True),
        Sweep("zero_check", {"v": Axis((-0.2,), "V"), "teacher": Axis((0.0,), "1")}, _bench, _measure, _OUT, held_out=True),
    ),
    fit=fit_error_unit,
    corner_sweeps=("bias", "discharge"),
    score=score_error_unit,
    literature="delta rule: Widrow and Hoff (1960); pulse-width error, auto-zeroed modulator and two windows our own",
    description="A differential pair predicts p = sigmoid(v). With a teacher of 0 the error is p, with a teacher of 1 it "
    "is -(1 - p), and both currents are there in the pair: the teacher only picks which one is mirrored, and "
    "in which of the frame's two windows it is sampled, so nothing is subtracted and a right prediction gives "
    "nothing. Both windows are made by the same mirror, base current and modulator, one after the other: "
    "their difference has no error of its own, whatever the mismatch. The current charges a node that was "
    "zeroed at its own inverter's trip point; a constant current takes it back while the pulse lasts. Width, "
    "not height, carries the signal, so a thousand synapses can share the line without a mirror.",
    limits="Both windows take 82 ns and the widest pulse is 22 ns. The pair's offset is one of the prediction, which "
    "the note's weights learn. The discharge is a tail current: its mismatch is a gain.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
