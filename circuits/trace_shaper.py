"""Trace shaper: width, delay and energy of the pulse that follows a line's pulse.

python circuits/trace_shaper.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.lines import SHAPER_LOAD, TRACE_SHAPER_RANGE, fit_trace_shaper, score_trace_shaper
from neuromorph.spice.waveforms import crossings, integral, pulses

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
SPIKES = (3e-9, 9e-9, 15e-9, 21e-9, 27e-9, 33e-9)
"""At the shortest interval of a note's line, s."""
SPIKE_WIDTH = 1e-9
"""Flat top of a spike from a source, s: with its edges 1.1 ns, as a neuron's."""
LEVEL = 0.4


def _bench(circuit, point):
    """Spikes through a spike shaper, whose line and pulse carry what they do in a network, and through the shaper."""
    cards = (
        f"vspike spike 0 {pulses(SPIKES, SPIKE_WIDTH)}\nxs spike pulse line nvdd nwidth ngain spike_shaper\n"
        f"vn nvdd 0 0.8\nvnw nwidth 0 {point.get('v_line', 0.4):.9g}\nvng ngain 0 0.35\ncl line 0 {SHAPER_LOAD:.9g}\n"
        f"ct trace 0 {point.get('c_trace', SHAPER_LOAD):.9g}"
    )
    start = ".ic v(xs.x)=0.8 v(xdut.ended)=0.8 v(xdut.late)=0 v(xdut.x)=0.8 v(xdut.squareb)=0.8"
    return circuit.testbench(
        point, f"{cards}\n{start}", ".tran 0.05n 42n 0 0.1n uic", "v(spike) v(pulse) v(trace) i(vdd)"
    )


def _measure(waves, _):
    rises, falls = (crossings(waves.time, waves["trace"], LEVEL, rising=way) for way in (True, False))
    spikes = crossings(waves.time, waves["spike"], LEVEL)
    if len(rises) != len(spikes) or len(falls) != len(spikes):
        raise ValueError(f"{len(rises)} pulses for {len(spikes)} spikes: the shaper does not recover in time")
    return {
        "width": falls[2] - rises[2], "delay": rises[2] - spikes[2],
        "energy": 0.8 * -integral(waves.time, waves["vdd#branch"]) / len(spikes),
    }  # fmt: skip


_OUT = {"width": "s", "delay": "s", "energy": "J"}

CIRCUIT = Circuit(
    name="trace_shaper",
    summary="the end of a line's pulse made into a pulse of a width of its own, for the line's eligibility traces",
    netlists=tuple(
        NETLISTS / part for part in ("devices/cnfet.lib", "blocks/spike_shaper.cir", "blocks/trace_shaper.cir")
    ),
    subcircuit="trace_shaper",
    knobs=(Knob("vwidth", *TRACE_SHAPER_RANGE, 0.42, "pulse width: higher is wider", from_supply=True),),
    states=("x",),
    transistors=13,
    sweeps=(
        Sweep("width", {"vwidth": linear(*TRACE_SHAPER_RANGE, 8)}, _bench, _measure, _OUT, caption="Width knob"),
        Sweep("load", {"c_trace": Axis((2e-14, 5e-14, 1e-13, 1.5e-13, 3e-13), "F")}, _bench, _measure, _OUT,
              caption="Load of the line"),
        Sweep("width_check", {"vwidth": Axis((0.4175, 0.4325, 0.4475), "V")}, _bench, _measure, _OUT, held_out=True),
        Sweep("line_check", {"v_line": Axis((0.37, 0.41), "V"), "vwidth": Axis((0.4225, 0.4425), "V")}, _bench, _measure,
              _OUT, held_out=True),
    ),
    fit=fit_trace_shaper,
    score=score_trace_shaper,
    literature="A monostable on an edge behind the line's own; own circuit. Traces of e-prop (G. Bellec and others, Nat. "
    "Commun. 11:3625, 2020) take the gate's derivative after the spike has acted, which a delay gives.",
    description="A pulse that charges a trace by what the gate does at the time of the spike misses what the spike itself "
    "brings to the gate. This one begins when the line's pulse has ended and its inverse has charged a capacitor, 2.3 ns "
    "after the spike, so that the gate's slope unit has followed, too. Its width is its own, 1.4 ns for a cell's line and "
    "twice that for a note's; the line's pulse has no part in it.",
    limits="The pulse must end before the next spike's line pulse does: measured 6 ns apart, up to 3.3 ns wide.",
    figures=("width", "delay", "energy_per_spike"),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
