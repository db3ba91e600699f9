"""Inhibitory synapse: sunk current against every knob and the post-synaptic voltage; pairs and trains held out.

python circuits/inhibitory_synapse.py --plot
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.circuit import REFERENCE_OPTIONS, Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.corners import worst_of
from neuromorph.fitting.synapse import (
    POST,
    START,
    WINDOW,
    fit_inhibitory,
    random_train,
    regular_train,
    score_inhibitory,
)
from neuromorph.spice.waveforms import integral, pulses, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
STEP = 0.2e-9


def _bench(times, step=STEP):
    """A bench that fires at given times; the peak of a lone pulse needs the tight tolerances."""

    def bench(circuit, point):
        post = point.get("v_post", POST)
        cards = f"vap ap 0 {pulses(times(point))}\nvpost post 0 {post:.9g}\nvwref vwref 0 0.4"
        analysis = f".tran {step:g} {WINDOW:g} 0 {step:g}"
        return circuit.testbench(point, cards, analysis, "i(vpost) i(vdd)", options=REFERENCE_OPTIONS)

    return bench


def _measure(waves, _):
    current = -waves["vpost#branch"]
    grid = np.array(_GRID["time"].values)
    return {
        "current": sample(waves.time, current, grid),
        "charge": integral(waves.time, current),
        "peak": current.max(),
        "energy": -0.8 * integral(waves.time, waves["vdd#branch"]),
    }


_POST_VALUES = (0.0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.4, 0.8)
_GRID = {"time": linear(0, WINDOW, 601, "s")}
_OUT = {"current": "A", "charge": "C", "peak": "A", "energy": "J"}
_single = _bench(lambda _: [START])
_pair = _bench(lambda point: [START, START + point["pair_interval"]])
_fine_pair = _bench(lambda point: [START, START + point["pair_interval"]], STEP / 10)
_random = _bench(lambda point: random_train(int(point["seed"])))
_regular = _bench(lambda point: regular_train(point["interval"]))

_CHECKS = (
    Sweep("pairs_check", {"pair_interval": Axis((5e-9, 7.5e-9, 11e-9, 19e-9, 33e-9), "s")}, _pair, _measure, _OUT, _GRID,
          held_out=True),
    Sweep("knobs_check",
          {"vnt": Axis((0.265, 0.31), "V"), "vre": Axis((0.542, 0.562), "V"), "vw": Axis((0.37, 0.43), "V"),
           "v_post": Axis((0.05, 0.35), "V"), "vdecay": Axis((0.0, 0.22), "V"), "pair_interval": Axis((11e-9,), "s")},
          _pair, _measure, _OUT, _GRID, held_out=True),
    Sweep("trains_check", {"seed": Axis((301, 302, 303), "")}, _random, _measure, _OUT, _GRID, held_out=True),
    Sweep("regular_check", {"interval": Axis((7.5e-9, 11e-9, 19e-9), "s")}, _regular, _measure, _OUT, _GRID, held_out=True),
)  # fmt: skip
"""Held out, at the usual temperature and supply and at others."""

CIRCUIT = Circuit(
    name="inhibitory_synapse",
    summary="action potential -> cleft -> receptor -> current sunk from the post-synaptic node",
    netlists=(NETLISTS / "devices" / "cnfet.lib", NETLISTS / "blocks" / "inhibitory_synapse.cir"),
    subcircuit="inhibitory_synapse",
    knobs=(
        Knob("vnt", 0.24, 0.36, 0.28, "neurotransmitter release: lower is more", from_supply=True),
        Knob("vre", 0.52, 0.58, 0.55, "reuptake: lower is faster", from_supply=True),
        Knob("vw", 0.30, 0.50, 0.45, "weight: higher is stronger"),
        Knob("vdecay", 0.0, 0.27, 0.0, "decay: leak on the mirror, higher ends the inhibition earlier"),
    ),
    states=("cleft", "m"),
    transistors=9,
    sweeps=(
        Sweep("weight", {"vw": linear(0.30, 0.50, 11)}, _single, _measure, _OUT, _GRID, caption="Weight knob"),
        Sweep("release", {"vnt": linear(0.24, 0.36, 5)}, _single, _measure, _OUT, _GRID, caption="Release knob"),
        Sweep("reuptake", {"vre": linear(0.52, 0.58, 5)}, _single, _measure, _OUT, _GRID, caption="Reuptake knob"),
        Sweep("decay", {"vdecay": Axis((0.0, 0.15, 0.2, 0.23, 0.25, 0.27), "V")}, _single, _measure, _OUT, _GRID,
              caption="Decay knob"),
        Sweep("post", {"v_post": Axis(_POST_VALUES, "V")}, _single, _measure, _OUT, _GRID,
              caption="Shunting: current against the post-synaptic voltage"),
        Sweep("pairs", {"pair_interval": Axis((4e-9, 6e-9, 9e-9, 14e-9, 25e-9, 45e-9), "s")}, _pair, _measure,
              _OUT, _GRID, caption="Pairs of action potentials"),
        Sweep("trains", {"seed": Axis((31, 32), "")}, _random, _measure, _OUT, _GRID, caption="Random trains"),
        Sweep("regular", {"interval": Axis((6e-9, 9e-9, 14e-9, 25e-9), "s")}, _regular, _measure, _OUT, _GRID,
              caption="Regular trains of a frame"),
        _CHECKS[0],
        Sweep("pairs_floor", {"pair_interval": Axis((5e-9, 7.5e-9, 11e-9, 19e-9, 33e-9), "s")}, _fine_pair, _measure,
              _OUT, _GRID, held_out=True),
        *_CHECKS[1:],
    ),
    fit=fit_inhibitory,
    score=score_inhibitory,
    corner_checks=_CHECKS,
    score_corners=partial(worst_of, score_inhibitory, unseen_knobs=2.0),
    description="Cleft, release, reuptake and weight pair are those of the excitatory synapse and take the same knob "
    "voltages. An n mirror turns the current round, with its source at 0 V: the inhibition shunts, its current "
    "ends as the post-synaptic node nears 0 V. A leak on the mirror (vdecay) takes a constant current from it.",
    limits="The mirror's node must first charge to its threshold, which costs about 5 % of a lone pulse's charge and "
    "delays small currents; its rise couples some 0.02 fC of the wrong sign into the post-synaptic node. "
    "A cleft at 0 V with an n pair at the post-synaptic node, the exact mirror image of "
    "the excitatory synapse, was rejected: the pair would feed current into a node that rests at 0 V.",
    literature="block structure after the BioRC carbon-nanotube synapse (Friesz, Parker, Zhou, Ryu, Sanders, 2007), "
    "of which only the abstract was seen; log-domain cleft in the manner of Bartolozzi and Indiveri (2007); "
    "inhibition and mirror are our own",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
