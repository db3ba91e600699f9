"""Eligibility at scale: a trace a synapse, or factors of lines and cells: what each costs, and what it learns.

    python benchmarks/eligibility.py cost                       # W4, ideal, 128, 256 and 512 cells
    python benchmarks/eligibility.py learning --seeds 0 1       # JSB, joint outputs, ideal, the full schedule

- **exact**: five traces a synapse (:mod:`neuromorph.plasticity.eligibility`), the product's form.
- **factorised**: five traces a cell, ``P_j = sum_s decay_j psi_j(s)``, and one a line, the mean of its activity with the
  survival of the cells' mean leak as weight; the trace of a synapse is taken to be their product.  Exact where a line's
  activity does not change while a cell remembers; memory grows with lines plus cells.
- **a frame**: exact, but forgotten at every frame's end: what is left when nothing is remembered.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import os

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before jax counts cores; choose with taskset
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from music_workload import exam, learn_on, untaught
from plain_form import EVENT_DRIVEN
from prediction import SCHEDULES
from trace_factors import Factors, factorised_update

from neuromorph.figures import Figure, record, table
from neuromorph.models.fidelity import ideal_blocks
from neuromorph.models.frame import Frame
from neuromorph.music.datasets import load_dataset
from neuromorph.network import simulate, state, step
from neuromorph.network.config import LearningConfig, NetworkConfig
from neuromorph.plasticity.eligibility import LineActivity, Traces, frame_update
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import RunFacts, log_odds, new_run
from neuromorph.tasks.train import train

RESULTS = Path(__file__).parent / "results"
FORMS = ("exact", "factorised", "a frame")
CELLS = (128, 256, 512)


def forgetful_update(
    synapse: Any, traces: Traces, lines: LineActivity, psi: Traces, leak: jax.Array, keep: jax.Array
) -> Traces:
    """Traces of this frame's spikes alone."""
    return frame_update(synapse, traces, lines, psi, leak, jnp.zeros_like(keep))


UPDATES = {"exact": frame_update, "factorised": factorised_update, "a frame": forgetful_update}
_COMPILED = {
    form: jax.jit(lambda *a, record=(): EVENT_DRIVEN(*a, record), static_argnames="record") for form in FORMS
}
"""A program a form: the patches are not part of what JAX keys its programs by."""


@contextmanager
def eligibility_form(form: str) -> Iterator[None]:
    """Within, networks are made and run with traces of this form."""
    with ExitStack() as patches:
        run = _COMPILED[form]
        patches.enter_context(
            mock.patch.object(simulate, "run_blocks", lambda *a: run(*a[:-1], record=a[-1]))
        )
        patches.enter_context(mock.patch.object(step, "frame_update", UPDATES[form]))
        if form == "factorised":
            patches.enter_context(mock.patch.object(state, "Traces", Factors))
        yield


def cost(rounds: int, frames: int, cells: int) -> list[Figure]:
    """Time of a frame of the network that learns, and the memory of its traces."""
    stream, blocks = exam(frames), ideal_blocks(Frame())
    forms, networks, cpu = FORMS[:2], {}, {}
    for form in forms:
        with eligibility_form(form):
            network, first = untaught(blocks, cells)
            networks[form], cpu[form] = (network, learn_on(network, first, stream)[0]), []
    for _ in range(rounds):
        for form in forms:
            with eligibility_form(form):
                began = time.process_time()
                jax.block_until_ready(learn_on(*networks[form], stream)[0])
                cpu[form].append((time.process_time() - began) / frames)
    made = []
    for form in forms:
        traces = sum(leaf.nbytes for leaf in jax.tree.leaves(networks[form][1].eligibility))
        micro = 1e6 * np.array(cpu[form])
        made += [
            Figure(f"eligibility, {cells} cells, {form}: time of a frame", round(float(np.median(micro)), 1), "us",
                   better="lower", spread=round(float(np.ptp(micro)), 1), seeds=(0,), details={"rounds": rounds}),
            Figure(f"eligibility, {cells} cells, {form}: memory of the traces", round(traces / 1024, 1), "KiB",
                   better="lower", seeds=(0,)),
        ]  # fmt: skip
    return made


def learned(form: str, seed: int) -> tuple[float, list[float]]:
    """NLL of JSB's valid part (nats a frame) after the full schedule, and by pass of its first 40 pieces."""
    data = load_dataset("jsb")
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    config = NetworkConfig(joint=True, learning=LearningConfig(dropout=0.3))
    facts = RunFacts(config, seed, SCHEDULES["jsb"], "ideal", log_odds(pieces).tolist())
    with tempfile.TemporaryDirectory() as folder, eligibility_form(form):
        run = new_run(Path(folder) / "run", facts, ideal_blocks(config.frame))
        run = train(run, pieces, valid=valid[:40])
        nll = evaluate(run.network, run.state, valid).nll
    print(f"{form}, seed {seed}: {nll:.4f}", file=sys.stderr, flush=True)
    return nll, [round(note["valid_nll"], 4) for note in run.facts.history]


def learning(seeds: list[int]) -> list[Figure]:
    made = []
    for form in FORMS:
        found = [learned(form, seed) for seed in seeds]
        made.append(
            Figure.over_seeds(
                f"eligibility, {form}: JSB valid NLL, joint outputs, ideal", [nll for nll, _ in found], seeds,
                "nats per frame", details={"valid_by_epoch": [passes for _, passes in found]},
            )
        )  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("cost", "learning"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=1024)
    parser.add_argument("--cells", type=int, nargs="+", default=CELLS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    args = parser.parse_args()
    if args.what == "cost":
        figures, file = (
            [f for cells in args.cells for f in cost(args.rounds, args.frames, cells)],
            "scaling.json",
        )
    else:
        figures, file = learning(args.seeds), "music.json"
    print(table(figures))
    record(RESULTS / file, figures, " ".join(["python benchmarks/eligibility.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
