"""Reference: an LSTM trained by backpropagation through time (Adam), the opponent of local learning.

    python benchmarks/lstm.py --head independent --cells 128 --seeds 0 1 2

Gradient descent through time exists in ``benchmarks/`` only.  Pieces are unrolled ``--length`` frames at once; the
pass with the best valid NLL counts, and training ends ``--patience`` passes after it.  Defaults are the best of a
search on JSB valid (rates 0.003 to 0.01, batches of 2 to 8, dropout 0.3 and 0.5, weight decay 1e-4 and 1e-2).
Needs polyphonic/*.mat under NEUROMORPH_DATA and the extra ``bench``; the test part is not read.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.tasks.run import log_odds

RESULTS = Path(__file__).parent / "results" / "music.json"
NAMES = {"jsb": "JSB", "nottingham": "Nottingham", "piano_midi": "Piano-midi"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=tuple(NAMES), default="jsb")
    parser.add_argument("--head", choices=("independent", "joint"), default="independent")
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--dropout", type=float, default=0.5, help="of cells before the head")
    parser.add_argument("--input-dropout", type=float, default=0.2)
    parser.add_argument("--decay", type=float, default=1e-4, help="weight decay")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=160, help="frames unrolled at once")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--patience", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--no-row", action="store_true")
    return parser.parse_args()


def initial(args: argparse.Namespace, seed: int, notes: int, odds: np.ndarray) -> dict[str, jax.Array]:
    draw = np.random.default_rng([seed, 1])
    size = notes + args.cells
    gates = draw.normal(0, 1 / np.sqrt(size), (size + 1, 4 * args.cells))
    gates[-1] = 0
    gates[-1, args.cells : 2 * args.cells] = 1.0
    return {
        "gates": jnp.asarray(gates, jnp.float32),
        "readout": jnp.asarray(draw.normal(0, 0.05, (args.cells, notes)), jnp.float32),
        "bias": jnp.asarray(odds, jnp.float32),
        "lateral": jnp.zeros((notes, notes), jnp.float32),
    }


def logits(p, levels, targets, joint, keep_in=None, keep_out=None):
    """[T, B, notes] logits of the frame after each of ``levels`` [T, B, notes]."""
    cells = p["readout"].shape[0]
    levels = levels if keep_in is None else levels * keep_in

    def step(carry, x):
        h, c = carry
        z = jnp.concatenate([x, h], axis=1) @ p["gates"][:-1] + p["gates"][-1]
        i, f, o, g = jnp.split(z, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((levels.shape[1], cells))
    _, h = jax.lax.scan(step, (zero, zero), levels)
    h = h if keep_out is None else h * keep_out
    y = h @ p["readout"] + p["bias"]
    return y + targets @ jnp.triu(p["lateral"], 1) if joint else y


def loss(p, batch, joint, keep_in=None, keep_out=None):
    """Summed NLL over valid frames, and their number."""
    levels, targets, valid = batch
    y = logits(p, levels, targets, joint, keep_in, keep_out)
    nll = jnp.sum(jnp.logaddexp(0.0, y) - targets * y, axis=2)
    return jnp.sum(nll * valid), jnp.sum(valid)


def batches(pieces, length, size, order):
    """Pieces cut to ``length`` frames, padded, stacked: (levels, targets, valid), time first."""
    parts = []
    for k in order:
        frames = np.asarray(pieces[k], np.float32)
        for start in range(0, max(1, len(frames) - 1), length):
            parts.append(frames[start : start + length + 1])
    parts = [part for part in parts if len(part) > 1]
    for at in range(0, len(parts), size):
        group = parts[at : at + size]
        block = np.zeros((length + 1, size, group[0].shape[1]), np.float32)
        valid = np.zeros((length, size), np.float32)
        for b, part in enumerate(group):
            block[: len(part), b] = part
            valid[: len(part) - 1, b] = 1
        yield block[:-1], block[1:], valid


def trained(args: argparse.Namespace, seed: int, train: list, valid: list) -> list[float]:
    """Valid NLL after every pass."""
    joint = args.head == "joint"
    p = initial(args, seed, train[0].shape[1], log_odds(train))
    steps = sum(1 for _ in batches(train, args.length, args.batch, range(len(train)))) * args.epochs
    rate = optax.cosine_decay_schedule(args.rate, steps)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=args.decay))
    memory = optimiser.init(p)

    @jax.jit
    def step(p, memory, batch, key):
        a, b = jax.random.split(key)
        levels = batch[0]
        keep_in = jax.random.bernoulli(a, 1 - args.input_dropout, levels.shape) / (1 - args.input_dropout)
        keep_out = jax.random.bernoulli(
            b, 1 - args.dropout, (levels.shape[0], levels.shape[1], args.cells)
        ) / (1 - args.dropout)

        def mean(p):
            total, n = loss(p, batch, joint, keep_in, keep_out)
            return total / n

        value, slope = jax.value_and_grad(mean)(p)
        change, memory = optimiser.update(slope, memory, p)
        return optax.apply_updates(p, change), memory, value

    measure = jax.jit(partial(loss, joint=joint))
    longest = max(map(len, valid)) - 1

    def held_out(p):
        sums = np.sum([measure(p, b) for b in batches(valid, longest, 16, range(len(valid)))], axis=0)
        return float(sums[0] / sums[1])

    key, by_epoch = jax.random.key(seed), []
    for epoch in range(args.epochs):
        order = np.random.default_rng([seed, 7, epoch]).permutation(len(train))
        for batch in batches(train, args.length, args.batch, order):
            key, now = jax.random.split(key)
            p, memory, _ = step(p, memory, batch, now)
        by_epoch.append(held_out(p))
        print(f"seed {seed}, pass {epoch + 1}: {by_epoch[-1]:.4f}", file=sys.stderr, flush=True)
        if epoch - int(np.argmin(by_epoch)) >= args.patience:
            break
    return by_epoch


def main() -> None:
    args = arguments()
    data, began = load_dataset(args.data), time.time()
    train, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    curves = [trained(args, seed, train, valid) for seed in args.seeds]
    best = [min(curve) for curve in curves]
    claim = f"{NAMES[args.data]} valid NLL, {args.head} outputs, reference: LSTM {args.cells} by BPTT"
    details = {
        "valid_by_epoch": [[round(v, 4) for v in c] for c in curves], "train_seconds": round(time.time() - began, 1),
    }  # fmt: skip
    figure = Figure.over_seeds(claim, best, args.seeds, "nats per frame", details=details)
    if not args.no_row:
        record(RESULTS, [figure], "python benchmarks/lstm.py " + " ".join(sys.argv[1:]))
    print(f"{claim} = {figure.value} {figure.details['by_seed']}")


if __name__ == "__main__":
    main()
