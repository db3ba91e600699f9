"""Neurons per second, closed form against ngspice: the same circuit, the same random inputs, one core, one run.

    python benchmarks/spice_speed.py

ngspice runs the axon hillock on held-out random currents with the options of the fits; its spikes are the truth.  Then
the network's neuron (float32, in steps of 0.5 ns, in which its input is held) runs every interval of them, many times side
by side, each begun at a true spike; its error is that of the next spike.  Speed is neurons times simulated nanoseconds per
CPU second; ngspice's start-up and JAX's compilation are left out.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import os

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before jax counts cores; choose with taskset
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import resource
import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.characterization import load_recipe
from neuromorph.figures import Figure, record, table
from neuromorph.fitting.neuron_form import advance, driven
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.neuron_hardware import HardwareNeuron, hardware_neuron
from neuromorph.spice.workers import Job, WorkerPool

RESULTS = Path(__file__).parent / "results" / "spice_speed.json"
SWEEP = "random_check"
STEP_SECONDS = 0.5e-9
"""The neuron itself allows 2 ns; these inputs move within that."""
MUST, GOAL = 1e4, 2e5
ERROR_MUST, ERROR_GOAL = 0.5, 0.2
_NANO = 1e9
Lane = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def spice() -> tuple[list[Lane], float, float]:
    """Lanes (spike times, next intervals, corners, currents) of the held-out runs, simulated seconds, CPU seconds."""
    circuit = load_recipe("axon_hillock")
    sweep = next(s for s in circuit.sweeps if s.name == SWEEP)
    lanes, simulated = [], 0.0
    jobs = [
        Job(str(index), circuit.deck(sweep, point), "axon_hillock", SWEEP) for index, point in sweep.points()
    ]
    before = _children()
    with WorkerPool(1) as pool:
        list(pool.run(jobs[:0]))
    idle = _children() - before
    with WorkerPool(1) as pool:
        outcomes = {job.key: outcome for job, outcome in pool.run(jobs)}
    cpu = _children() - before - 2 * idle
    for index, point in sweep.points():
        found = sweep.measure(outcomes[str(index)], point)
        times, drive = (found[name][np.isfinite(found[name])] for name in ("spike_times", "drive"))
        corners = found["slot_seconds"] * np.arange(len(drive))
        simulated += float(corners[-1])
        lanes.append((times[1:-1], np.diff(times)[1:], corners, drive))
    return lanes, simulated, cpu


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def drives(lanes: list[Lane], neurons: int) -> tuple[np.ndarray, np.ndarray]:
    """Currents [steps, neurons], nA, from each true spike on, and the true intervals [neurons], s; tiled to ``neurons``."""
    longest = max(interval.max() for _, interval, _, _ in lanes)
    steps = int(1.5 * longest / STEP_SECONDS) + 20
    middle = (np.arange(steps) + 0.5) * STEP_SECONDS
    rows = [np.interp(start[:, None] + middle, corners, drive) for start, _, corners, drive in lanes]
    current, interval = np.concatenate(rows), np.concatenate([lane[1] for lane in lanes])
    which = np.arange(neurons) % len(interval)
    return np.ascontiguousarray(current[which].T * _NANO).astype(np.float32), interval[which]


@jax.jit
def next_spikes(neuron: HardwareNeuron, current: jax.Array) -> jax.Array:
    """First spike of every neuron, ns after the one it began at; nan where none came."""
    n, step = current.shape[1], jnp.float32(STEP_SECONDS * _NANO)

    def advanced(carry: Any, now: jax.Array) -> tuple[Any, None]:
        membrane, since, first, clock = carry
        drive = driven(neuron.parameters, now, jnp)
        membrane, since, fired, late = advance(neuron.parameters, membrane, since, drive, step, jnp)
        clock = clock + step
        return (membrane, since, jnp.where(fired & jnp.isnan(first), clock - late, first), clock), None

    zeros = jnp.zeros(n, jnp.float32)
    start = (zeros, zeros, jnp.full(n, jnp.nan, jnp.float32), jnp.float32(0.0))
    return jax.lax.scan(advanced, start, current)[0][2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--neurons", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    lanes, simulated, cpu = spice()
    theirs = simulated * _NANO / cpu
    frame = Frame()
    model = Library.shipped().models("axon_hillock")["axon_hillock"]
    neuron = hardware_neuron(model, frame.seconds / frame.spikes_per_unit, frame.tick_seconds)
    current, true = drives(lanes, args.neurons)
    current = jnp.asarray(current)
    found, rates = None, []
    for _ in range(args.rounds + 1):
        began = time.process_time()
        found = jax.block_until_ready(next_spikes(neuron, current))
        rates.append(current.size * STEP_SECONDS * _NANO / (time.process_time() - began))
    ours = float(np.median(rates[1:]))  # the first compiles
    error = 100 * np.abs(np.asarray(found) / _NANO / true - 1)
    details = {"neurons": args.neurons, "intervals": sum(len(lane[1]) for lane in lanes), "rounds": args.rounds,
               "ngspice_cpu_seconds": round(cpu, 2), "simulated_microseconds": round(1e6 * simulated, 3)}  # fmt: skip
    figures = [
        Figure("neuron: closed form with input arrays over ngspice, one core", ours / theirs, "x", MUST, GOAL, "higher",
               details=details),
        Figure("neuron: next interval of the same run, mean error", float(error.mean()), "%", ERROR_MUST, ERROR_GOAL),
        Figure("neuron: missed next intervals of the same run", float(100 * np.isnan(error).mean()), "%", 0.0, 0.0),
        Figure("neuron: closed form with input arrays", ours, "neuron-ns per CPU second", better="higher"),
        Figure("neuron: ngspice", theirs, "neuron-ns per CPU second", better="higher"),
    ]  # fmt: skip
    print(table(figures))
    record(RESULTS, figures, " ".join(["python benchmarks/spice_speed.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
