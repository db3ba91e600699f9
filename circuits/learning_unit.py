"""Learning unit: fed-back error times a slope as the difference of two pulse widths.

python circuits/learning_unit.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.pulses import (
    DISCHARGE,
    conversion_controls,
    fit_learning_unit,
    modulator_sweeps,
    score_learning_unit,
    width_of,
)
from neuromorph.spice.waveforms import integral, sample, windows

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
LOAD = 150e-15
"""F on each pulse line: tails of 281 lines with three updates each, and wire."""
PUSH = (8e-9, 26e-9)
"""While the notes' error pulses last, s."""
START = 30e-9


def _bench(circuit, point):
    """A charge on the integrator, then a conversion."""
    controls, (_, stop) = conversion_controls(START)
    current = point["charge"] / (PUSH[1] - PUSH[0] + 0.1e-9)
    cards = (
        f"{controls}\nvref vref 0 {REFERENCE}\nvrst rst 0 {windows([(0.1e-9, 5e-9)])}\n"
        f"iq 0 i {windows([PUSH], high=current)}\nislope 0 slope {point['i_slope']:.9g}\nxsl slope gate_diode\n"
        f"clp lp 0 {LOAD}\ncln ln 0 {LOAD}"
    )
    return circuit.testbench(point, cards, f".tran 0.1n {stop + 2e-9:.9g} 0 0.1n", "v(lp) v(ln) v(i) i(vdd)")


def _measure(waves, _):
    height = max(waves["lp"].max(), waves["ln"].max())
    positive, negative = (width_of(waves.time, waves[n], height) for n in ("lp", "ln"))
    return {
        "difference": positive - negative, "positive": positive, "negative": negative,
        "integral": float(sample(waves.time, waves["i"], START)) - REFERENCE,
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
        Knob("vbase", 0.48, 0.56, 0.515, "base width of both pulses: lower is wider"),
        Knob("vdis", *DISCHARGE["vdis"], "discharge: higher is shorter pulses, e-fold per 33 mV"),
        Knob("high", *DISCHARGE["high"], "height of the pulses: rate of the updates that they gate"),
    ),
    states=("i",),
    transistors=46,
    sweeps=(
        Sweep("signal", {"charge": linear(-4.8e-14, 4.8e-14, 13, "C"),
                         "i_slope": Axis((5e-9, 1e-8, 1.5e-8, 2e-8, 3e-8, 4e-8), "A")},
              _bench, _measure, _OUT, caption="Learning pulses against the fed-back charge"),
        Sweep("base", {"vbase": Axis((0.48, 0.5, 0.52, 0.54, 0.56), "V"), "charge": Axis((0.0,), "C"),
                       "i_slope": Axis((1e-8,), "A")}, _bench, _measure, _OUT, caption="Base width",
              optional=True),
        *modulator_sweeps(_bench, _measure, _OUT, {"charge": Axis((3.2e-14,), "C"), "i_slope": Axis((2e-8,), "A")}),
        Sweep("signal_check", {"charge": Axis((-4.2e-14, -1.8e-14, -5e-15, 1.1e-14, 3.0e-14), "C"),
                               "i_slope": Axis((8e-9, 1.7e-8, 3.4e-8), "A")}, _bench, _measure, _OUT, held_out=True),
        Sweep("zero_check", {"charge": Axis((0.0,), "C"), "i_slope": Axis((7e-9, 2.7e-8), "A")}, _bench, _measure, _OUT,
              held_out=True),
    ),
    fit=fit_learning_unit,
    score=score_learning_unit,
    literature="learning signal of e-prop: Bellec and others, Nat. Commun. 11:3625 (2020); own circuit",
    description="The cell's feedback column puts the sum of B (p - t) over all notes as a charge on a capacitor "
    "around the reference. A splitter whose tail is the slope current (of the read-out, or of the output "
    "gate) multiplies and rectifies; two modulators make pulses of it. A base width on both keeps the "
    "update circuits off their threshold, so the difference is linear through zero.",
    limits="The signal saturates as tanh of the integral over 60 mV, a charge of some 20 fC on 320 fF. "
    "When the weaker pulse reaches zero width "
    "the gain halves; the base width sets where. The splitter's offset, a fraction of a millivolt, is the "
    "signal without an error.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
