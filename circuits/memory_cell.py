"""Memory cell: charge, forget leak and read-out surfaces; retention and random frames held out.

python circuits/memory_cell.py --plot
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear
from neuromorph.fitting.cell_knobs import KNOBS
from neuromorph.fitting.cell_mirrors import EDGE, MOVE
from neuromorph.fitting.corners import worst_of
from neuromorph.fitting.memory_cell import (
    OPEN,
    fit_memory_cell,
    random_frames,
    random_setting,
    score_memory_cell,
)
from neuromorph.spice.waveforms import integral, sample, staircase, windows

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
REFERENCE = 0.4
FRAME = 100e-9
FRAMES = 16
RETENTION_FRAMES = (1.0, 10.0, 100.0)
CUT, WAITS = 2e-9, (34e-9, 164e-9, 1e-6, 1e-5)
"""When the cell is cut off, and how long it waits, s: after a frame, after one that is learned from, and longer."""
SETTLED = 6e-9
"""After which the cell and the amplifiers' node have shared their charge, s."""
RISE = (5e-9, 20e-9, 40e-9, 60e-9, 80e-9)
"""When a cell that is charged is looked at, s."""
_OPEN = "vhold hold 0 0\nvholdb holdb 0 0.8"
BIAS_GATES = Axis((-0.05, 0.02, 0.2), "V")
"""Gate voltages at which a bias is swept: closing, half open, open."""


def _cards(gates, extra):
    lines = [f"vref vref 0 {REFERENCE}", "vio io 0 0.2", _OPEN]
    lines += [f"{name} {name} 0 {REFERENCE + value:.9g}" for name, value in gates.items()]
    return "\n".join([*lines, extra])


def _charge(circuit, point):
    gates = {"vi": point["v_i"], "vf": 0.4, "vo": 0.0}
    cards = _cards(gates, f"vg vg 0 {REFERENCE}\nvc c 0 {REFERENCE}")
    return circuit.testbench(point, cards, ".dc vg 0 0.8 0.01", "i(vc)")


def _rails(circuit, point):
    """The charging current as the cell nears a rail, its own output node."""
    gates = {"vi": 0.2, "vf": 0.4, "vo": 0.0, "vg": point["v_g"]}
    cards = _cards(gates, f"vc c 0 {REFERENCE}")
    return circuit.testbench(point, cards, ".dc vc 0 0.8 0.01", "i(vc)")


def _leak(circuit, point):
    gates = {"vi": -0.4, "vf": point["v_f"], "vo": 0.0, "vg": 0.0}
    return circuit.testbench(point, _cards(gates, f"vc c 0 {REFERENCE}"), ".dc vc 0 0.8 0.01", "i(vc)")


def _read(circuit, point):
    gates = {"vi": -0.4, "vf": 0.4, "vo": point["v_o"], "vg": 0.0}
    cards = _cards(gates, f"vc c 0 {REFERENCE}")
    return circuit.testbench(point, cards, ".dc vc 0 0.8 0.01", "i(vio) i(vdd)")


def _rise(circuit, point):
    """The cell is charged behind gates that do not move."""
    gates = {**OPEN, "vg": point["v_g"]}
    start = f".ic v(c)={REFERENCE + point['c_start']:.9g}"
    return circuit.testbench(point, _cards(gates, start), f".tran 0.1n {RISE[-1] + 1e-9:g} 0 0.5n", "v(c)")


def _retention(circuit, point):
    gates = {"vi": -0.4, "vf": point["v_f"], "vo": -0.4, "vg": 0.0}
    start = f".ic v(c)={REFERENCE + point['c_start']:.9g}"
    stop = FRAME * RETENTION_FRAMES[-1]
    return circuit.testbench(point, _cards(gates, start), f".tran 10n {stop:g} 0 10n", "v(c)")


def _retention_measure(waves, point):
    """The cell, and the share it keeps in a frame (of the mean over the frames passed)."""
    frames = np.array(RETENTION_FRAMES)
    c = sample(waves.time, waves["c"], FRAME * frames) - REFERENCE
    return {"c": c, "keep": np.maximum(c / point["c_start"], 0) ** (1 / frames)}


def _wait(circuit, point):
    """The cell is cut off while its gates stand open."""
    gates = {"vi": 0.1, "vf": 0.05, "vo": 0.1, "vg": point["v_g"]}
    lines = [f"vref vref 0 {REFERENCE}", "vio io 0 0.2"]
    lines += [f"{name} {name} 0 {REFERENCE + value:.9g}" for name, value in gates.items()]
    shut = [(CUT, 1.0)]
    lines.append(f"vhold hold 0 {windows(shut)}\nvholdb holdb 0 {windows(shut, high=0.0, low=0.8)}")
    lines.append(f".ic v(c)={REFERENCE + point['c_start']:.9g}")
    stop = CUT + WAITS[-1] + 1e-9
    return circuit.testbench(point, "\n".join(lines), f".tran 0.5n {stop:g} 0 5n", "v(c)")


def _rejoin(circuit, point):
    """The cell is cut off and joined again to amplifiers that are open, as a network's are between frames."""
    gates = {"vi": point["v_i"], "vf": point["v_f"], "vo": 0.1, "vg": 0.0}
    lines = [f"vref vref 0 {REFERENCE}", "vio io 0 0.2"]
    lines += [f"{name} {name} 0 {REFERENCE + value:.9g}" for name, value in gates.items()]
    shut = [(CUT, CUT + point["shut"])]
    lines.append(f"vhold hold 0 {windows(shut)}\nvholdb holdb 0 {windows(shut, high=0.0, low=0.8)}")
    lines.append(f".ic v(c)={REFERENCE + point['c_start']:.9g}")
    stop = CUT + point["shut"] + 2.1 * SETTLED
    return circuit.testbench(point, "\n".join(lines), f".tran 0.1n {stop:g} 0 0.5n", "v(c)")


def _rejoin_measure(waves, point):
    """By how much the cell moves when it is joined again, less what its currents bring from there on."""
    joined = CUT + point["shut"]
    times = [joined - 0.1e-9, joined + SETTLED, joined + 2 * SETTLED]
    before, after, later = sample(waves.time, waves["c"], times) - REFERENCE
    return {"moved": 2 * after - later - before, "c": before}


def _lag(circuit, point):
    """Candidate or forget gate moves from one voltage to another, the cell held."""
    moves = {"vg": ("g_from", "g_to"), "vf": ("f_from", "f_to")}
    gates = {"vi": point.get("v_i", -0.4), "vf": 0.4, "vo": -0.4, "vg": 0.0}
    lines = [
        f"vref vref 0 {REFERENCE}",
        "vio io 0 0.2",
        _OPEN,
        f"vc c 0 {REFERENCE + point.get('v_c', 0.0):.9g}",
    ]
    for name, value in gates.items():
        start, end = (point.get(axis, value) for axis in moves.get(name, ("", "")))
        edge = f"{MOVE:g} {REFERENCE + start:.9g} {MOVE + EDGE:g} {REFERENCE + end:.9g}"
        lines.append(f"{name} {name} 0 pwl(0 {REFERENCE + start:.9g} {edge})")
    return circuit.testbench(point, "\n".join(lines), ".tran 0.1n 300n 0 0.25n", "i(vc)")


def _lag_measure(waves, _):
    """Charge into the cell less that of currents that follow at once, and how long after the move it is missing."""
    time, current, middle = waves.time, waves["vc#branch"], MOVE + 0.5 * EDGE
    start, end = sample(time, current, [MOVE - 1e-9, time[-1] - 1e-9])
    missing = current - np.where(time < middle, start, end)
    charge = integral(time, missing, MOVE - 1e-9)
    return {"charge": charge, "delay": integral(time, missing * (time - middle), MOVE - 1e-9) / charge}


def _wait_measure(waves, _):
    """By how much the cell moves, from a nanosecond after it was cut off."""
    c = sample(waves.time, waves["c"], CUT + 1e-9 + np.array((0.0, *WAITS)))
    return {"moved": c[1:] - c[0], "c": c[0] - REFERENCE}


def _frames(circuit, point):
    if "setting" in point:
        point = {**point, **random_setting(int(point["setting"]))}
    drive = random_frames(int(point["seed"]), FRAMES, far=point.get("far", 0.0) > 0)
    times = FRAME * np.arange(FRAMES)
    sources = [
        f"{name} {name} 0 {staircase(times, REFERENCE + drive[name], 1e-9)}"
        for name in ("vi", "vf", "vo", "vg")
    ]
    cards = "\n".join([f"vref vref 0 {REFERENCE}", "vio io 0 0.2", _OPEN, *sources, f".ic v(c)={REFERENCE}"])
    return circuit.testbench(point, cards, f".tran 1n {FRAMES * FRAME:g} 0 1n", "v(c) i(vio) i(vdd)")


def _frames_measure(waves, _):
    ends = FRAME * np.arange(1, FRAMES + 1) - 1e-9
    energy = -0.8 * integral(waves.time, waves["vdd#branch"]) / FRAMES
    return {
        "c": sample(waves.time, waves["c"], ends) - REFERENCE,
        "read": sample(waves.time, waves["vio#branch"], ends),
        "energy": energy,
    }


def linear_with(knob, count):
    """Evenly spaced values of a knob and its usual one."""
    low, high, usual = knob
    return Axis(tuple(sorted({*np.linspace(low, high, count), usual})), "V")


SWING = 0.4
"""Largest distance of a signal from the reference, V: the rails."""
_V = linear(-SWING, SWING, 17)
_G = {"g": linear(-SWING, SWING, 81)}
_C = {"c": linear(-SWING, SWING, 81)}
_FRAME_AXIS = {"frame": Axis(tuple(range(FRAMES)), "1")}
_FRAME_OUT = {"c": "V", "read": "A", "energy": "J"}
_LAG_OUT = {"charge": "C", "delay": "s"}
_WAIT_OUT = {"moved": "V", "c": "V"}

_CHECKS = (
    Sweep(
        "retention_check",
        {"v_f": Axis((-0.15, -0.03, 0.05, 0.11, 0.19), "V"), "c_start": Axis((-0.32, -0.08, 0.05, 0.1, 0.24), "V")},
        _retention, _retention_measure, {"c": "V", "keep": "1"}, {"frames": Axis(RETENTION_FRAMES, "1")}, held_out=True,
    ),
    Sweep("wait_check", {"c_start": Axis((-0.12, -0.02, 0.08), "V"), "v_g": Axis((-0.06, 0.06), "V")}, _wait,
          _wait_measure, _WAIT_OUT, {"wait": Axis(WAITS, "s")}, held_out=True),
    Sweep("rejoin_check", {"c_start": Axis((-0.15, -0.05, 0.03, 0.14), "V"), "shut": Axis((34e-9, 164e-9), "s"),
                           "v_i": Axis((0.04, 0.1), "V"), "v_f": Axis((0.05, 0.08), "V")},
          _rejoin, _rejoin_measure, {"moved": "V", "c": "V"}, held_out=True),
    Sweep("lag_g_check", {"v_i": Axis((0.02, 0.08), "V"), "g_from": Axis((-0.05, 0.03), "V"),
                          "g_to": Axis((-0.12, 0.08, 0.12), "V")}, _lag, _lag_measure, _LAG_OUT, held_out=True),
    Sweep("lag_f_check", {"v_c": Axis((-0.06, 0.07), "V"), "f_from": Axis((0.0, 0.07), "V"),
                          "f_to": Axis((-0.02, 0.05), "V")}, _lag, _lag_measure, _LAG_OUT, held_out=True),
    Sweep("knobs_check", {"setting": Axis((301, 302, 303, 304, 305, 306), "1"), "seed": Axis((203,), "")}, _frames,
          _frames_measure, _FRAME_OUT, _FRAME_AXIS, held_out=True),
    Sweep("frames_check", {"seed": Axis((201, 202), "")}, _frames, _frames_measure, _FRAME_OUT, _FRAME_AXIS,
          held_out=True),
    Sweep("far_check", {"far": Axis((1.0,), "1"), "seed": Axis((211, 212, 213, 214), "")}, _frames, _frames_measure,
          _FRAME_OUT, _FRAME_AXIS, held_out=True),
)  # fmt: skip
"""Held out, at the usual temperature and supply and at others."""

CIRCUIT = Circuit(
    name="memory_cell",
    summary="LSTM cell: capacitor charged by i * g, forget leak, gated rectified read-out",
    netlists=tuple(
        NETLISTS / part
        for part in ("devices/cnfet.lib", "blocks/ota.cir", "blocks/gate.cir", "blocks/memory_cell.cir")
    ),
    subcircuit="memory_cell",
    knobs=(
        Knob("vbi", *KNOBS["vbi"], "bias of the input gate: charge per frame"),
        Knob("vbf", *KNOBS["vbf"], "bias of the forget gate: fastest forgetting"),
        Knob("vbo", *KNOBS["vbo"], "bias of the output gate: full-scale rate current"),
    ),
    states=("c",),
    transistors=51,
    sweeps=(
        Sweep(
            "charge", {"v_i": _V}, _charge, lambda w, _: {"current": w["vc#branch"]},
            {"current": "A"}, _G, caption="Charging current i * g",
        ),
        Sweep(
            "rails", {"v_g": Axis((-0.4, -0.1, -0.03, 0.0, 0.03, 0.1, 0.4), "V")}, _rails,
            lambda w, _: {"current": w["vc#branch"]}, {"current": "A"}, _C,
            caption="Charging current against the cell: it ends at the rails",
        ),
        Sweep(
            "leak", {"v_f": _V}, _leak, lambda w, _: {"current": w["vc#branch"]},
            {"current": "A"}, _C, caption="Forget leak",
        ),
        Sweep(
            "read", {"v_o": _V}, _read,
            lambda w, _: {"current": w["vio#branch"], "supply_current": -w["vdd#branch"]},
            {"current": "A", "supply_current": "A"}, _C, caption="Read-out o * relu(tanh c)",
        ),
        Sweep(
            "bias_i", {"vbi": linear_with(KNOBS["vbi"], 7), "v_i": BIAS_GATES}, _charge,
            lambda w, _: {"current": w["vc#branch"]}, {"current": "A"}, _G,
            optional=True,
        ),
        Sweep(
            "bias_f", {"vbf": linear_with(KNOBS["vbf"], 7), "v_f": Axis((-0.2, -0.02, 0.05, 0.4), "V")}, _leak,
            lambda w, _: {"current": w["vc#branch"]}, {"current": "A"}, _C,
            optional=True,
        ),
        Sweep(
            "bias_o", {"vbo": linear_with(KNOBS["vbo"], 8), "v_o": BIAS_GATES}, _read,
            lambda w, _: {"current": w["vio#branch"]}, {"current": "A"}, _C,
            optional=True,
        ),
        Sweep(
            "retention", {"v_f": Axis((-0.1, 0.0, 0.06, 0.12, 0.2), "V"), "c_start": Axis((0.04, 0.1, 0.3), "V")},
            _retention, _retention_measure, {"c": "V", "keep": "1"}, {"frames": Axis(RETENTION_FRAMES, "1")},
            caption="Retention after 1, 10 and 100 frames; keep is the share kept per frame, averaged over them",
            optional=True,
        ),
        Sweep("rise", {"v_g": Axis((-0.14, -0.05, 0.05, 0.14), "V"), "c_start": Axis((-0.12, 0.0, 0.1), "V")}, _rise,
              lambda w, _: {"c": sample(w.time, w["c"], np.array(RISE)) - REFERENCE}, {"c": "V"},
              {"time": Axis(RISE, "s")}, caption="The cell charged behind steady gates"),
        Sweep("wait", {"c_start": Axis((-0.15, -0.05, 0.05, 0.15), "V"), "v_g": Axis((-0.1, 0.1), "V")}, _wait,
              _wait_measure, _WAIT_OUT, {"wait": Axis(WAITS, "s")}, caption="What a cell loses while it is cut off"),
        Sweep("rejoin", {"c_start": Axis((-0.2, -0.1, -0.06, -0.02, 0.0, 0.02, 0.06, 0.1, 0.2), "V"),
                         "shut": Axis((34e-9,), "s"), "v_i": Axis((0.06,), "V"), "v_f": Axis((0.06,), "V")},
              _rejoin, _rejoin_measure, {"moved": "V", "c": "V"},
              caption="What a cell shares when it is joined again", optional=True),
        Sweep("lag_g", {"v_i": Axis((0.0, 0.04, 0.12), "V"), "g_from": Axis((-0.1, 0.0, 0.1), "V"),
                        "g_to": Axis((-0.06, 0.05, 0.16), "V")},
              _lag, _lag_measure, _LAG_OUT, caption="Charge that the product owes when the candidate moves", optional=True),
        Sweep("lag_f", {"v_c": Axis((-0.1, 0.04, 0.1), "V"), "f_from": Axis((-0.03, 0.04), "V"),
                        "f_to": Axis((0.0, 0.1), "V")},
              _lag, _lag_measure, _LAG_OUT, caption="Charge that the leak owes when the forget gate moves", optional=True),
        Sweep("frames", {"seed": Axis((21, 22), "")}, _frames, _frames_measure, _FRAME_OUT, _FRAME_AXIS,
              caption="Random frames", optional=True),
        Sweep("far", {"far": Axis((1.0,), "1"), "seed": Axis((31, 32), "")}, _frames, _frames_measure, _FRAME_OUT,
              _FRAME_AXIS, caption="Random frames of full swing: the cell reaches its rails", optional=True),
        *_CHECKS,
    ),
    fit=fit_memory_cell,
    corner_sweeps=("bias_i", "bias_f", "bias_o", "rejoin", "lag_g", "lag_f"),
    score=score_memory_cell,
    corner_checks=_CHECKS,
    score_corners=partial(worst_of, score_memory_cell),
    uneven=("leak_source", "charge_up - charge_down"),
    literature="The cell is that of the LSTM: Hochreiter and Schmidhuber, Neural Computation 9(8), 1997, with the forget "
    "gate of Gers, Schmidhuber and Cummins (2000). The circuit is our own design.",
    description="One capacitor (50 fF) holds the cell. The product i * g charges it; a second amplifier in unity "
    "feedback, gated by the forget gate with its inputs swapped, discharges it towards the reference; a third one and a "
    "p mirror read it out as a current o * relu(tanh c) that can drive a neuron. What the leak sources leaves its "
    "mirror a few percent smaller than what it sinks (`leak_source`). A cell whose gates are all shut still falls, by a "
    "nearly constant current (`i_hold`, `g_hold`); a forget gate within 0.2 V of the reference never shuts fully, and "
    "its leak adds to that, as the retention curves show. Between frames (`hold` high) the cell is cut off from both "
    "amplifiers, and the neuron from the read-out: what is left is pico- and femtoamperes (`g_wait`, `i_wait`), a "
    "millivolt in a thousand frames. The amplifiers' node waits at the reference and takes its share when it is joined "
    "again: a cell loses some two percent a frame (`rejoin_share`), a little more near the reference (`rejoin_near`). "
    "Tails of tens of nanoamperes and more take a pair out of weak inversion: the forget gate's sigmoid is wider in the "
    "middle than in its tail (`f_inversion`), and the leak and the read-out widen as their gates open "
    "(`leak_inversion`, `read_inversion`). Behind closed gates alone a cell fell by two or three millivolts in the first "
    "hundred nanoseconds, since the mirrors of an amplifier whose tail has shut go on, the sinking one longer. Mirrors "
    "hold charge while they work, too: one that carries less has to be emptied first, the later the less it carries. A "
    "candidate that moves costs the cell a charge in proportion to its move (some 20 uV a millivolt), whatever the "
    "input gate; a forget gate that closes costs a charged cell one in proportion to the logarithm of its current, half "
    "of it within ten nanoseconds, the rest over the frame. Three charges say all of that: what an e-fold of current "
    "brings onto the gates of a tail (`q_tail`), of a pair's side (`q_side`) and of the sink (`q_sink`).",
    limits="The amplifiers saturate, so forgetting is exponential only within some 60 mV of the reference. Stated for "
    "gate, candidate and cell voltages over the whole supply, where the bias knobs are interpolated over their ranges: "
    "the cell ends at its rails, since the mirrors that charge it lose their headroom within 100 mV of either "
    "(`v_headroom`). The read-out is fitted where a network's cells stand, within 0.2 V of the reference. At the lowest "
    "read-out biases, tens of nanoamperes, its mirrors follow a cell late by tens of nanoseconds near its corner, which "
    "the model leaves out (1.6 % of full scale). At the highest read-out bias the amplifier's width grows by a tenth. "
    "The read-out was measured into a node at 0.2 V and gives no negative values.",
    figures=("capacitance", "i_charge", "i_leak", "i_hold", "v_headroom"),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
