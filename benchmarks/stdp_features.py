"""Prediction without an error signal in the features: Diehl's layer by STDP alone, a read-out by the delta rule.

    python benchmarks/stdp_features.py --fidelity ideal --seeds 0 1 2

Needs polyphonic/JSB_Chorales.mat under NEUROMORPH_DATA; the test part is not read.  The layer hears the notes and a
leaky trace of each (so that it can know the way to a chord), learns from one pass, and then stays; the read-out sees
the spikes of its neurons and a trace of them, and learns ``w += rate x (t - p) x spikes`` pass after pass.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from shipped_models import blocks_for

from neuromorph.figures import Figure, record
from neuromorph.models.frame import Frame
from neuromorph.music.datasets import load_dataset
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.network.config import FeatureConfig, NetworkConfig
from neuromorph.network.simulate import build_network, simulate
from neuromorph.network.stream import Stream, stream_of
from neuromorph.plasticity.three_factor import delta_update
from neuromorph.tasks.hear import NOTES_SOUNDING
from neuromorph.tasks.run import log_odds

RESULTS = Path(__file__).parent / "results" / "music.json"
TRACE_FRAMES = 3.0
"""Time constant of the traces of notes and of features, frames."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--neurons", type=int, default=400)
    parser.add_argument("--winners", type=int, default=10)
    parser.add_argument("--x-target", type=float, default=0.2)
    parser.add_argument("--threshold-step", type=float, default=2e-3, help="homeostasis, a spike")
    parser.add_argument("--passes", type=int, default=8, help="of the read-out")
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--rate-decay", type=float, default=0.7)
    parser.add_argument("--no-row", action="store_true", help="print only, do not write a result row")
    return parser.parse_args()


def with_traces(rows: np.ndarray, resets: np.ndarray | None = None) -> np.ndarray:
    """Rows and their leaky traces, [T, 2 * n]; a trace holds the rows before it, since the last reset."""
    keep, trace, both = float(np.exp(-1.0 / TRACE_FRAMES)), np.zeros(rows.shape[1], np.float32), []
    resets = np.zeros(len(rows), bool) if resets is None else resets
    for now, reset in zip(np.asarray(rows, np.float32), resets, strict=True):
        trace = trace * (1.0 - reset)
        both.append(np.r_[now, trace])
        trace = keep * trace + (1.0 - keep) * now
    return np.array(both, np.float32)


def network_of(args: argparse.Namespace, seed: int, lines: int, sounding: float) -> tuple[Any, Any]:
    """A network whose feature layer alone matters; ``sounding`` lines are on at a time."""
    frame = Frame()
    gain = FeatureConfig.gain * NOTES_SOUNDING / sounding
    features = FeatureConfig(
        neurons=args.neurons,
        winners=args.winners,
        x_target=args.x_target,
        gain=gain,
        threshold_step=args.threshold_step,
    )
    config = NetworkConfig(notes=lines, cells=1, features=features)
    thresholds = RegularSpikeEncoder(frame.input_spikes, frame.ticks, lines).thresholds()
    odds = np.zeros(lines, np.float32)
    return build_network(
        config, blocks_for(args.fidelity, frame), seed=seed, log_odds=odds, thresholds=thresholds
    )


def activity(network: Any, state: Any, stream: Stream) -> np.ndarray:
    """Spikes of the features in each frame over those of a full line, and their traces: [T, 2 * neurons]."""
    _, seen = simulate(
        network, state, stream, plasticity=0.0, rate=0.0, key=jax.random.key(0), record=("feature_counts",)
    )
    counts = seen["feature_counts"] / network.config.features.line_spikes
    return with_traces(counts, stream.reset)


@partial(jax.jit, static_argnames="learning")
def read_out(
    weights: jax.Array, bias: jax.Array, inputs: jax.Array, targets: jax.Array, valid: jax.Array, rate: float,
    learning: bool,
) -> tuple[jax.Array, jax.Array, jax.Array]:  # fmt: skip
    """Delta rule over a stream; returns weights, bias and the loss of every frame."""

    def frame(carry: tuple[jax.Array, jax.Array], now: tuple[jax.Array, ...]) -> tuple[Any, jax.Array]:
        (w, b), (x, target, counts) = carry, now
        y = x @ w + b
        loss = jnp.where(counts, jnp.sum(jnp.logaddexp(0.0, y) - target * y), 0.0)
        error = counts * (jax.nn.sigmoid(y) - target)
        if learning:
            w, b = w - rate * delta_update(error, x), b - rate * 0.1 * error
        return (w, b), loss

    (weights, bias), loss = jax.lax.scan(frame, (weights, bias), (inputs, targets, valid))
    return weights, bias, loss


def one_seed(args: argparse.Namespace, seed: int, pieces: list, valid: list) -> list[float]:
    """Valid loss after each pass of the read-out."""
    heard = [with_traces(p) for p in pieces]
    sounding = float(np.mean([h.sum(axis=1).mean() for h in heard]))
    network, state = network_of(args, seed, heard[0].shape[1], sounding)
    order = np.random.default_rng([seed, 7]).permutation(len(pieces))
    learned, _ = simulate(
        network,
        state,
        stream_of([heard[k] for k in order]),
        plasticity=1.0,
        rate=0.0,
        key=jax.random.key(seed),
    )
    state = replace(learned, fast=state.fast, slow=state.slow)
    notes, held_out = pieces[0].shape[1], stream_of(valid)
    known, asked = [activity(network, state, stream_of(h)) for h in (heard, [with_traces(v) for v in valid])]
    spans = np.cumsum([0, *(len(p) - 1 for p in pieces)])
    parts = [known[a:b] for a, b in itertools.pairwise(spans)]
    weights, bias = jnp.zeros((known.shape[1], notes)), jnp.asarray(log_odds(pieces))
    by_pass = []
    for n in range(args.passes):
        order = np.random.default_rng([seed, 8, n]).permutation(len(pieces))
        inputs = np.concatenate([parts[k] for k in order])
        targets = np.concatenate([pieces[k][1:] for k in order]).astype(np.float32)
        rate = args.rate * args.rate_decay**n
        weights, bias, _ = read_out(weights, bias, inputs, targets, np.ones(len(inputs), bool), rate, True)
        loss = read_out(weights, bias, asked, held_out.targets, held_out.valid, 0.0, False)[2]
        by_pass.append(float(loss.sum() / held_out.valid.sum()))
    print(f"seed {seed}: {[round(v, 3) for v in by_pass]}", file=sys.stderr, flush=True)
    return by_pass


def main() -> None:
    args = arguments()
    data = load_dataset("jsb")
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    curves = [one_seed(args, seed, pieces, valid) for seed in args.seeds]
    figure = Figure.over_seeds(
        f"JSB valid NLL, STDP features and delta read-out, {args.fidelity}", [c[-1] for c in curves], args.seeds,
        "nats per frame", must=9.1 if args.fidelity == "ideal" else None, goal=8.8,
        details={"valid_by_pass": [[round(v, 4) for v in c] for c in curves], "neurons": args.neurons},
    )  # fmt: skip
    if not args.no_row:
        record(RESULTS, [figure], "python benchmarks/stdp_features.py " + " ".join(sys.argv[1:]))
    print(f"{figure.claim} = {figure.value} {figure.details['by_seed']}")


if __name__ == "__main__":
    main()
