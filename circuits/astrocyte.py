"""Astrocyte: calcium of four lines' activity, and the release bias that it lowers above a threshold.

python circuits/astrocyte.py --plot
"""

# slow: a point is 6 us with up to 150 spikes, 8 to 12 s
from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.astrocyte import (
    LINES,
    SUPPLY,
    WINDOW,
    fit_astrocyte,
    score_astrocyte,
    spikes_of,
)
from neuromorph.spice.waveforms import integral, pulses, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REST = 0.28
"""Rest of the release line: the default vnt of the excitatory synapse, V."""
RAILS = f"vrest vrest 0 {REST}\nvrail vrail 0 0.35\nvhold vhold 0 0.28"
_CALCIUM = {"v_ca": linear(0.4, 0.8, 81)}
_TIME = {"time": linear(0, WINDOW, 301, "s")}


def _static(circuit, point):
    quiet = "\n".join(f"vap{k} ap{k} 0 0" for k in range(1, LINES + 1))
    cards = f"{RAILS}\n{quiet}\nvca ca 0 {SUPPLY}\n.nodeset v(line)={REST}"
    return circuit.testbench(point, cards, ".dc vca 0.4 0.8 0.005", "v(line)")


def _static_measure(waves, _):
    return {"shift": waves["line"][-1] - waves["line"]}


def _active(circuit, point):
    """Spikes on the lines; the calcium starts at its rest."""
    trains = "\n".join(f"vap{k + 1} ap{k + 1} 0 {pulses(times)}" for k, times in enumerate(spikes_of(point)))
    cards = f"{RAILS}\n{trains}\n.nodeset v(line)={REST} v(ca)={SUPPLY}"
    return circuit.testbench(point, cards, f".tran 5n {WINDOW:g} 0 20n", "v(ca) v(line) i(vdd)")


def _active_measure(waves, point):
    grid = np.array(_TIME["time"].values)
    # what the active output stage draws above its static power counts as the spikes'
    supply = -SUPPLY * waves["vdd#branch"]
    spikes = sum(len(times) for times in spikes_of(point))
    return {
        "calcium": waves["ca"][0] - sample(waves.time, waves["ca"], grid),
        "shift": waves["line"][0] - sample(waves.time, waves["line"], grid),
        "energy": integral(waves.time, supply - supply[0]) / spikes,
        "static_power": float(supply[0]),
    }


_OUT = {"calcium": "V", "shift": "V", "energy": "J", "static_power": "W"}

CIRCUIT = Circuit(
    name="astrocyte",
    summary="activity of four lines, integrated over microseconds, raises the release of their synapses",
    netlists=tuple(NETLISTS / part for part in ("devices/cnfet.lib", "blocks/ota.cir", "blocks/astrocyte.cir")),
    subcircuit="astrocyte",
    knobs=(
        Knob("vup", 0.34, 0.42, 0.38, "uptake of a spike: lower is more", from_supply=True),
        Knob("vtau", 0.59, 0.65, 0.62, "decay of the calcium: lower is faster", from_supply=True),
        Knob("vthr", 0.14, 0.22, 0.19, "threshold: higher needs more calcium"),
        Knob("vceil", 0.525, 0.565, 0.535, "ceiling of the output: lower is more", from_supply=True),
    ),
    states=("ca",),
    transistors=23,
    sweeps=(
        Sweep("static", {"vthr": linear(0.14, 0.22, 5), "vceil": linear(0.525, 0.565, 5)}, _static, _static_measure,
              {"shift": "V"}, _CALCIUM, caption="Lowering of the release line against the calcium's node"),
        Sweep("uptake", {"vup": linear(0.34, 0.42, 5)}, _active, _active_measure, _OUT, _TIME,
              caption="Uptake knob: a line that fires every 40 ns for 3 us"),
        Sweep("decay", {"vtau": linear(0.59, 0.65, 5)}, _active, _active_measure, _OUT, _TIME,
              caption="Decay knob: a line that fires every 40 ns for 3 us"),
        Sweep("rate", {"interval": Axis((2e-8, 4e-8, 8e-8, 1.6e-7), "s")}, _active, _active_measure, _OUT, _TIME,
              caption="Calcium and output against the rate of one line"),
        Sweep("static_check", {"vthr": Axis((0.153, 0.167, 0.19, 0.208), "V"), "vceil": Axis((0.53, 0.541, 0.558), "V")},
              _static, _static_measure, {"shift": "V"}, _CALCIUM, held_out=True),
        Sweep("random_check",
              {"vup": Axis((0.37, 0.395), "V"), "vtau": Axis((0.605, 0.63), "V"), "seed": Axis((1, 2), "")},
              _active, _active_measure, _OUT, _TIME, held_out=True),
    ),
    fit=fit_astrocyte,
    score=score_astrocyte,
    description="Calcium is the charge on one capacitor that rests at the supply. A spike of any of four lines pulls it "
    "down through an injector whose source it is, so that spikes of all lines add in a current, whatever it is; a "
    "constant leak lets that current decay exponentially, over 1 to 7 us. The current is held below a "
    "ceiling; what exceeds a threshold pulls the release line, which an amplifier in unity feedback holds, some tens of "
    "millivolts below its rest. Excitatory synapses that take the line as their vnt release more while their "
    "neighbourhood has been active for long.",
    limits="After a long rest the first spikes move the node by some 40 mV each whatever the uptake knob says: the "
    "switch limits them, and the model says so. Charge left between switch and injector adds 0.1 mV a spike to the "
    "node, 0.4 % to the calcium. The line saturates with the receptor: it follows the rate over about a factor of ten. "
    "The energy of a spike includes what the output stage draws while active. An astrocyte's seconds and its waves "
    "between cells are not modelled.",
    literature="tripartite synapse: A. Araque, V. Parpura, R. P. Sanzgiri and P. G. Haydon, Trends in Neurosciences "
    "22(5), 1999; log-domain integration after Bartolozzi and Indiveri (2007); own circuit",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
