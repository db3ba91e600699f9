"""Learning unit: fed-back error times a slope as the difference of two pulse widths.

python circuits/learning_unit.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.pulse_pairs import conversion_controls, pulse_windows, width_of
from neuromorph.fitting.pulses import DISCHARGE, fit_learning_unit, modulator_sweeps, score_learning_unit
from neuromorph.spice.waveforms import integral, sample, windows

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
LOAD = 150e-15
"""F on the pulse line: tails of 281 lines with three updates each, and wire."""
RESET = 5e-9
PUSH = pulse_windows(RESET)
"""While the notes' error pulses last, s."""
START = PUSH[1][1] + 2e-9


def _bench(circuit, point):
    """A charge onto one capacitor, of a positive error onto the first, then a conversion."""
    controls, (_, (_, stop)) = conversion_controls(START)
    (first, second), charge = ([(a - 0.5e-9, b + 0.5e-9)] for a, b in PUSH), point["charge"]
    current = abs(charge) / (PUSH[0][1] - PUSH[0][0] + 0.1e-9)
    cards = (
        f"{controls}\nvref vref 0 {REFERENCE}\nvrst rst 0 {windows([(0.1e-9, RESET)])}\n"
        f"vin1 in1 0 {windows(first)}\nvin2 in2 0 {windows(second)}\n"
        f"vpark park 0 {windows([*first, *second], high=0.0, low=0.8)}\n"
        f"iq 0 i {windows([PUSH[0 if charge > 0 else 1]], high=current)}\n"
        f"islope 0 slope {point['i_slope']:.9g}\nxsl slope gate_diode\ncpulse pulse 0 {LOAD}"
    )
    return circuit.testbench(
        point, cards, f".tran 0.1n {stop + 2e-9:.9g} 0 0.1n", "v(pulse) v(c1) v(c2) i(vdd)"
    )


def _measure(waves, _):
    height = waves["pulse"].max()
    positive, negative = (
        width_of(waves.time, waves["pulse"], height, window) for window in conversion_controls(START)[1]
    )
    return {
        "difference": positive - negative, "positive": positive, "negative": negative,
        "integral": float(sample(waves.time, waves["c1"] - waves["c2"], START)),
        "energy": -0.8 * integral(waves.time, waves["vdd#branch"]),
    }  # fmt: skip


_OUT = {"difference": "s", "positive": "s", "negative": "s", "integral": "V", "energy": "J"}

CIRCUIT = Circuit(
    name="learning_unit",
    summary="a cell's learning signal: fed-back error times a slope, as the widths of two pulses",
    netlists=tuple(
        NETLISTS / part
        for part in (
            "devices/cnfet.lib", "blocks/ota.cir", "blocks/gate.cir", "blocks/pulse_modulator.cir",
            "blocks/learning_unit.cir",
        )
    ),
    subcircuit="learning_unit",
    knobs=(
        Knob("vbase", 0.20, 0.25, 0.22, "base width of both pulses: higher is wider"),
        Knob("vdis", *DISCHARGE["learning_unit"]["vdis"], "discharge: higher is shorter pulses, e-fold per 33 mV"),
        Knob("high", *DISCHARGE["learning_unit"]["high"], "height of the pulses: rate of the updates that they gate"),
    ),
    states=("c1", "c2"),
    transistors=30,
    sweeps=(
        Sweep("signal", {"charge": linear(-4.8e-14, 4.8e-14, 13, "C"),
                         "i_slope": Axis((5e-9, 1e-8, 1.5e-8, 2e-8, 3e-8, 4e-8), "A")},
              _bench, _measure, _OUT, caption="Learning pulses against the fed-back charge"),
        Sweep("base", {"vbase": Axis((0.20, 0.21, 0.22, 0.235, 0.25), "V"), "charge": Axis((0.0,), "C"),
                       "i_slope": Axis((1e-8,), "A")}, _bench, _measure, _OUT, caption="Base width",
              optional=True),
        *modulator_sweeps(_bench, _measure, _OUT, {"charge": Axis((3.2e-14,), "C"), "i_slope": Axis((2e-8,), "A")},
                         ((0.275, 0.285, 0.295, 0.31, 0.33), (0.279, 0.302, 0.322))),
        Sweep("signal_check", {"charge": Axis((-4.2e-14, -1.8e-14, -5e-15, 1.1e-14, 3.0e-14), "C"),
                               "i_slope": Axis((8e-9, 1.7e-8, 3.4e-8), "A")}, _bench, _measure, _OUT, held_out=True),
        Sweep("zero_check", {"charge": Axis((0.0,), "C"), "i_slope": Axis((7e-9, 2.7e-8), "A")}, _bench, _measure, _OUT,
              held_out=True),
    ),
    fit=fit_learning_unit,
    corner_sweeps=("discharge",),
    score=score_learning_unit,
    pairs=(("xa", "xb"),),
    literature="learning signal of e-prop: Bellec and others, Nat. Commun. 11:3625 (2020); own circuit",
    description="The cell's feedback column puts the sum of B times the positive error pulses as a charge on one "
    "capacitor, that of the negative ones on another, both around the reference; what the windows have in "
    "common, base widths and the column's own rest, is alike on both. A pair whose tail is the slope current "
    "(of the read-out, or of the output gate) compares them; one mirror and one modulator make a pulse of it, "
    "then, with the pair's inputs exchanged, the second one. So the difference of the pulses is odd in the "
    "signal, and offset, mirror and modulator drop out of its zero. A base current keeps the mirror awake.",
    limits="The signal saturates as tanh of the integral over 60 mV, a charge of some 20 fC on 320 fF. The pulses' "
    "common width grows with the slope, half of it each.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
