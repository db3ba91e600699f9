"""Update shaper: width, delay and energy of the pulse, driven by a real neuron.

python circuits/update_shaper.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.lines import UPDATE_LOAD, fit_update_shaper, score_update_shaper
from neuromorph.spice.waveforms import crossings, integral, pulses

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
NEURON = (
    "xn in spike nvdd nwidth nref nleak ngain axon_hillock\n"
    "vn nvdd 0 0.8\nvnr nref 0 0.225\nvnl nleak 0 0.15\nvng ngain 0 0.43"
)
SPIKES = (3e-9, 10e-9, 17e-9, 24e-9, 31e-9, 38e-9)
SPIKE_WIDTH = 1e-9
"""Flat top of a spike from a source, s: with its edges 1.1 ns, as a neuron's."""
LEVEL = 0.4


def _neuron(circuit, point):
    """A tonic neuron, whose spikes are as wide as ``v_neuron`` makes them, fires through the shaper."""
    cards = (
        f"{NEURON}\nvnw nwidth 0 {point.get('v_neuron', 0.43):.9g}\n"
        f"iin 0 in pwl(0 0 1n 0 1.1n {point.get('i_in', 4e-7):.9g})\n.ic v(in)=0 v(spike)=0"
    )
    return _bench(circuit, point, cards)


def _source(circuit, point):
    """Spikes of a neuron's usual width from a source."""
    return _bench(circuit, point, f"vspike spike 0 {pulses(SPIKES, SPIKE_WIDTH)}")


def _bench(circuit, point, cards):
    start = ".ic v(xdut.x)=0.8 v(xdut.late)=0.8 v(xdut.squareb)=0.8"
    load = f"cp pulse 0 {point.get('c_pulse', UPDATE_LOAD):.9g}"
    return circuit.testbench(
        point, f"{cards}\n{load}\n{start}", ".tran 0.05n 45n 0 0.1n uic", "v(spike) v(pulse) i(vdd)"
    )


def _measure(waves, _):
    rises, falls = (crossings(waves.time, waves["pulse"], LEVEL, rising=way) for way in (True, False))
    spikes = crossings(waves.time, waves["spike"], LEVEL)
    # the last spike may come as the transient ends
    if len(falls) < 3 or len(rises) not in (len(spikes) - 1, len(spikes)):
        raise ValueError(f"{len(rises)} pulses for {len(spikes)} spikes: the shaper does not recover in time")
    return {
        "width": falls[2] - rises[2], "delay": rises[2] - spikes[2], "interval": spikes[3] - spikes[2],
        "energy": 0.8 * -integral(waves.time, waves["vdd#branch"]) / len(spikes),
    }  # fmt: skip


_OUT = {"width": "s", "delay": "s", "interval": "s", "energy": "J"}

CIRCUIT = Circuit(
    name="update_shaper",
    summary="the start of a neuron's spike made into a pulse of a width of its own, for updates of its synapses",
    netlists=tuple(
        NETLISTS / part for part in ("devices/cnfet.lib", "blocks/axon_hillock.cir", "blocks/update_shaper.cir")
    ),
    subcircuit="update_shaper",
    knobs=(Knob("vwidth", 0.43, 0.46, 0.435, "pulse width: higher is wider", from_supply=True),),
    states=("x",),
    transistors=11,
    sweeps=(
        Sweep("width", {"vwidth": linear(0.43, 0.46, 7)}, _source, _measure, _OUT, caption="Width knob"),
        Sweep("load", {"c_pulse": Axis((5e-15, 2e-14, 5e-14, 1e-13, 1.5e-13), "F")}, _source, _measure, _OUT,
              caption="Load of the pulse"),
        Sweep("rate", {"i_in": Axis((2e-7, 3e-7, 4e-7, 6e-7, 8e-7), "A")}, _neuron, _measure, _OUT,
              caption="Firing rate of the driver", optional=True),
        Sweep("width_check", {"vwidth": Axis((0.4325, 0.4425, 0.458), "V")}, _source, _measure, _OUT, held_out=True),
        Sweep("spike_check", {"v_neuron": Axis((0.40, 0.42, 0.44), "V"), "i_in": Axis((3.5e-7, 9e-7), "A")}, _neuron,
              _measure, _OUT, held_out=True),
    ),
    fit=fit_update_shaper,
    score=score_update_shaper,
    literature="A monostable on the leading edge; own circuit. The rule's update is a current over the width of the post "
    "spike's pulse: P. U. Diehl and M. Cook, Front. Comput. Neurosci. 9:99 (2015) has no such width.",
    description="A neuron's spike narrows from 1.14 to 1.02 ns between intervals of 6 and 4.8 ns, further where it fires "
    "faster, and the pulse of the spike shaper, which begins to refill when the spike ends, with it: 1.40 to 1.15 ns, 18 % "
    "of every update of a feature that wins. Here the spike empties x through two transistors, of which its own delayed "
    "inverse switches the upper one off once x is empty; then the refill begins, however long the spike lasts and whatever "
    "hangs on the pulse, which has a driver of its own. Current source, switches and delay have three to four times the "
    "usual tubes and capacitances, since their mismatch is that of all of the neuron's updates.",
    limits="The pulse must end before the next spike. After a neuron's spike, whose edges are slower than those of the "
    "source it is characterized with, the pulse is one to two percent shorter. With the two switches exchanged a spike "
    "that outlasted the pulse gave one 6 % shorter: its end coupled into x while that refilled.",
    figures=("width", "delay", "energy_unloaded"),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
