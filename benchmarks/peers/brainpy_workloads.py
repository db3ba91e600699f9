"""Workloads W3 and W1 in BrainPy; run with the Python of the environment that ``setup.sh`` makes for it.

    out/peers/brainpy/bin/python benchmarks/peers/brainpy_workloads.py out/peers/w3.npz

W3 sends spikes through ``brainpy.math.event.csrmv``.  W1 multiplies by the whole matrix and moves its weights
as a whole in steps in which a neuron fires.  float32, one thread, one compiled loop over all steps; the first
run compiles and is left out.  The last line on stdout is one JSON object; its seconds are those of the loop.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import brainpy as bp
import brainpy.math as bm
import jax
import numpy as np

Work = dict[str, np.ndarray]


class Network:
    """Variables that start from ``first`` each time, and one step."""

    def __init__(self, first: dict[str, np.ndarray]) -> None:
        self.first = first
        self.state = {name: bm.Variable(bm.asarray(value)) for name, value in first.items()}

    def reset(self) -> None:
        for name, value in self.first.items():
            self.state[name].value = bm.asarray(value)

    def now(self) -> dict[str, Any]:
        return {name: variable.value for name, variable in self.state.items()}

    def later(self, **values: Any) -> None:
        for name, value in values.items():
            self.state[name].value = value

    def mean_weight(self) -> dict[str, float]:
        return {}


class W3(Network):
    def __init__(self, work: Work) -> None:
        n = self.n = int(work["neurons"])
        super().__init__({
            "v": work["v"], "ge": np.zeros(n, np.float32), "gi": np.zeros(n, np.float32),
            "rest": np.zeros(n, np.int32), "fired": np.zeros(n, np.int32),
        })  # fmt: skip
        split = self.split = 4 * n // 5
        middle, scale = work["start"][split], 80 / (0.1 * n)
        start, target = work["start"].astype(np.int32), work["target"]
        self.exc = np.float32(1.62 * scale), bm.asarray(target[:middle]), bm.asarray(start[: split + 1])
        last = start[split:] - start[split]
        self.inh = np.float32(-9 * scale), bm.asarray(target[middle:]), bm.asarray(last)
        self.slow, self.fast, self.slower = (float(np.exp(-float(work["dt"]) / tau)) for tau in (20, 5, 10))
        self.operand = np.arange(int(work["steps"]))

    def step(self, _: Any) -> None:
        s, n, split = self.now(), self.n, self.split
        moved = (self.slow - self.fast) / 3 * s["ge"] + (self.slow - self.slower) * s["gi"]
        free = s["rest"] <= 0
        v = s["v"] + free * (moved - (1 - self.slow) * (s["v"] + 49))
        fired = free & (v > -50)
        exc = bm.event.csrmv(*self.exc, fired[:split], shape=(split, n), transpose=True)
        inh = bm.event.csrmv(*self.inh, fired[split:], shape=(n - split, n), transpose=True)
        self.later(v=bm.where(fired, -60.0, v), ge=self.fast * s["ge"] + exc, gi=self.slower * s["gi"] + inh,
                   rest=bm.where(fired, 49, s["rest"] - 1), fired=s["fired"] + fired)  # fmt: skip

    def counts(self) -> dict[str, int]:
        return {"all": int(self.state["fired"].sum())}


class W1(Network):
    def __init__(self, work: Work) -> None:
        self.dt, n = float(work["dt"]), work["w"].shape[1]
        zeros, none = np.zeros(n, np.float32), np.zeros(n, np.int32)
        super().__init__({
            "w": work["w"], "x": np.zeros(len(work["w"]), np.float32), "v": zeros - 65, "ge": zeros,
            "gi": zeros, "theta": zeros, "rest": none, "u": zeros - 60, "gu": zeros, "pause": none,
            "E": none, "I": none,
        })  # fmt: skip
        self.operand = np.zeros((int(work["steps"]), len(work["w"])), bool)
        self.operand[work["at"], work["channel"]] = True

    def step(self, came: Any) -> None:
        s, dt = self.now(), self.dt
        free, awake = s["rest"] <= 0, s["pause"] <= 0
        dv = ((-65 - s["v"]) + s["ge"] * (0 - s["v"]) + s["gi"] * (-100 - s["v"])) * (dt / 100)
        du = ((-60 - s["u"]) + s["gu"] * (0 - s["u"])) * (dt / 10)
        v, u, theta = s["v"] + free * dv, s["u"] + awake * du, s["theta"] * (1 - dt / 1e4)
        fired, answer = free & (v > -52 + theta), awake & (u > -40)
        x = bm.where(came, 1.0, s["x"] * float(np.exp(-dt / 20)))
        ge = s["ge"] * (1 - dt) + came.astype(np.float32) @ s["w"]
        gi = s["gi"] * (1 - dt / 2) + 0.2 * (answer.sum() - answer)
        w = jax.lax.cond(fired.any(), learned, lambda w, *_: w, s["w"], x, fired)
        self.later(
            w=w, x=x, ge=ge, gi=gi, gu=s["gu"] * (1 - dt) + 10.4 * fired, theta=theta + 0.1 * fired,
            v=bm.where(fired, -65.0, v), u=bm.where(answer, -45.0, u), rest=bm.where(fired, 9, s["rest"] - 1),
            pause=bm.where(answer, 3, s["pause"] - 1), E=s["E"] + fired, I=s["I"] + answer,
        )  # fmt: skip

    def counts(self) -> dict[str, int]:
        return {name: int(self.state[name].sum()) for name in ("E", "I")}

    def mean_weight(self) -> dict[str, float]:
        return {"w": float(self.state["w"].mean())}


def learned(w: Any, x: Any, fired: Any) -> Any:
    moved = bm.clip(w + 0.01 * (x[:, None] - 0.4) * (1 - w) ** 0.2, 0.0, 1.0)
    return bm.as_jax(bm.where(fired, moved, w))


def looped(network: Network) -> Callable[[], float]:
    """A run from the start, and the seconds of its loop."""
    operand = bm.asarray(network.operand)
    loop = bm.jit(lambda: bm.for_loop(network.step, operand))

    def run() -> float:
        network.reset()
        jax.block_until_ready(network.now())
        began = time.perf_counter()
        loop()
        jax.block_until_ready(network.now())
        return time.perf_counter() - began

    return run


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("npz", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with np.load(args.npz) as file:
        work = dict(file)
    name = "w1" if "w" in work else "w3"
    network = W1(work) if name == "w1" else W3(work)
    run = looped(network)
    compiled, seconds = run(), [run() for _ in range(args.runs)]
    print(json.dumps({"simulator": "brainpy", "version": bp.__version__, "workload": name,
                      "idiom": "dense" if name == "w1" else "event.csrmv", "precision": "float32",
                      "seconds": seconds, "compile_seconds": round(max(compiled - min(seconds), 0.0), 2),
                      "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                      "counts": network.counts(), "mean_weight": network.mean_weight()}))  # fmt: skip


if __name__ == "__main__":
    main()
