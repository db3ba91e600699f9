"""Run the network over a stream: one compiled scan over blocks of frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError, LearningDiverged
from neuromorph.models.box import QUANTITIES
from neuromorph.models.fidelity import BlockSet
from neuromorph.network import head
from neuromorph.network.compiler import compile_loops_whole, keep_compiled
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import State, Weights, initial_state
from neuromorph.network.step import FrameInput, Heard, Network, frame_step
from neuromorph.network.stream import Stream

compile_loops_whole()
keep_compiled()

HOPELESS = 2.0
"""Times the loss of tossing coins at which learning is called diverged."""

RECORDS: dict[str, Callable[[Network, Heard, State], jax.Array]] = {
    "cell_counts": lambda network, heard, state: jnp.sum(heard.cells.spikes, axis=0),
    "cell_spikes": lambda network, heard, state: heard.cells.spikes,
    "feature_counts": lambda network, heard, state: jnp.sum(heard.feature_spikes, axis=0),
    "feature_spikes": lambda network, heard, state: heard.feature_spikes,
    "note_spikes": lambda network, heard, state: heard.note_spikes,
    "c": lambda network, heard, state: state.cells.c,
    "outside": lambda network, heard, state: _outside(network, heard, state),
}
"""What a run can record at each frame beside NLL, probabilities, read-out and event counts."""


def build_network(
    config: NetworkConfig,
    blocks: BlockSet,
    *,
    seed: int,
    log_odds: np.ndarray,
    thresholds: np.ndarray,
) -> tuple[Network, State]:
    """A network and its first state.

    Parameters
    ----------
    config, blocks : sizes and fidelity
    seed : of weights, feedback, drift
    log_odds : [notes] log-odds of each pitch in the training pieces
    thresholds : [ticks, notes] spike encoder: line k spikes at tick t iff its level exceeds it
    """
    frame = config.frame
    if thresholds.shape != (frame.ticks, config.notes):
        raise InputError(
            f"encoder thresholds have shape {thresholds.shape}, the frame wants {(frame.ticks, config.notes)}"
        )
    state = initial_state(config, blocks, seed, log_odds)
    draw = np.random.default_rng([seed, 6])
    drift = jax.tree.map(
        lambda w: blocks.store.drift * jnp.asarray(draw.standard_normal(w.shape), jnp.float32), state.fast
    )
    return Network(blocks, jnp.asarray(thresholds, jnp.float32), drift, config), state


@partial(jax.jit, static_argnames=("record",))
def run_blocks(
    network: Network,
    state: State,
    frames: FrameInput,
    valid: jax.Array,
    key: jax.Array,
    record: tuple[str, ...],
) -> tuple[State, dict[str, jax.Array]]:
    """Scan over blocks; ``frames`` and ``valid`` have leading axes [blocks, block]."""

    def frame(state: State, inputs: tuple[FrameInput, jax.Array]) -> tuple[State, dict[str, jax.Array]]:
        state, heard, y = frame_step(network, state, inputs[0])
        return state, _observe(network, heard, state, y, inputs, record)

    def block(
        state: State, inputs: tuple[FrameInput, jax.Array, jax.Array]
    ) -> tuple[State, dict[str, jax.Array]]:
        state, seen = jax.lax.scan(frame, state, inputs[:2])
        return consolidate(network, state, jnp.max(inputs[0].plastic), inputs[2]), seen

    keys = jax.random.split(key, valid.shape[0])
    return jax.lax.scan(block, state, (frames, valid, keys))


def _outside(network: Network, heard: Heard, state: State) -> jax.Array:
    """Shares of the frame beyond the characterized ranges; none of an ideal network."""
    blocks, cells = network.blocks, heard.cells
    if blocks.box is None:
        return jnp.zeros(len(QUANTITIES))
    traces = tuple(jax.tree.leaves(state.eligibility))
    return blocks.box.outside(cells.gates, cells.g, cells.c, traces, blocks.gate, blocks.tanh)


def _observe(
    network: Network,
    heard: Heard,
    state: State,
    y: jax.Array,
    inputs: tuple[FrameInput, jax.Array],
    record: tuple[str, ...],
) -> dict[str, jax.Array]:
    frame, valid = inputs
    seen = {name: RECORDS[name](network, heard, state) for name in record}
    seen["nll"] = jnp.where(valid, head.nll(y, frame.target), 0.0)
    seen["probability"] = jax.nn.sigmoid(y)
    seen["read"] = heard.read
    seen["notes"] = jnp.sum(heard.note_spikes)
    seen["features"] = jnp.sum(heard.feature_spikes)
    seen["cells"] = jnp.sum(heard.cells.spikes).astype(jnp.float32)
    seen["open"] = jnp.sum(jnp.mean(heard.cells.gates[:, 1], axis=0))
    return seen


def consolidate(network: Network, state: State, share: jax.Array, key: jax.Array) -> State:
    """End of a block: leak and drift of the fast weights, transfer to the slow ones and its way back."""
    store, frames = network.blocks.store, network.config.learning.block

    def move(
        fast: jax.Array, slow: jax.Array, drift: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        fast = store.age(fast, drift, share * frames)
        kept = jnp.where(share > 0, store.return_charge(fast, slow), fast)
        return kept, jnp.where(share > 0, store.transfer(fast, slow, share, key), slow)

    keys = jax.random.split(key, 3)
    fast, slow, drift = state.fast, state.slow, network.drift
    gates = move(fast.gates, slow.gates, drift.gates, keys[0])
    readout = move(fast.readout, slow.readout, drift.readout, keys[1])
    lateral = move(fast.lateral, slow.lateral, drift.lateral, keys[2])
    slow_bias = slow.bias + share * store.follow * (fast.bias - slow.bias)
    return replace(
        state,
        fast=Weights(gates[0], readout[0], fast.bias, lateral[0]),
        slow=Weights(gates[1], readout[1], slow_bias, lateral[1]),
    )


def simulate(
    network: Network,
    state: State,
    stream: Stream,
    *,
    plasticity: float,
    rate: float,
    key: jax.Array,
    dropout: float = 0.0,
    record: tuple[str, ...] = (),
) -> tuple[State, dict[str, np.ndarray]]:
    """Run the whole ``stream`` and return records by frame.

    Parameters
    ----------
    plasticity : 1 learns, 0 listens only; the step is the same
    rate : learning rate of the three-factor rule
    key : of dropout, of the rounding of slow weights and of noise
    dropout : share of cells hidden from the head (training only)
    record : names from ``RECORDS``; ``nll`` (nats), ``probability`` [notes], ``read``
        [cells], the spike counts ``notes``, ``features``, ``cells`` and the sum of the leak gates' mean
        opening over the cells, ``open``, always come

    Raises
    ------
    LearningDiverged
        When a loss or a weight is not finite, or the network that learns is on the average twice as bad as
        tossing a coin for every note.
    """
    unknown = set(record) - set(RECORDS)
    if unknown:
        raise InputError(f"cannot record {sorted(unknown)}", remedy=f"choose from {sorted(RECORDS)}")
    padded = stream.padded(network.config.learning.block)
    mask_key, block_key = jax.random.split(key)
    noise = jax.random.split(jax.random.fold_in(key, 2), len(padded))
    frames = frame_inputs(network.config, padded, plasticity, rate, dropout, mask_key, noise)
    state, seen = run_blocks(
        network, state, *_in_blocks(network.config, (frames, jnp.asarray(padded.valid))), block_key, record
    )
    records = {
        name: np.asarray(v).reshape(len(padded), *v.shape[2:])[: len(stream)] for name, v in seen.items()
    }
    _check_learning(state, records["nll"], stream.valid, network.config.notes, plasticity * rate, rate)
    return state, records


def _check_learning(
    state: State, nll: np.ndarray, valid: np.ndarray, notes: int, learning: float, rate: float
) -> None:
    if not np.all(np.isfinite(nll)):
        bad = int(np.argmin(np.isfinite(nll)))
        raise LearningDiverged(f"the loss is not finite from frame {bad} of {len(nll)} on (rate {rate:g})")
    if not learning or not valid.any():
        return
    if not all(bool(jnp.isfinite(jnp.sum(w))) for w in jax.tree.leaves((state.fast, state.slow))):
        raise LearningDiverged(f"a weight is not finite after {len(nll)} frames (rate {rate:g})")
    mean, coins = float(nll[valid].mean()), notes * float(np.log(2.0))
    if mean > HOPELESS * coins:
        raise LearningDiverged(
            f"the loss is {mean:.3g} nats a frame, that of tossing coins {coins:.3g} (rate {rate:g}); lower the rate"
        )


def frame_inputs(
    config: NetworkConfig,
    stream: Stream,
    plasticity: float,
    rate: float,
    dropout: float,
    key: jax.Array,
    noise: jax.Array,
) -> FrameInput:
    """The stream as step inputs; padding never learns; ``key`` is of the dropout, ``noise`` one a frame."""
    n = len(stream)
    keep = jax.random.bernoulli(key, 1.0 - dropout, (n, config.cells)).astype(jnp.float32)
    return FrameInput(
        levels=jnp.asarray(stream.levels, jnp.float32),
        target=jnp.asarray(stream.targets, jnp.float32),
        reset=jnp.asarray(stream.reset),
        plastic=jnp.asarray(stream.valid, jnp.float32) * jnp.float32(plasticity),
        rate=jnp.full(n, rate, jnp.float32),
        mask=keep / jnp.float32(1.0 - dropout),
        noise=noise,
    )


def _in_blocks(config: NetworkConfig, tree: Any) -> Any:
    block = config.learning.block
    return jax.tree.map(lambda leaf: leaf.reshape(-1, block, *leaf.shape[1:]), tree)


def with_slow_weights(state: State) -> State:
    """The state a frozen evaluation uses: slow weights in the place of the fast ones."""
    return replace(state, fast=state.slow)
