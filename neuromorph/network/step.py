"""One frame of the whole network: listen, predict, learn.

The same function runs in training, listening and generating; plasticity is a
number (0 or 1) that scales every change.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.fidelity import BlockSet
from neuromorph.models.filters import before, filtered
from neuromorph.models.pytree import pytree, static
from neuromorph.models.synapse import decay_over
from neuromorph.network import head
from neuromorph.network.config import NetworkConfig
from neuromorph.network.features import feature_frame, note_traces
from neuromorph.network.memory import memory_frame
from neuromorph.network.state import LineState, State, Weights, rest
from neuromorph.plasticity.eligibility import CellRecord, charges, frame_update
from neuromorph.plasticity.three_factor import delta_update, gate_update


@pytree
class Network:
    """What does not change while the network runs.

    Parameters
    ----------
    blocks : the circuit blocks (the fidelity)
    thresholds : [ticks, notes] spike encoder of the note lines
    drift : per-synapse drift of the fast weights, weight units per frame
    config : sizes and constants
    """

    blocks: BlockSet
    thresholds: jax.Array
    drift: Weights
    config: NetworkConfig = static(NetworkConfig())


@pytree
class FrameInput:
    """One frame of the stream.

    Parameters
    ----------
    levels, target : [notes] in [0, 1]: this frame and the next one
    reset : bool, a new piece begins
    plastic : 0 or 1
    rate : learning rate of the three-factor rule
    mask : [cells] head dropout, 0 or 1 / (1 - dropout)
    """

    levels: jax.Array
    target: jax.Array
    reset: jax.Array
    plastic: jax.Array
    rate: jax.Array
    mask: jax.Array


@pytree
class Heard:
    """What the network knows at a frame's end: read-out [cells], trace inputs, spikes for the record."""

    read: jax.Array
    pre: jax.Array
    cells: CellRecord
    note_spikes: jax.Array
    feature_spikes: jax.Array


def listen(network: Network, state: State, inputs: FrameInput) -> tuple[State, Heard]:
    """Run all neurons for a frame and bring the traces up to its end."""
    config, blocks = network.config, network.blocks
    reset = inputs.reset | (not config.memory)
    state = rest(config, blocks, state, reset)
    notes = (inputs.levels[None, :] > network.thresholds).astype(jnp.float32)
    traces, trace_end = note_traces(config, blocks, notes, state.lines.trace)
    h = config.frame.tick_seconds

    arriving = state.features.last_spikes
    external, recent_notes = _released(network, notes, state.lines.recent[: config.notes])
    features, feature_spikes = feature_frame(config, blocks, state.features, external, traces, inputs.plastic)
    arrived = jnp.concatenate([arriving[None, :], feature_spikes[:-1]])
    released, recent_features = _released(network, arrived, state.lines.recent[config.notes :])
    charge = _line_charges(config)
    weighted = (
        jnp.concatenate([external, released], axis=1) * charge[None, : external.shape[1] + released.shape[1]]
    )
    drive = weighted @ state.fast.gates[: weighted.shape[1]]
    cells, record = memory_frame(config, blocks, state.fast.gates, state.cells, drive)

    spikes = jnp.concatenate([notes, arrived, record.arrived.astype(jnp.float32)], axis=1)
    pre_raw = filtered(spikes, state.lines.pre, h, blocks.eligibility.tau_pre)
    pre = jnp.concatenate(
        [pre_raw * (charge * _trace_share(network))[None, :], jnp.ones((config.frame.ticks, 1), jnp.float32)],
        axis=1,
    )
    keep = 1.0 - reset.astype(jnp.float32)
    eligibility = frame_update(state.eligibility, pre, charges(blocks, record, h), record.leak, keep)
    lines = LineState(jnp.concatenate([recent_notes, recent_features]), pre_raw[-1], trace_end)
    state = State(state.fast, state.slow, state.feedback, features, lines, cells, eligibility)
    return state, Heard(cells.read, pre[-1], record, notes, feature_spikes)


def _released(network: Network, spikes: jax.Array, start: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Charge released by external lines at each tick and their release traces at the end."""
    h, tau = network.config.frame.tick_seconds, network.blocks.synapse.tau_decay
    recent = filtered(spikes, start, h, tau)
    return spikes * network.blocks.synapse.release(before(recent, start, h, tau)), recent[-1]


def _line_charges(config: NetworkConfig) -> jax.Array:
    """Charge of a spike by line, [lines - 1]."""
    frame = config.frame
    spikes = (frame.input_spikes, config.features.line_spikes, frame.spikes_per_unit)
    sizes = (config.notes, config.features.neurons, config.cells)
    on = (1.0, 1.0, float(config.memory))
    parts = [
        jnp.full(n, k * frame.line_charge(s), jnp.float32) for n, s, k in zip(sizes, spikes, on, strict=True)
    ]
    return jnp.concatenate(parts)


def _trace_share(network: Network) -> jax.Array:
    """Makes a spike count the same in trace and dendrite whatever the trace's own filter."""
    h = network.config.frame.tick_seconds
    trace = 1.0 - decay_over(h, network.blocks.eligibility.tau_pre)
    return trace / (1.0 - decay_over(h, network.config.frame.tau_synapse))


def learn(network: Network, state: State, heard: Heard, inputs: FrameInput) -> tuple[State, jax.Array]:
    """Compare the prediction with the frame that came; returns the logits, too."""
    config, blocks = network.config, network.blocks
    read = heard.read * inputs.mask
    y = head.logits(config, state.fast, read, inputs.target)
    error = jax.nn.sigmoid(y) - inputs.target
    signal = config.learning.head_gain * (state.feedback @ error) * inputs.mask
    down = _gate_direction(network, state, heard, signal)
    eta = inputs.rate * inputs.plastic
    outer = delta_update(error, config.learning.head_gain * read)
    lateral = delta_update(error, inputs.target) * head.lateral_mask(config.notes) * float(config.joint)
    fast = Weights(
        gates=blocks.store.clip(state.fast.gates - eta * down),
        readout=blocks.store.clip(state.fast.readout - eta * outer),
        bias=state.fast.bias - eta * error,
        lateral=blocks.store.clip(state.fast.lateral - eta * lateral),
    )
    feedback = blocks.store.clip(state.feedback - eta * float(config.learning.mirrored) * outer)
    return State(fast, state.slow, feedback, state.features, state.lines, state.cells, state.eligibility), y


def _gate_direction(network: Network, state: State, heard: Heard, signal: jax.Array) -> jax.Array:
    config, blocks, c = network.config, network.blocks, state.cells.c
    o = heard.cells.gates[-1, 2]
    read = blocks.cell.read(c)
    local = signal * config.frame.rate_slope(jnp.clip(o * read, 0.0, 1.0))
    memory_signal = local * o * blocks.cell.read_slope(c, config.learning.off_slope)
    output_signal = local * read * blocks.gate.slope(heard.cells.gates[-1])[2]
    return gate_update(blocks.eligibility, state.eligibility, memory_signal, output_signal, heard.pre)


def frame_step(network: Network, state: State, inputs: FrameInput) -> tuple[State, Heard, jax.Array]:
    """Listen to one frame, predict the next, learn from it; returns the logits of the prediction."""
    state, heard = listen(network, state, inputs)
    state, y = learn(network, state, heard, inputs)
    return state, heard, y
