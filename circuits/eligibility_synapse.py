"""Eligibility synapse: traces over random frames through real lines, three-factor update, zeros, drift.

python circuits/eligibility_synapse.py --plot
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.corners import worst_of
from neuromorph.fitting.eligibility import (
    E_REF,
    FRAME,
    FRAMES,
    LEAK_FULL,
    LEAST_LEAK,
    LINES,
    OPENED,
    PSI_FULL,
    SHUT,
    TRACE_WIDTH,
    WEIGHT_MEAN,
    WIDEST,
    course,
    fit_eligibility,
    random_activity,
    score_eligibility,
    score_update,
)
from neuromorph.fitting.pulse_pairs import UPDATE, UPDATE_OUT, update_cards, weight_change
from neuromorph.fitting.trace_knobs import KNOBS as TRACE_KNOBS
from neuromorph.fitting.update_knobs import GATE_KNOBS, WIDTH, knob_sweeps
from neuromorph.spice.waveforms import pulses, sample, staircase, straight, windows

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
CLOSED = 0.30
"""V of a line that is closed between frames."""
PULSE = 150e-9
"""When the lines have settled, s."""
_IDLE = "vpulse pulse 0 0\nvraise raise 0 0\nvlower lower 0 0"
HEIGHT = GATE_KNOBS["height"][2]
"""V of a learning pulse."""


def _volt(y):
    return E_REF + 30.2e-3 * np.log(y)


def _level(volt):
    return np.exp((volt - E_REF) / 30.2e-3)


def _frames(circuit, point):
    """Random pulses, psi and forget currents, nothing learned."""
    times, psi, forget = random_activity(int(point["seed"]))
    edges, (corners, values) = FRAME * np.arange(FRAMES), course(psi)
    up, down = (straight(corners, PSI_FULL * np.maximum(sign * values, 0) + 1e-12) for sign in (1, -1))
    cards = (
        f"{LINES}\n{_IDLE}\nvline line 0 {pulses(times, width=2e-9)}\niup 0 psip {up}\nidn 0 psin {down}\n"
        f"ifg 0 forget {staircase(edges, LEAK_FULL * forget, 0.5e-9)}\n"
        f".ic v(wp)={WEIGHT_MEAN} v(wn)={WEIGHT_MEAN} v(ep)=0.27 v(en)=0.27"
    )
    stop = FRAMES * FRAME
    return circuit.testbench(point, cards, f".tran 0.5n {stop:g} 0 0.5n", "v(ep) v(en) v(wp) v(wn)")


def _frames_measure(waves, _):
    ends = FRAME * np.arange(1, FRAMES + 1) - 0.5e-9
    return {"e_up": sample(waves.time, waves["ep"], ends), "e_down": sample(waves.time, waves["en"], ends)}


def _update_deck(circuit, point, analysis, cards):
    """A synapse with free traces, which learning pulses pull down by a hundredth, behind closed lines."""
    half = 0.5 * point.get("weight", 0.0)
    sources = (
        "\n".join(f"v{line} {line} 0 {CLOSED}" for line in ("vpp", "vpn", "vf")) + "\nvline line 0 0\n"
        f".ic v(ep)={_volt(point['y_up']):.9g} v(en)={_volt(point['y_down']):.9g} "
        f"v(wp)={WEIGHT_MEAN + half:.9g} v(wn)={WEIGHT_MEAN - half:.9g}\n{cards}"
    )
    return circuit.testbench(point, sources, analysis, "v(wp) v(wn) i(vdd)")


def _update(circuit, point):
    """Learning pulses of two frames, after one without a signal."""
    return _update_deck(
        circuit, point, UPDATE, update_cards(point["width"], point.get("height", HEIGHT), "raise")
    )


def _balanced(circuit, point):
    """Both traces alike: nothing may move."""
    return _update(circuit, {**point, "y_up": point["y"], "y_down": point["y"]})


def _hold(circuit, point):
    """Nothing happens for fifty frames."""
    return _update_deck(circuit, point, f".tran 10n {50 * FRAME:g} 0 10n", _IDLE)


def _hold_measure(waves, _):
    at = [10 * FRAME, 50 * FRAME - 1e-9]
    wp, wn = (np.diff(sample(waves.time, waves[n], at))[0] / 40 for n in ("wp", "wn"))
    return {"drift": wp - wn, "drift_common": 0.5 * (wp + wn)}


def _floor(circuit, point):
    """An open forget gate discharges a full trace for five frames: where it stops."""
    cards = (
        f"{LINES}\n{_IDLE}\nvline line 0 0\niup 0 psip 1p\nidn 0 psin 1p\nifg 0 forget {point['i_forget']:.9g}\n"
        f".ic v(wp)={WEIGHT_MEAN} v(wn)={WEIGHT_MEAN} v(ep)={E_REF} v(en)={E_REF}"
    )
    return circuit.testbench(point, cards, f".tran 1n {10 * FRAME:g} 0 2n", "v(ep)")


def _floor_measure(waves, _):
    grid = np.array(_TIME["time"].values)
    y = _level(sample(waves.time, waves["ep"], grid))
    return {"trace": y, "y": y[-1]}


def _cut(circuit, point):
    """A forget line opens for fifty nanoseconds and is cut off again."""
    opened = windows([OPENED], high=point["i_forget"], low=LEAST_LEAK)
    cards = (
        f"{LINES}\n{_IDLE}\nvline line 0 0\niup 0 psip 1p\nidn 0 psin 1p\nifg 0 forget {opened}\n"
        f".ic v(wp)={WEIGHT_MEAN} v(wn)={WEIGHT_MEAN} v(ep)={_volt(3.0):.9g} v(en)=0.27"
    )
    return circuit.testbench(point, cards, f".tran 0.2n {OPENED[1] + SHUT:g} 0 0.2n", "v(ep)")


def _cut_measure(waves, _):
    begin, end = OPENED
    log = sample(waves.time, waves["ep"], [begin - 1e-9, end - 20e-9, end, end + SHUT - 1e-9]) / TRACE_WIDTH
    rate = (log[1] - log[2]) / 20e-9
    return {"opening": (end - begin) - (log[0] - log[2]) / rate, "closing": (log[2] - log[3]) / rate}


def _inject(circuit, point):
    """One pulse onto a held-open trace: its step."""
    cards = (
        f"{LINES}\n{_IDLE}\nvline line 0 {pulses(np.array([PULSE]), width=2e-9)}\n"
        f"iup 0 psip {point['psi'] * PSI_FULL:.9g}\nidn 0 psin 1p\nifg 0 forget 1n\n"
        f".ic v(wp)={WEIGHT_MEAN} v(wn)={WEIGHT_MEAN} v(ep)={_volt(point['y']):.9g} v(en)=0.27"
    )
    return circuit.testbench(point, cards, f".tran 0.5n {PULSE + 30e-9:g} 0 0.5n", "v(ep)")


def _inject_measure(waves, _):
    before, after = _level(sample(waves.time, waves["ep"], [PULSE - 5e-9, PULSE + 15e-9]))
    return {"step": after - before}


_TIME = {"time": Axis(tuple(np.linspace(0, 10 * FRAME, 101)), "s")}
_FRAME_AXIS = {"frame": Axis(tuple(range(1, FRAMES + 1)), "1")}
_TRACES = {"e_up": "V", "e_down": "V"}
_DRIFT = {"drift": "V", "drift_common": "V"}


def _check(name, bench=_update, **axes):
    return Sweep(name, axes, bench, weight_change, UPDATE_OUT, held_out=True)


_SIGNAL, _LOW = Axis((WIDTH,), "s"), Axis((0.01,), "1")
_CORNER_CHECKS = (
    _check("update_check", y_up=Axis((0.02, 0.1, 0.7, 4.0), "1"), y_down=Axis((0.009, 0.5), "1"),
           width=Axis((-1.3e-8, -5e-9, 3.1e-9, 1.1e-8), "s"), weight=Axis((0.06,), "V")),
    _check("silent_check", y_up=Axis((0.01, 0.3, 1.0), "1"), y_down=_LOW, width=Axis((0.0,), "s"),
           weight=Axis((-0.045, 0.045), "V")),
    _check("balanced_check", _balanced, y=Axis((0.01, 0.1, 0.3), "1"), width=Axis((-WIDEST, WIDEST), "s"),
           weight=Axis((0.045,), "V")),
    _check("reference_check", eref=Axis((0.374, 0.413), "V"), y_up=Axis((0.1, 1.0), "1"), y_down=_LOW, width=_SIGNAL),
    _check("height_check", height=Axis((0.327, 0.398), "V"), y_up=Axis((0.1, 1.0), "1"), y_down=_LOW, width=_SIGNAL),
)  # fmt: skip
"""Updates alone, fewer than at the usual temperature and supply, with the smallest and the largest traces."""

CIRCUIT = Circuit(
    name="eligibility_synapse",
    summary="three-factor synapse: twin log-domain eligibility traces and the update of a differential weight",
    netlists=tuple(
        NETLISTS / part
        for part in ("devices/cnfet.lib", "blocks/gate_line.cir", "blocks/eligibility_synapse.cir")
    ),
    subcircuit="eligibility_synapse",
    knobs=(
        Knob("eref", *GATE_KNOBS["eref"], "trace voltage at y = 1: compression of the update"),
        Knob("vinj", *TRACE_KNOBS["vinj"], "supply of the injectors: headroom of a large trace"),
        Knob("vs", *TRACE_KNOBS["vs"], "rail of the leaks: floor of the traces, e-fold per 30 mV"),
    ),
    states=("ep", "en", "wp", "wn"),
    transistors=18,
    sweeps=(
        Sweep("frames", {"seed": Axis((41, 42, 43, 44), "")}, _frames, _frames_measure, _TRACES, _FRAME_AXIS,
              caption="Twin traces over random frames", optional=True),
        Sweep("floor", {"i_forget": Axis((1.2e-8, 6e-8, 2.4e-7, 6e-7, 2.4e-6), "A")}, _floor, _floor_measure,
              {"trace": "1", "y": "1"}, _TIME, caption="Decay to the floor", optional=True),
        Sweep("cut", {"i_forget": Axis((7.2e-8, 1.7e-7, 3.6e-7, 7.2e-7, 1.2e-6, 2.4e-6), "A")}, _cut, _cut_measure,
              {"opening": "s", "closing": "s"}, caption="Leak lost while a forget line opens, and gained while it closes",
              optional=True),
        Sweep("residue", {"psi": Axis((0.0,), "1"), "y": Axis((0.01, 0.02, 0.05, 0.1, 0.3, 1.0), "1")}, _inject,
              _inject_measure, {"step": "1"}, caption="What a pulse adds while its psi line is closed", optional=True),
        Sweep("inject", {"psi": Axis((0.03, 0.1, 0.3, 0.6, 1.0), "1"),
                         "y": Axis((0.007, 0.012, 0.025, 0.05, 0.1, 0.3, 1.0), "1")}, _inject, _inject_measure,
              {"step": "1"}, caption="What a pulse adds over the trace that it finds", optional=True),
        Sweep("update", {"y_up": Axis((0.01, 0.015, 0.025, 0.04, 0.07, 0.12, 0.3, 1.0, 3.0, 5.0), "1"),
                         "y_down": Axis((0.0075, 0.3), "1"),
                         "width": Axis((-WIDEST, -8e-9, -2e-9, 0.0, 2e-9, 8e-9, WIDEST), "s")},
              _update, weight_change, UPDATE_OUT, caption="Weight change of one pair of learning pulses"),
        Sweep("hold", {"y_up": Axis((0.01, 1.0), "1"), "y_down": Axis((0.01,), "1"),
                       "weight": Axis((-0.09, 0.0, 0.09), "V")},
              _hold, _hold_measure, _DRIFT, caption="Drift of the weight per frame", optional=True),
        Sweep("rail", {"vs": linear(0.20, 0.30, 5), "i_forget": Axis((2.4e-6,), "A")}, _floor, _floor_measure,
              {"trace": "1", "y": "1"}, _TIME, caption="Decay over the rail knob", optional=True),
        Sweep("injector", {"vinj": Axis((0.55, 0.60, 0.70, 0.80), "V"), "psi": Axis((0.3, 1.0), "1"),
                           "y": Axis((0.02, 0.1, 1.0), "1")}, _inject, _inject_measure, {"step": "1"},
              caption="Step of a pulse over the injector's supply", optional=True),
        *(replace(knob, optional=True) for knob in knob_sweeps(
            _update, weight_change, UPDATE_OUT, {"y_up": Axis((0.1, 0.3, 1.0, 3.0), "1"), "y_down": Axis((0.01,), "1")}
        )),
        Sweep("cut_check", {"i_forget": Axis((1.2e-7, 5e-7, 1.6e-6), "A")}, _cut, _cut_measure,
              {"opening": "s", "closing": "s"}, held_out=True),
        Sweep("rail_check", {"vs": Axis((0.212, 0.238, 0.263, 0.291), "V"), "i_forget": Axis((2.4e-6,), "A")}, _floor,
              _floor_measure, {"trace": "1", "y": "1"}, _TIME, held_out=True),
        Sweep("injector_check", {"vinj": Axis((0.573, 0.64, 0.76), "V"), "psi": Axis((0.3, 1.0), "1"),
                                 "y": Axis((0.02, 0.1, 1.0), "1")}, _inject, _inject_measure, {"step": "1"}, held_out=True),
        Sweep("inject_check", {"psi": Axis((0.05, 0.2, 0.45, 0.8), "1"),
                               "y": Axis((0.009, 0.018, 0.04, 0.15, 0.6), "1")}, _inject, _inject_measure,
              {"step": "1"}, held_out=True),
        Sweep("frames_check", {"seed": Axis((451, 452, 453), "")}, _frames, _frames_measure, _TRACES, _FRAME_AXIS,
              held_out=True),
        Sweep("update_check", {"y_up": Axis((0.02, 0.05, 0.1, 0.2, 0.7, 2.0, 4.0), "1"), "y_down": Axis((0.009, 0.5), "1"),
                               "width": Axis((-1.3e-8, -5e-9, 3.1e-9, 1.1e-8), "s"), "weight": Axis((-0.045, 0.06), "V")},
              _update, weight_change, UPDATE_OUT, held_out=True),
        Sweep("silent_check", {"y_up": Axis((0.01, 0.3, 1.0), "1"), "y_down": Axis((0.01,), "1"),
                               "width": Axis((0.0,), "s"), "weight": Axis((-0.045, 0.0, 0.045), "V")},
              _update, weight_change, UPDATE_OUT, held_out=True),
        Sweep("balanced_check", {"y": Axis((0.01, 0.1, 0.3), "1"), "width": Axis((-WIDEST, WIDEST), "s"),
                                 "weight": Axis((-0.045, 0.0, 0.045), "V")},
              _balanced, weight_change, UPDATE_OUT, held_out=True),
        Sweep("hold_check", {"y_up": Axis((0.05, 0.5), "1"), "y_down": Axis((0.05,), "1"),
                             "weight": Axis((-0.09, 0.045, 0.09), "V")}, _hold, _hold_measure, _DRIFT, held_out=True),
    ),
    rail_sources=("vbp",),
    corner_sweeps=("reference", "height"),
    fit=fit_eligibility,
    score=score_eligibility,
    corner_checks=_CORNER_CHECKS,
    score_corners=partial(worst_of, score_update),
    figures=("gain", "residual", "full_update", "drift"),
    literature="e-prop: Bellec and others, Nat. Commun. 11:3625 (2020); log-domain synapse: Bartolozzi and Indiveri "
    "(2007); the pulse-width, mirror-free update of a differential weight is our own",
    description="A trace is a capacitor whose voltage is the logarithm of y. The injector's source is the trace itself, "
    "so a pulse adds the same psi to y whatever y is, and a constant leak, shared with the cell's forget "
    "gate, is an exponential decay. Two such traces hold the positive and the negative part.\n\n"
    "The learning signal is the difference of two pulses, one after the other. Each opens the one tail that "
    "the two traces and a reference share; all three devices pull down, and sign lines, high in one window "
    "each, say which weight node goes down. One tail makes both signs: with one for each, tails that differed "
    "(by half at 20 % mismatch) moved every weight in every frame, and no network learned. There is no mirror "
    "to wake up and no dead zone. Between learning phases the sign lines are low and the weight is cut off. "
    "Four devices push both nodes up alike and hold their mean; they move the difference by nothing.\n\n"
    "An earlier form with full-size switches multiplied the trace by 1.17 at each pulse (the charge left on "
    "the switch's drain) and followed the ideal recursion with a correlation of 0.87 to 0.98; the switch is "
    "now one short tube. Its weight was one capacitor and drifted 5 uV a frame.",
    limits="Traces do not fall below their floor. A pulse from the floor is short where psi is large, "
    "since the injector leaves the exponential, and a psi line at a hundredth of its current needs 8 ns an e-fold. "
    "The update saturates in y. The difference of the weight "
    "nodes decays towards zero through the off-conductance of its devices (a constant of the device model, "
    "assumed), which 800 fF and the cut between learning phases keep at half a millionth of the range per frame. "
    "Devices of two tubes have twice the mismatch of eight.",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
