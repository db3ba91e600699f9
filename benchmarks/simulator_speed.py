"""Speed of the whole learning network (W4): frames per second on one core, and what hardware fidelity costs.

    python benchmarks/simulator_speed.py                   # 128 cells
    python benchmarks/simulator_speed.py --cells 256

All traces, plasticity on, 50 ticks a frame, on a network that has
learned for a while (spike counts are stated): ideal, nominal, nominal with one value of every parameter an instance and
noise ("everything"), and ideal and nominal in the plain form of ``plain_form.py``.  Pinned to one core with XLA single
threaded; compiled and warmed up first; every call waits for its result; median
and spread of rounds that interleave the variants; CPU time beside wall time.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import os

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before jax counts cores; choose with taskset
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from music_workload import exam, learn_on, taught
from plain_form import plain_form
from shipped_models import blocks_for

from neuromorph.figures import Figure, record, table
from neuromorph.library import Library
from neuromorph.models.fidelity import BlockSet, gate_dendrites
from neuromorph.models.frame import Frame
from neuromorph.models.noise import noise_of
from neuromorph.network.stream import Stream

RESULTS = Path(__file__).parent / "results" / "scaling.json"
RATES = {"nominal": (1500.0, 4000.0), "everything": (1200.0, 3000.0)}
"""Frames per second with 128 cells, must and goal."""
COST_MUST, COST_GOAL = 2.0, 1.3
PLAIN_MUST, PLAIN_GOAL = 3.0, 6.0
PLAIN = ", plain"
NAMES = ("ideal", "nominal", "everything", "ideal, plain", "nominal, plain")
SPREAD = 0.1
"""Log standard deviation of the parameters of "everything": its size does not matter to the time."""
NEURON_MUST, NEURON_GOAL = 5e7, 2e8
NEURON_COST = {"alone": (7.0, 5.0), "with input and output arrays": (2.5, 1.8)}
"""Time of the hardware neuron over that of the ideal one, must and goal."""


@dataclass
class Variant:
    """One network to time; ``state`` is where it stands after its warm-up."""

    name: str
    network: Any
    state: Any
    stream: Stream
    seconds: list[float]
    cpu: list[float]
    plain: bool = False

    def run(self) -> dict[str, np.ndarray]:
        """One timed pass over the stream."""
        wall, cpu = time.perf_counter(), time.process_time()
        with plain_form() if self.plain else nullcontext():
            state, seen = learn_on(self.network, self.state, self.stream)
        jax.block_until_ready(state)
        self.seconds.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return seen


def instances(blocks: BlockSet, cells: int, seed: int = 0) -> BlockSet:
    """``blocks`` with one value an instance of every parameter of gates, amplifiers, cells and neurons, and with noise."""
    draw = np.random.default_rng(seed)

    def drawn(part: Any, shape: tuple[int, ...]) -> Any:
        return jax.tree.map(
            lambda value: jnp.asarray(
                np.broadcast_to(value, shape) * np.exp(SPREAD * draw.standard_normal(shape)), jnp.float32
            ),
            part,
        )

    neuron, models, frame = blocks.cell_neuron, Library.shipped().models(), Frame()
    parameters, full_scale = drawn((neuron.parameters, neuron.full_scale), (cells,))
    return replace(
        blocks,
        gate=drawn(blocks.gate, (3, cells)),
        tanh=drawn(blocks.tanh, (cells,)),
        cell=drawn(blocks.cell, (cells,)),
        cell_neuron=replace(neuron, parameters=parameters, full_scale=full_scale),
        noise=noise_of(models, frame, gate_dendrites(models, frame).widening),
    )


def variants(frames: int, learned: int, cells: int, names: tuple[str, ...] = NAMES) -> list[Variant]:
    """Networks of these names, each taught; ``ideal, plain`` is the taught ideal one in the plain form."""
    stream, made = exam(frames), []
    for name in dict.fromkeys(name.removesuffix(PLAIN) for name in names):
        blocks = blocks_for("nominal" if name == "everything" else name, Frame())
        if name == "everything":
            blocks = instances(blocks, cells)
        made.append(Variant(name, *taught(blocks, cells, learned), stream, [], []))
    made += [
        replace(v, name=v.name + PLAIN, plain=True, seconds=[], cpu=[])
        for v in made
        if v.name + PLAIN in names
    ]
    return [v for v in made if v.name in names]


def figures_of(timed: list[Variant], frames: int, seen: dict[str, dict[str, np.ndarray]]) -> list[Figure]:
    """Rates, and ratios of the times of the same round."""
    cells, figures = timed[0].network.config.cells, []
    cpu = {v.name: np.array(v.cpu) for v in timed}
    what = f"whole learning network, {cells} cells, all traces, 50 ticks a frame"
    for v in timed:
        rates = frames / cpu[v.name]
        must, goal = RATES.get(v.name, (None, None)) if cells == 128 else (None, None)
        details = {
            "rounds": len(rates),
            "best": round(float(rates.max()), 1),
            "frames_per_wall_second": round(float(np.median(frames / np.array(v.seconds))), 1),
            "cell_spikes_per_frame": round(float(seen[v.name]["cells"].mean()), 1),
            "load": round(os.getloadavg()[0], 2),
        }
        figures.append(
            Figure(f"{what}, {v.name}", round(float(np.median(rates)), 1), "frames per CPU second and core", must, goal,
                   better="higher", spread=round(float(rates.max() - rates.min()), 1), seeds=(0,), details=details)
        )  # fmt: skip
    for name, over, limits, better in (
        ("everything", "ideal", (COST_MUST, COST_GOAL), "lower"),
        ("everything", "nominal", (1.3, 1.1), "lower"),
        ("ideal, plain", "ideal", (PLAIN_MUST, PLAIN_GOAL), "higher"),
        ("nominal, plain", "nominal", (PLAIN_MUST, PLAIN_GOAL), "higher"),
    ):
        ratio = cpu[name] / cpu[over]
        figures.append(
            Figure(f"W4, {cells} cells: time of {name} over that of {over}", round(float(np.median(ratio)), 3), "x",
                   *limits, better=better, spread=round(float(ratio.max() - ratio.min()), 3), seeds=(0,))
        )  # fmt: skip
    return figures


def neuron_figures(rounds: int, neurons: int = 4096, ticks: int = 500) -> list[Figure]:
    """Neurons alone in the frame's tick: state only at constant drive, and with an array of drives in and spikes out."""
    frame, figures = Frame(), []
    drive = np.linspace(0.02, 0.5, neurons, dtype=np.float32)
    drives = jnp.asarray(drive * np.random.default_rng(0).uniform(0.5, 1.5, (ticks, neurons)), jnp.float32)
    kinds = {name: blocks_for(name, frame).cell_neuron for name in ("ideal", "nominal")}
    ways = {
        "alone": (_state_only, jnp.asarray(drive), 4),
        "with input and output arrays": (_with_arrays, drives, 1),
    }
    cpu: dict[tuple[str, str], list[float]] = {(way, name): [] for way in ways for name in kinds}
    for _ in range(rounds + 1):
        for (way, name), times in cpu.items():
            run, given, repeats = ways[way]
            began = time.process_time()
            for _ in range(repeats):
                jax.block_until_ready(run(kinds[name], kinds[name].initial(neurons), given, ticks))
            times.append((time.process_time() - began) / repeats)
    found = {key: np.array(times[1:]) for key, times in cpu.items()}  # the first compiles
    for (way, name), times in found.items():
        rates = neurons * ticks * frame.tick_seconds * 1e9 / times
        must, goal = (NEURON_MUST, NEURON_GOAL) if (way, name) == ("alone", "nominal") else (None, None)
        figures.append(
            Figure(f"neuron update {way}, {neurons} neurons, {name}", float(np.median(rates)), "neuron-ns per CPU second",
                   must, goal, better="higher", spread=float(rates.max() - rates.min()), seeds=(0,))
        )  # fmt: skip
    for way, limits in NEURON_COST.items():
        ratio = found[way, "nominal"] / found[way, "ideal"]
        value, spread = round(float(np.median(ratio)), 3), round(float(ratio.max() - ratio.min()), 3)
        claim = f"neuron update {way}: time of the hardware neuron over the ideal one's"
        figures.append(Figure(claim, value, "x", *limits, better="lower", spread=spread, seeds=(0,)))
    return figures


@partial(jax.jit, static_argnames="ticks")
def _state_only(neuron: Any, state: Any, drive: jax.Array, ticks: int) -> Any:
    def tick(state: Any, _: None) -> tuple[Any, jax.Array]:
        state, spikes = neuron.step(state, drive)
        return state, jnp.sum(spikes)

    return jax.lax.scan(tick, state, None, length=ticks)


@partial(jax.jit, static_argnames="ticks")
def _with_arrays(neuron: Any, state: Any, drives: jax.Array, ticks: int) -> Any:
    return jax.lax.scan(neuron.step, state, drives, length=ticks)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=2048)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--learned", type=int, default=6000, help="frames learned before timing")
    parser.add_argument(
        "--core", type=int, default=None, help="core to pin to (default: the last allowed one)"
    )
    args = parser.parse_args()
    timed = variants(args.frames, args.learned, args.cells)
    seen = {v.name: v.run() for v in timed}
    for v in timed:
        v.seconds.clear()
        v.cpu.clear()
    for _ in range(args.rounds):
        for v in timed:
            v.run()
    figures = figures_of(timed, args.frames, seen)
    if args.cells == 128:
        figures += neuron_figures(args.rounds)
    print(table(figures))
    record(RESULTS, figures, " ".join(["python benchmarks/simulator_speed.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
