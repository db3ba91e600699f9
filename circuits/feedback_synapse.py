"""Feedback weight from a note's error to a cell: signed read-out, mirrored update, zeros, drift.

python circuits/feedback_synapse.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep
from neuromorph.fitting import delta
from neuromorph.fitting.pulse_pairs import PERIOD, UPDATE, pulse_windows
from neuromorph.fitting.update_knobs import KNOBS
from neuromorph.spice.waveforms import integral

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
_COLUMN = "xcol up down out vdd vq feedback_column\nvq vq 0 0.25\nvout out 0 0.4\ncu up 0 20f\ncd down 0 20f"
_SIDES = "vup up 0 0.52\nvdn down 0 0.52"
"""Both sides of the column held at its diodes' voltage."""


def _update(circuit, point):
    """Error pulses of two frames, after one without an error, at a held trace, the cell's column held."""
    cards = (
        f"{delta.error_pulses(point)}\nve e 0 {delta.trace_voltage(point['y']):.9g}\n"
        f"{_SIDES}\n{delta.weights(point.get('weight', 0.0))}"
    )
    return circuit.testbench(point, cards, UPDATE, "v(wp) v(wn) i(vdd)")


def _read(circuit, point):
    """A frame's error pulses through the weight onto the cell's feedback column, after a frame without an error."""
    cards = f"{delta.error_pulses(point)}\nve e 0 0.1\n{_COLUMN}\n{delta.weights(point['weight'])}"
    return circuit.testbench(point, cards, f".tran 0.1n {2 * PERIOD:g} 0 0.2n", "i(vout)")


def _charge(waves, _):
    """Charge of the first window less that of the second, as the learning unit takes it."""
    first, second = (
        integral(waves.time, waves["vout#branch"], window[0] - 2e-9, window[1] + 15e-9)
        for window in pulse_windows(PERIOD)
    )
    return {"charge": first - second}


def _hold(circuit, point):
    cards = f"vpulse pulse 0 0\nvraise raise 0 0\nvlower lower 0 0\nve e 0 0.3\n{_SIDES}\n{delta.weights(point['weight'])}"
    return circuit.testbench(point, cards, delta.HOLD, "v(wp) v(wn)")


_WEIGHTS = Axis((-0.12, -0.09, -0.06, -0.03, 0.0, 0.03, 0.06, 0.09, 0.12), "V")

CIRCUIT = Circuit(
    name="feedback_synapse",
    summary="feedback weight from a note's error to a cell, moved as its forward twin is",
    netlists=tuple(
        NETLISTS / part
        for part in (
            "devices/cnfet.lib", "blocks/gate_synapse.cir", "blocks/feedback_column.cir",
            "blocks/delta_synapse.cir", "blocks/feedback_synapse.cir",
        )
    ),
    subcircuit="feedback_synapse",
    knobs=(Knob("eref", *KNOBS["eref"], "trace voltage at y = 1: compression of the update"),),
    states=("wp", "wn"),
    transistors=12,
    sweeps=(
        *delta.update_sweeps(_update, Axis((0.01, 0.1, 0.3, 1.0, 3.0), "1"), Axis((0.02, 0.2, 0.7, 2.0), "1"), _hold),
        Sweep("read", {"width": Axis((-1.2e-8, -4e-9, 4e-9, 1.2e-8), "s"), "weight": _WEIGHTS}, _read, _charge,
              delta.READ_OUT, caption="Charge of the positive error pulse less that of the negative one"),
        Sweep("read_check", {"width": Axis((-7e-9, 9e-9), "s"), "weight": Axis((-0.1, -0.04, 0.02, 0.085), "V")},
              _read, _charge, delta.READ_OUT, held_out=True),
    ),
    fit=delta.fit_delta,
    score=delta.score_delta,
    figures=("rate", "full_update", "read_charge", "energy_per_update"),
    pairs=(("xr.xp", "xr.xn"),),
    literature="mirrored feedback: Kolen and Pollack (1994), weight mirroring by equal updates, as in the network "
    "study; circuit our own",
    description="A gate synapse reads the weight in both windows of a frame, and the learning unit takes the charge of the "
    "second from that of the first: the difference of the error pulses times the weight. The same pulses and the "
    "cell's trace move it exactly as they move the read-out weight of the same pair, so feedback follows "
    "the forward weights without any transport of weights.",
    limits="A pulse is read with a loss at its edges, which both windows have in common.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
