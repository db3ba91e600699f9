"""Weight from a lower note to a higher one of the same frame: read-out, update by (t - p) t, zeros, drift.

python circuits/lateral_synapse.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep
from neuromorph.fitting import delta
from neuromorph.fitting.pulse_pairs import UPDATE
from neuromorph.fitting.update_knobs import KNOBS
from neuromorph.spice.waveforms import windows

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
_IDLE = "vpulse pulse 0 0\nvraise raise 0 0\nvlower lower 0 0\nve level 0 0"
_SIDES = "vup up 0 0.52\nvdn down 0 0.52"
"""Both sides of the column held at its diodes' voltage."""


def _level(y):
    """The lower note's teacher: off, or at the reference."""
    return 0.4 if y > 0.5 else 0.0


def _update(circuit, point):
    """Error pulses of the higher note in two frames, after one without an error, while the lower one sounds or not."""
    cards = (
        f"{delta.error_pulses(point)}\nve level 0 {_level(point['y'])}\nvline line 0 0\n"
        f"{_SIDES}\n{delta.weights(point.get('weight', 0.0))}"
    )
    return circuit.testbench(point, cards, UPDATE, "v(wp) v(wn) i(vdd)")


def _read(circuit, point):
    """One read pulse of the lower note onto the higher one's column."""
    pulse = windows([(delta.START, delta.START + delta.READ_WIDTH)], delta.READ_HEIGHT)
    cards = f"{_IDLE}\nvline line 0 {pulse}\n{delta.COLUMN}\n{delta.weights(point['weight'])}"
    return circuit.testbench(point, cards, delta.READ, "i(vout)")


def _hold(circuit, point):
    cards = f"{_IDLE}\nvline line 0 0\n{_SIDES}\n{delta.weights(point['weight'])}"
    return circuit.testbench(point, cards, delta.HOLD, "v(wp) v(wn)")


_WEIGHTS = Axis((-0.12, -0.09, -0.06, -0.03, 0.0, 0.03, 0.06, 0.09, 0.12), "V")

CIRCUIT = Circuit(
    name="lateral_synapse",
    summary="weight from a lower note to a higher one of the same frame, moved by error times teacher",
    netlists=tuple(
        NETLISTS / part
        for part in (
            "devices/cnfet.lib", "blocks/gate_synapse.cir", "blocks/dendrite_column.cir",
            "blocks/delta_synapse.cir", "blocks/lateral_synapse.cir",
        )
    ),
    subcircuit="lateral_synapse",
    knobs=(Knob("eref", *KNOBS["eref"], "trace voltage at y = 1: compression of the update"),),
    states=("wp", "wn"),
    transistors=12,
    sweeps=(
        *delta.update_sweeps(_update, Axis((0.0, 1.0), "1"), Axis((0.0, 1.0), "1"), _hold),
        Sweep("read", {"weight": _WEIGHTS}, _read, delta.read_charge, delta.READ_OUT, caption="Charge of a read pulse"),
        Sweep("read_check", {"weight": Axis((-0.1, -0.04, 0.02, 0.085), "V")}, _read, delta.read_charge,
              delta.READ_OUT, held_out=True),
    ),
    fit=delta.fit_delta,
    score=delta.score_delta,
    figures=("rate", "full_update", "read_charge", "energy_per_update"),
    literature="delta rule: Widrow and Hoff (1960); circuit our own, after the three-factor update of this project",
    description="The joint head lets lower pitches of a frame speak to higher ones. Listening, the lower note's "
    "teacher pulses the weight's line and its level stands in the place of the trace; generating, its "
    "decision does. Otherwise the circuit of the delta synapse.",
    limits="The lower note is on or off: a graded level is not characterized.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
