"""Pair-based STDP: weight change against time difference, weight and knobs; triplets held out.

python circuits/pair_stdp.py --plot
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.circuit import Axis, Circuit, Knob, Published, Sweep, linear
from neuromorph.fitting.pair_stdp import FIRST, SETTLE, fit_pair_stdp, score_pair_stdp, spikes_of
from neuromorph.spice.waveforms import integral, pulses, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"


def _bench(name):
    def bench(circuit, point):
        pre, post = spikes_of(name, point)
        cards = f"vpre pre 0 {pulses(pre)}\nvpost post 0 {pulses(post)}\n.ic v(w)={point.get('v_w', 0.4):.9g}"
        stop = max(pre.max(), post.max()) + SETTLE
        return circuit.testbench(point, cards, f".tran 0.2n {stop:g} 0 1n", "v(w) i(vdd)")

    return bench


def _measure(waves, _):
    before, after = sample(waves.time, waves["w"], [FIRST - 1e-9, waves.time[-1]])
    return {"dw": after - before, "energy": -0.8 * integral(waves.time, waves["vdd#branch"])}


_OUT = {"dw": "V", "energy": "J"}
_NS = 1e-9


def _times(*values):
    return Axis(tuple(v * _NS for v in values), "s")


def _sweep(name, axes, caption="", held_out=False):
    return Sweep(name, axes, _bench(name), _measure, _OUT, held_out=held_out, caption=caption)


_BOTH = (-80, -50, -30, -18, -10, -5, -2.5, -1, 0, 1, 2.5, 5, 10, 18, 30, 50, 80)

CIRCUIT = Circuit(
    name="pair_stdp",
    summary="pair-based STDP with exponential windows: pre before post up, post before pre down",
    netlists=(NETLISTS / "devices/cnfet.lib", NETLISTS / "blocks/pair_stdp.cir"),
    subcircuit="pair_stdp",
    knobs=(
        Knob("vup", 0.20, 0.28, 0.24, "amplitude of potentiation: lower is more", from_supply=True),
        Knob("vdown", 0.52, 0.60, 0.56, "amplitude of depression: higher is more"),
        Knob("vtaup", 0.50, 0.56, 0.53, "decay of the pre trace: higher is slower", from_supply=True),
        Knob("vtaun", 0.235, 0.29, 0.248, "decay of the post trace: lower is slower"),
    ),
    states=("tp", "tn", "w"),
    transistors=14,
    sweeps=(
        _sweep("pairs", {"dt": _times(*_BOTH), "v_w": linear(0.2, 0.6, 5)}, "Weight change of a pair of spikes"),
        _sweep("bursts", {"dt": _times(-20, -4, 4, 20), "gap": _times(4, 12, 40)},
               "Two spikes of the leading line"),
        _sweep("knobs_up", {"dt": _times(3, 12, 30), "vup": linear(0.20, 0.28, 3), "vtaup": linear(0.50, 0.56, 3)},
               "Knobs of potentiation"),
        _sweep("knobs_down", {"dt": _times(-50, -18, -3), "vdown": linear(0.52, 0.60, 3), "vtaun": linear(0.235, 0.29, 3)},
               "Knobs of depression"),
        _sweep("pairs_check", {"dt": _times(-65, -24, -7, -3, -1.7, 1.7, 3, 7, 24, 65),
                               "v_w": Axis((0.22, 0.35, 0.46, 0.58), "V")}, held_out=True),
        _sweep("triplets_check", {"order": Axis((-1, 1), "1"), "dt": _times(5, 15), "second": _times(3, 10, 25),
                                  "v_w": Axis((0.33, 0.52), "V")}, held_out=True),
        _sweep("knobs_check", {"dt": _times(-25, -6, 6, 25), "vup": Axis((0.22, 0.262), "V"),
                               "vdown": Axis((0.538, 0.575), "V"), "vtaup": Axis((0.518, 0.545), "V"),
                               "vtaun": Axis((0.242, 0.27), "V")}, held_out=True),
    ),
    fit=fit_pair_stdp,
    score=score_pair_stdp,
    literature="rule: Bi and Poo, J. Neurosci. 18:10464 (1998); Song, Miller, Abbott, Nat. Neurosci. 3:919 (2000); "
    "log-domain trace in the manner of the excitatory synapse; own circuit",
    description="""Each line has a trace: a capacitor that a spike charges through a source-coupled injector and a
constant current empties, so that a transistor with the trace on its gate carries a current that adds a step per spike
and decays exponentially. The synapse is two transistors: the p one has the pre trace on its gate and the buffered
post spike as its source, the n one the post trace and the inverted pre spike. Without a spike there is no voltage to
drive a current; during the spike the weight capacitor (40 fF) takes the trace's current times the spike's width. All
spikes of a line count.""",
    limits="""The weight range is 0.2 to 0.6 V. Beyond it the read transistor conducts backwards while a trace is up,
since the weight then lies above the trace's gate (or below it): a hard bound, as in Song, Miller and Abbott, not a
soft one. The traces couple into the weight through 0.14 fF until they are at rest again (some ten time constants);
the change is stated after that. The off conductance pulls the weight to 0.4 V with 1.4 ms. A second spike adds more
than the first (the trace starts below weak inversion); the fit carries that by facilitation and saturation.""",
    published=(
        Published("time constant of potentiation", "tau_up", "16.8 ms (hippocampal culture)",
                  "fit of Bi and Poo, Annu. Rev. Neurosci. 24:139 (2001); biology is a million times slower"),
        Published("time constant of depression", "tau_down", "33.7 ms (hippocampal culture)",
                  "fit of Bi and Poo, Annu. Rev. Neurosci. 24:139 (2001); biology is a million times slower"),
        Published("largest change of the weight by a pair", "a_up", "0.005 of the full weight",
                  "Song, Miller, Abbott (2000), a model's choice; here a_up over 0.4 V"),
    ),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
