"""Spike shaper: width, height and delay of the pulse, driven by a real neuron.

python circuits/spike_shaper.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.lines import SHAPER_LOAD, fit_spike_shaper, score_spike_shaper
from neuromorph.spice.waveforms import crossings, integral

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
"""F on the line: 512 tails of 8 short tubes (0.07 pF) and wire; the pulse has 5 fF."""
NEURON = (
    "xn in spike nvdd nwidth nref nleak ngain axon_hillock\nvn nvdd 0 0.8\n"
    "vnw nwidth 0 0.43\nvnr nref 0 0.225\nvnl nleak 0 0.15\nvng ngain 0 0.43"
)


def _bench(circuit, point):
    """A tonic neuron fires through the shaper into the line."""
    load = point.get("c_line", SHAPER_LOAD)
    cards = f"{NEURON}\niin 0 in pwl(0 0 1n 0 1.1n {point.get('i_in', 4e-7):.9g})\n{_wires(load)}"
    return circuit.testbench(
        point, cards, ".tran 0.05n 45n 0 0.1n", "v(spike) v(pulse) v(line) i(vdd) i(v_vgain)"
    )


def _wires(load):
    return f"cl line 0 {load:.9g}\ncp pulse 0 5f"


def _measure(waves, point):
    height = point.get("vgain", 0.35)
    spikes = crossings(waves.time, waves["spike"], 0.4)
    pulse, line = _edges(waves, "pulse", 0.4), _edges(waves, "line", height / 2)
    if len(pulse[1]) < 3 or len(pulse[0]) != len(spikes):
        raise ValueError(
            f"{len(pulse[0])} pulses for {len(spikes)} spikes: the shaper does not recover in time"
        )
    energy = 0.8 * -integral(waves.time, waves["vdd#branch"]) - height * integral(
        waves.time, waves["v_vgain#branch"]
    )
    return {
        "width": pulse[1][2] - pulse[0][2], "line_width": line[1][2] - line[0][2],
        "delay": line[0][2] - spikes[2], "height": waves["line"].max(),
        "interval": spikes[3] - spikes[2], "energy": energy / len(spikes),
    }  # fmt: skip


def _edges(waves, name, level):
    return crossings(waves.time, waves[name], level), crossings(waves.time, waves[name], level, rising=False)


_OUT = {"width": "s", "line_width": "s", "delay": "s", "height": "V", "interval": "s", "energy": "J"}

CIRCUIT = Circuit(
    name="spike_shaper",
    summary="a neuron's spike made into a clean logic pulse and a pulse of chosen height on a long line",
    netlists=tuple(
        NETLISTS / part for part in ("devices/cnfet.lib", "blocks/axon_hillock.cir", "blocks/spike_shaper.cir")
    ),
    subcircuit="spike_shaper",
    knobs=(
        Knob("vwidth", 0.36, 0.44, 0.40, "pulse width: higher is wider", from_supply=True),
        Knob("vgain", 0.25, 0.45, 0.35, "height of the line's pulse: charge of a spike through a synapse"),
    ),
    states=("x",),
    transistors=8,
    sweeps=(
        Sweep("width", {"vwidth": linear(0.36, 0.44, 9)}, _bench, _measure, _OUT, caption="Width knob"),
        Sweep("height", {"vgain": linear(0.25, 0.45, 5)}, _bench, _measure, _OUT, caption="Height knob"),
        Sweep("load", {"c_line": Axis((2e-14, 5e-14, 1e-13, 1.5e-13, 3e-13), "F")}, _bench, _measure, _OUT,
              caption="Load of the line"),
        Sweep("rate", {"i_in": Axis((2e-7, 3e-7, 4e-7, 6e-7, 8e-7), "A")}, _bench, _measure, _OUT,
              caption="Firing rate of the driver"),
        Sweep("width_check", {"vwidth": Axis((0.367, 0.393, 0.404, 0.428), "V")}, _bench, _measure, _OUT, held_out=True),
    ),
    fit=fit_spike_shaper,
    score=score_spike_shaper,
    literature="monostable after the spike: the separate pulse extender of event-driven synapses; own circuit",
    description="The neuron's spike is 1.1 ns wide and leans on its load. It empties a small capacitor that a "
    "constant current refills; inverters make a rectangular pulse of the refill time, on a line that 512 "
    "synapses hang on and whose height sets the charge of a spike. The logic pulse (0 to the supply) "
    "charges traces and clocks latches.",
    limits="The pulse must end before the neuron's next spike: at the shortest interval (4.7 ns) widths above "
    "some 3.5 ns run together. Height and width are knobs of the line: all synapses of a neuron share "
    "them.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
