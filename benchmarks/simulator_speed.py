"""Speed of the whole learning network: frames per second on one core, ideal and nominal.

    python benchmarks/simulator_speed.py

128 cells, all traces, plasticity on, 50 ticks a frame, on a network that has
learned for a while (spike counts are stated).  Pinned to one core with XLA single
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from shipped_models import blocks_for

from neuromorph.figures import Figure, record, table
from neuromorph.models.frame import Frame
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.network.config import NetworkConfig
from neuromorph.network.simulate import build_network, simulate
from neuromorph.network.stream import Stream, stream_of

RESULTS = Path(__file__).parent / "results" / "scaling.json"
MUST, GOAL = 800.0, 2400.0
NEURON_MUST, NEURON_GOAL = 5e7, 2e8


@dataclass
class Variant:
    """One network to time; ``state`` is where it stands after its warm-up."""

    name: str
    network: Any
    state: Any
    stream: Stream
    plasticity: float
    seconds: list[float]
    cpu: list[float]

    def run(self) -> dict[str, np.ndarray]:
        """One timed pass over the stream."""
        wall, cpu = time.perf_counter(), time.process_time()
        state, seen = simulate(
            self.network,
            self.state,
            self.stream,
            plasticity=self.plasticity,
            rate=0.05,
            key=jax.random.key(1),
            dropout=0.3,
        )
        jax.block_until_ready(state)
        self.seconds.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return seen


def chords(count: int, seed: int) -> list[np.ndarray]:
    """Four-note chords that move by step, in pieces of 60 frames (so that no data set is needed)."""
    draw, pieces = np.random.default_rng(seed), []
    for _ in range(count):
        walk = draw.integers(20, 40) + np.cumsum(draw.integers(-2, 3, 61))
        roll = np.zeros((61, 88), np.float32)
        for offset in (0, 4, 7, 12):
            roll[np.arange(61), np.clip(walk + offset, 0, 87)] = 1.0
        pieces.append(roll)
    return pieces


def variants(frames: int, learned: int) -> list[Variant]:
    config, frame = NetworkConfig(), Frame()
    thresholds = RegularSpikeEncoder(frame.input_spikes, frame.ticks, config.notes).thresholds()
    odds = np.full(config.notes, -3.0, np.float32)
    school = stream_of(chords(learned // 60, 0))
    exam = stream_of(chords(frames // 60 + 1, 1)).part(0, frames)
    made = []
    for name in ("ideal", "nominal"):
        blocks = blocks_for(name, frame)
        network, state = build_network(config, blocks, seed=0, log_odds=odds, thresholds=thresholds)
        state, _ = simulate(
            network, state, school, plasticity=1.0, rate=0.1, key=jax.random.key(0), dropout=0.3
        )
        made.append(Variant(name, network, state, exam, 1.0, [], []))
    return made


def figure_of(variant: Variant, frames: int, seen: dict[str, np.ndarray]) -> Figure:
    rates = frames / np.array(variant.cpu)
    must = MUST if variant.name == "nominal" else None
    return Figure(
        f"whole learning network, 128 cells, all traces, 50 ticks a frame, {variant.name}",
        round(float(np.median(rates)), 1),
        "frames per CPU second and core",
        must,
        GOAL,
        better="higher",
        spread=round(float(rates.max() - rates.min()), 1),
        seeds=(0,),
        details={
            "rounds": len(rates),
            "frames_per_wall_second": round(float(np.median(frames / np.array(variant.seconds))), 1),
            "cell_spikes_per_frame": round(float(seen["cells"].mean()), 1),
            "load": round(os.getloadavg()[0], 2),
        },
    )


def neuron_figures(rounds: int, neurons: int = 4096, ticks: int = 2000) -> list[Figure]:
    """State updates alone: both in the frame's tick."""
    frame, figures = Frame(), []
    for name, must in (("ideal", None), ("nominal", NEURON_MUST)):
        neuron = blocks_for(name, frame).cell_neuron
        drive = jnp.linspace(0.02, 0.5, neurons, dtype=jnp.float32)
        state, rates = neuron.initial(neurons), []
        for _ in range(rounds + 1):
            began = time.process_time()
            jax.block_until_ready(_run_neurons(neuron, state, drive, ticks))
            rates.append(neurons * ticks * frame.tick_seconds * 1e9 / (time.process_time() - began))
        claim = f"neuron update alone, {neurons} neurons, {name}"
        spread = float(max(rates[1:]) - min(rates[1:]))
        value = float(np.median(rates[1:]))  # the first compiles
        unit = "neuron-ns per CPU second"
        figures.append(
            Figure(claim, value, unit, must, NEURON_GOAL, better="higher", spread=spread, seeds=(0,))
        )
    return figures


@partial(jax.jit, static_argnames="ticks")
def _run_neurons(neuron: Any, state: Any, drive: jax.Array, ticks: int) -> Any:
    def tick(state: Any, _: None) -> tuple[Any, jax.Array]:
        state, spikes = neuron.step(state, drive)
        return state, jnp.sum(spikes)

    return jax.lax.scan(tick, state, None, length=ticks)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=2048)
    parser.add_argument("--learned", type=int, default=6000, help="frames learned before timing")
    parser.add_argument(
        "--core", type=int, default=None, help="core to pin to (default: the last allowed one)"
    )
    args = parser.parse_args()
    timed = variants(args.frames, args.learned)
    seen = {v.name: v.run() for v in timed}
    for v in timed:
        v.seconds.clear()
        v.cpu.clear()
    for _ in range(args.rounds):
        for v in timed:
            v.run()
    figures = [figure_of(v, args.frames, seen[v.name]) for v in timed] + neuron_figures(args.rounds)
    print(table(figures))
    record(RESULTS, figures, " ".join(["python benchmarks/simulator_speed.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
