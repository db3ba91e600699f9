"""A divider and an RC low-pass: circuits whose answers are known by theory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear

NETLIST = "* rc\n.subckt rc in out vdd vbias r=1k c=1p\nr1 in out {r}\nc1 out 0 {c}\nr2 vbias 0 1k\nr3 vdd 0 1k\n.ends rc\n"


def _bench(circuit, point):
    cards = f"vin in 0 pwl(0 0 1n 0 1.001n {point['amplitude']:g})"
    return circuit.testbench(point, cards, ".tran 20p 4n 0 20p", "v(out)")


def _measure(waves, point):
    if point["amplitude"] > 1.5:
        raise ValueError("amplitude too large to measure")
    return {"out": np.interp([2e-9, 3e-9], waves.time, waves["out"]), "final": waves["out"][-1]}


def rc_circuit(folder: Path, **changes) -> Circuit:
    path = folder / "rc.cir"
    partial = folder / f".rc.{os.getpid()}"  # whole or not at all: processes of one test share the folder
    partial.write_text(changes.pop("netlist", NETLIST))
    os.replace(partial, path)
    sweep = Sweep(
        "step", {"amplitude": Axis(changes.pop("amplitudes", (0.5, 1.0)), "V")}, _bench, _measure,
        {"out": "V", "final": "V"}, {"at": linear(2e-9, 3e-9, 2, "s")},
    )  # fmt: skip
    options = {
        "name": "rc", "summary": "low-pass", "netlists": (path,), "subcircuit": "rc",
        "knobs": (Knob("vbias", 0.0, 1.0, 0.5, "nothing"),), "states": ("out",), "transistors": 0, "sweeps": (sweep,),
    }  # fmt: skip
    return Circuit(**{**options, **changes})
