"""W4, the music network that learns: the arrays that every simulator loads, and our own network that goes with them.

    python benchmarks/music_workload.py w4 out/peers        # 128 cells; w4x2: 256

The network has learned for a while on chords that move by step; then it goes on learning, ``frames`` frames of
``ticks`` steps of length h. What happens, with the ideal blocks (time in ns; every constant, ``h``, ``rate`` ... is an
array of the file of that name, and ``D(tau) = exp(-h / tau)``):

**Before a frame** with ``reset``: everything is 0 but weights and thresholds of features.

**At each tick** t of a frame, in this order:

1. Notes: those of ``note_step, note_line`` (step counts over all frames) spike. Their traces: ``x <- x D(tau_trace) +
   trace_step n``; ``pre`` of every line (notes, features, cells) decays by ``D(tau_synapse)``, then rises by 1 if it
   spikes. A feature's or cell's line spikes one tick after its neuron fired (across frames, too).
2. Features (``features`` neurons): ``a <- a D(tau_synapse) + note_charge sum_k F[j, k] n_k`` with the weights F at the
   frame's beginning; drive ``d = clip(gain a - theta, 0, 1)`` for neurons that have fired in this frame, and for all
   while fewer than ``winners`` have, else 0. The neuron: below. If more new neurons reach their threshold than there
   are places left (``winners`` less those that fired in the frame), those with a larger drive than fewer than
   ``places`` others do (ties: all or none); the others' spikes are lost, their neurons are reset all the same. A spike
   adds ``threshold_step`` to theta.
3. Cells: ``a[g, j] <- a[g, j] D(tau_synapse) + sum_k q_k W[k, g, j]`` over the lines k that spike, q by the kind of
   line (``note_charge``, ``feature_charge``, ``cell_charge``); ``z = a + W[bias]``; ``i = s(z_i)``, ``l = s(-z_f)``,
   ``o = s(z_o)``, ``g = tanh(z_g)``, s the logistic function; with ``lam = leak l`` (``leak`` = h times the leak's
   rate): ``psi_i = charge g i (1 - i)``, ``psi_f = leak l (1 - l) c``, ``psi_g = charge i (1 - g^2)``, with c before
   this tick's step; then ``c <- c - (lam - lam^2 / 2) c + charge i g (1 - lam / 2)``; drive ``d = clip(o relu(tanh c),
   0, 1)``; the neuron; read-out ``r <- r D(tau_read) + read_charge * spike``.
4. Eligibility of line k (bias: the last, ``p = 1``; others: ``p = share_k pre_k``) on cell j, five traces: ``y <- y
   exp(-lam_j) + p psi_j`` with psi the positive part of psi_i, the negative part, the same two of psi_f, and psi_g.

**The neuron** (``speed = spike_rate d``): ``free = clip(h - wait, 0, h)``; ``phase += speed free``; it fires where
``phase >= 1``; then ``late = (phase - 1) / max(speed, 1e-9)``, ``phase = min(speed max(late - dead, 0), 1)``,
``wait = max(dead - late, 0)``, else ``wait = max(wait - h, 0)``.

**At a frame's end**: features: for each spike of neuron j, in order, with x of its tick: ``F[j] <- max(F[j] + eta (x -
x_target) r(F[j]), 0)``, ``r = soft log(1 + exp((1 - F) / soft))`` (1 - F but for its corner at 0); then ``theta *= 1 -
threshold_leak``. The eligibility's psi and pre are those above. Prediction: ``z = mask r``, ``y = head_gain (z W_o) +
b``, ``e = s(y) - target``; ``signal = head_gain mask (B e)``; ``local = signal slope(o tanh+ c)`` with ``slope(d) = 1 /
(1 + rate_dead d)^2`` and tanh+ = relu(tanh c); the read-out's slope ``m = 1 - tanh(c)^2``, times ``off_slope`` where
tanh c <= 0. With ``E`` the traces' differences (i, f) or the trace (g): ``W[:, i|f|g] -= rate local o m E``; ``W[:, o]
-= rate share_k pre_k local tanh+(c) o (1 - o)`` (bias: 1 for share pre); ``W_o -= rate head_gain z e`` (outer product),
``B`` the same, ``b -= rate e``. o is the last tick's, c the frame's end. Every ``block`` frames slow weights follow:
``slow += follow (fast - slow)`` (W, W_o, b).

What is compared: spikes of cells and of features, the mean over frames of the loss ``sum(log(1 + e^y) - target y)``,
and mean absolute weights. Learning amplifies rounding, so agreement is statistical.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.models.fidelity import FEATURE_RATE, FEATURE_TAU, BlockSet, ideal_blocks
from neuromorph.models.frame import Frame
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.network.config import NetworkConfig
from neuromorph.network.simulate import build_network, frame_inputs, simulate
from neuromorph.network.state import State
from neuromorph.network.step import Network, line_share
from neuromorph.network.stream import Stream, stream_of

FRAMES, LEARNED = 1024, 6000
RATE, DROPOUT = 0.05, 0.3
CELLS = {"w4": 128, "w4x2": 256}
"""Workloads and their memory cells."""
KEY = 1


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


def exam(frames: int) -> Stream:
    """Chords that were not learned from."""
    return stream_of(chords(frames // 60 + 1, 1)).part(0, frames)


def untaught(blocks: BlockSet, cells: int) -> tuple[Network, State]:
    """The network of ``blocks`` as it begins."""
    config, frame = NetworkConfig(cells=cells), Frame()
    thresholds = RegularSpikeEncoder(frame.input_spikes, frame.ticks, config.notes).thresholds()
    odds = np.full(config.notes, -3.0, np.float32)
    return build_network(config, blocks, seed=0, log_odds=odds, thresholds=thresholds)


def taught(blocks: BlockSet, cells: int, frames: int = LEARNED) -> tuple[Network, State]:
    """The same after ``frames`` frames of learning."""
    network, state = untaught(blocks, cells)
    school = stream_of(chords(frames // 60, 0))
    options = {"plasticity": 1.0, "rate": 2 * RATE, "key": jax.random.key(0), "dropout": DROPOUT}
    return network, simulate(network, state, school, **options)[0]


def learn_on(network: Network, state: State, stream: Stream) -> tuple[State, dict[str, np.ndarray]]:
    """The timed run."""
    return simulate(
        network, state, stream, plasticity=1.0, rate=RATE, key=jax.random.key(KEY), dropout=DROPOUT
    )


def named(tree: Any) -> dict[str, jax.Array]:
    """Leaves of a state by their place, as ``fast.gates``."""
    return {
        jax.tree_util.keystr(path).lstrip("."): leaf
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    }


def filled(state: State, work: dict[str, np.ndarray]) -> State:
    """``state`` with the arrays of a workload in its places."""
    missing = [name for name in named(state) if f"state.{name}" not in work]
    if missing:
        raise InputError(
            f"the workload has no {missing[0]!r}", remedy="it is of another version: remove its file"
        )
    leaves = [jnp.asarray(work[f"state.{name}"]) for name in named(state)]
    return jax.tree.unflatten(jax.tree.structure(state), leaves)


def constants(network: Network) -> dict[str, float]:
    """Numbers of the description above; times in ns."""
    config, blocks = network.config, network.blocks
    frame, layer, learning = config.frame, config.features, config.learning
    h = frame.tick_seconds
    return {
        "h": 1e9 * h, "ticks": frame.ticks, "notes": config.notes, "features": layer.neurons, "cells": config.cells,
        "tau_synapse": 1e9 * frame.tau_synapse, "tau_read": 1e9 * frame.tau_read, "tau_trace": 1e9 * FEATURE_TAU,
        "trace_step": float(blocks.diehl.trace_step), "note_charge": frame.line_charge(frame.input_spikes),
        "feature_charge": frame.line_charge(layer.line_spikes), "cell_charge": frame.line_charge(frame.spikes_per_unit),
        "gain": layer.gain, "winners": layer.winners, "threshold_step": layer.threshold_step,
        "threshold_leak": layer.threshold_leak, "x_target": layer.x_target, "eta": FEATURE_RATE,
        "soft": float(blocks.diehl.soft),
        "leak": h * float(blocks.cell.leak_rate), "charge": h * float(blocks.cell.charge_rate),
        "read_charge": frame.read_charge, "spike_rate": 1e-9 * frame.spike_rate, "dead": 1e9 * frame.dead_seconds,
        "rate_dead": frame.spike_rate * frame.dead_seconds, "head_gain": learning.head_gain, "rate": RATE,
        "off_slope": learning.off_slope, "block": learning.block, "follow": float(blocks.store.follow),
    }  # fmt: skip


def arrays(network: Network, state: State, stream: Stream) -> dict[str, np.ndarray]:
    """All of a workload: constants, input and the state it begins with (``state.fast.gates`` [lines, 4 * cells] ...)."""
    config, key = network.config, jax.random.key(KEY)
    keys = jax.random.split(key, len(stream))
    mask = frame_inputs(config, stream, 1.0, RATE, DROPOUT, jax.random.split(key)[0], keys).mask
    notes = stream.levels[:, None, :] > np.asarray(network.thresholds)[None]
    at, line = np.nonzero(notes.reshape(-1, config.notes))
    share = line_share(network, network.blocks.eligibility.tau_pre)
    data = {name: np.array(value) for name, value in constants(network).items()}
    data |= {f"state.{name}": np.asarray(leaf) for name, leaf in named(state).items()}
    return data | {
        "frames": np.array(len(stream)), "note_step": at.astype(np.int32), "note_line": line.astype(np.int32),
        "target": stream.targets.astype(np.uint8), "reset": stream.reset, "mask": np.asarray(mask),
        "share": np.asarray(share),
    }  # fmt: skip


def kept(name: str, folder: Path, frames: int = FRAMES) -> Path:
    """File of the workload in ``folder``, made when it is not there."""
    file = folder / f"{name}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        network, state = taught(ideal_blocks(Frame()), CELLS[name])
        partial = folder / f"{name}.partial.npz"
        np.savez(partial, **arrays(network, state, exam(frames)))
        partial.replace(file)
    return file


def own(work: dict[str, np.ndarray]) -> tuple[Network, State, Stream]:
    """Our network, its state and the stream of a workload."""
    network, state = untaught(ideal_blocks(Frame()), int(work["cells"]))
    return network, filled(state, work), exam(int(work["frames"]))


def statistics(state: State, seen: dict[str, np.ndarray]) -> dict[str, Any]:
    """What simulators must agree on."""
    weights = {"gates": state.fast.gates, "readout": state.fast.readout, "layer": state.features.weights}
    return {"counts": {name: int(seen[name].sum()) for name in ("cells", "features")}, "loss": float(seen["nll"].mean()),
            "mean_weight": {name: float(jnp.mean(jnp.abs(w))) for name, w in weights.items()}}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=tuple(CELLS))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    print(kept(args.name, args.folder))
