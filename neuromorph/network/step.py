"""One frame of the whole network: listen, predict, learn.

The same function runs in training, listening and generating; plasticity is a
number (0 or 1) that scales every change.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from neuromorph.models.events import instance, row_of, walk, weighted_rows, with_row
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.filters import before, filtered, filtered_end
from neuromorph.models.noise import TickNoise
from neuromorph.models.pytree import pytree, static
from neuromorph.models.synapse import decay_over
from neuromorph.network import head
from neuromorph.network.config import NetworkConfig
from neuromorph.network.features import feature_frame
from neuromorph.network.hold import held
from neuromorph.network.memory import memory_frame
from neuromorph.network.state import LineState, State, Weights, rest
from neuromorph.plasticity.eligibility import CellRecord, LineActivity, Traces, charges, frame_update
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
    noise : key of the frame's noise
    """

    levels: jax.Array
    target: jax.Array
    reset: jax.Array
    plastic: jax.Array
    rate: jax.Array
    mask: jax.Array
    noise: jax.Array


@pytree
class Heard:
    """A frame as it was heard.

    Parameters
    ----------
    read : [cells] read-out at the frame's end
    pre : [lines] line activity at the frame's end, for the output gate
    cells, note_spikes, feature_spikes : what happened at each tick
    """

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
    x_pre, x_end = blocks.diehl.traces(notes, state.lines.trace, config.frame.tick_seconds)
    released, recent = _released(network, notes, state.lines.recent)
    noise = _noise(network, inputs.noise)
    features, feature_spikes = feature_frame(
        config, blocks, state.features, released, x_pre, inputs.plastic, noise
    )
    arrived = jnp.concatenate([state.features.last_spikes[None, :], feature_spikes[:-1]])
    outside = jnp.concatenate([notes, arrived], axis=1)
    drive = _external_drive(network, state.fast.gates, outside)
    cells, record = memory_frame(
        config, blocks, state.fast.gates, state.cells, drive, jnp.sum(outside, axis=1), noise
    )

    spikes = jnp.concatenate([notes, arrived, record.arrived.astype(jnp.float32)], axis=1)
    spiked = jnp.any(spikes > 0, axis=0)
    eligibility, pre, output = _traced(network, state, spikes, record, reset, state.lines.heard | spiked)
    lines = LineState(recent, pre, output, x_end, (state.lines.heard & ~reset) | spiked)
    state = replace(state, features=features, lines=lines, cells=cells, eligibility=eligibility)
    activity = jnp.append(output * line_share(network, blocks.eligibility.tau_output), 1.0)
    return state, Heard(cells.read, activity, record, notes, feature_spikes)


def _noise(network: Network, key: jax.Array) -> TickNoise | None:
    config, noise = network.config, network.blocks.noise
    if noise is None:
        return None
    return noise.drawn(key, config.frame.ticks, config.cells, config.features.neurons)


def _external_drive(network: Network, gates: jax.Array, spikes: jax.Array) -> jax.Array:
    """Charge on the cells' dendrites from notes and features, [ticks, 4 * cells]; a weight is read where its line spikes.

    ``gates`` [lines, 4 * cells] of all lines, ``spikes`` [ticks, ...] of the first of them, those from outside.
    """
    blocks, outside = network.blocks, spikes.shape[1]
    charge = line_charges(network.config)[:outside] * blocks.dendrite.gain
    return weighted_rows(gates, spikes * charge[None, :], blocks.external_readout.line)


def _traced(
    network: Network, state: State, spikes: jax.Array, record: CellRecord, reset: jax.Array, live: jax.Array
) -> tuple[Traces, jax.Array, jax.Array]:
    """Eligibility after the frame and the line filters' end values (spikes [ticks, lines - 1], live lines [lines - 1])."""
    blocks, h = network.blocks, network.config.frame.tick_seconds
    synapse, before = blocks.eligibility, state.lines
    lines = LineActivity(
        spikes, before.pre, trace_charges(network), trace_scarcity(network), live, jnp.float32(h)
    )
    leak, keep = synapse.leak(record.gates[:, 1], h), 1.0 - reset.astype(jnp.float32)
    eligibility = frame_update(synapse, state.eligibility, lines, charges(blocks, record, h), leak, keep)
    pre = filtered_end(spikes, before.pre, h, synapse.tau_pre)
    return eligibility, pre, filtered_end(spikes, before.output, h, synapse.tau_output)


def _released(network: Network, spikes: jax.Array, start: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What notes release onto the feature layer at each tick, and their release traces at the end."""
    h, synapse = network.config.frame.tick_seconds, network.blocks.feature_synapse
    tau = synapse.tau_release
    recent = filtered(spikes, start, h, tau)
    return spikes * synapse.release(before(recent, start, h, tau)), recent[-1]


def line_charges(config: NetworkConfig) -> jax.Array:
    """Charge of a spike by line, [lines - 1]."""
    frame = config.frame
    spikes = (frame.input_spikes, config.features.line_spikes, frame.spikes_per_unit)
    sizes = (config.notes, config.features.neurons, config.cells)
    on = (1.0, 1.0, float(config.memory))
    parts = [
        jnp.full(n, k * frame.line_charge(s), jnp.float32) for n, s, k in zip(sizes, spikes, on, strict=True)
    ]
    return jnp.concatenate(parts)


def line_share(network: Network, tau: float | jax.Array) -> jax.Array:
    """Charge of a filtered spike by line, so that its sum over time is that on the dendrite."""
    frame = network.config.frame
    own = 1.0 - decay_over(frame.tick_seconds, tau)
    return line_charges(network.config) * own / (1.0 - decay_over(frame.tick_seconds, frame.tau_synapse))


def trace_charges(network: Network) -> jax.Array:
    """What a spike adds to an eligibility trace at unit psi, by line, [lines - 1]."""
    config, synapse = network.config, network.blocks.eligibility
    return line_share(network, synapse.tau_pre) * jnp.where(_external(config), synapse.external, 1.0)


def trace_scarcity(network: Network) -> jax.Array | None:
    """One over how many times itself a spike can raise an eligibility trace, by line, [lines - 1]; None: it can at will."""
    synapse = network.blocks.eligibility
    if synapse.reach is None:
        return None
    return 1.0 / (synapse.reach * jnp.where(_external(network.config), synapse.reach_ratio, 1.0))


def _external(config: NetworkConfig) -> jax.Array:
    return jnp.arange(config.lines - 1) < config.notes + config.features.neurons


def learn(network: Network, state: State, heard: Heard, inputs: FrameInput) -> tuple[State, jax.Array]:
    """Compare the prediction with the frame that came; returns the logits, too."""
    config, blocks = network.config, network.blocks
    read = heard.read * inputs.mask
    y = head.logits(config, blocks, state.fast, read, inputs.target)
    error = blocks.learning.error(jax.nn.sigmoid(y), inputs.target)
    fed_back = blocks.learning.signal(blocks.feedback_readout.value(state.feedback) @ error)
    signal = config.learning.head_gain * fed_back * inputs.mask
    eta = inputs.rate * inputs.plastic
    gates = _learned_gates(network, state, heard, signal, eta * blocks.learning.gate_gain)
    share = config.learning.head_gain * inputs.mask * blocks.delta.share(heard.read)
    mirrored = eta * float(config.learning.mirrored)
    fast = Weights(
        gates=gates,
        readout=blocks.store.clip(
            state.fast.readout - eta * delta_update(error, share, blocks.readout_rates)
        ),
        bias=state.fast.bias - eta * error,
        lateral=_learned_lateral(network, state.fast.lateral, error, eta, inputs.target),
    )
    feedback = blocks.store.clip(
        state.feedback - mirrored * delta_update(error, share, blocks.feedback_rates)
    )
    state = replace(state, fast=fast, feedback=feedback)
    return held(config, blocks, state, blocks.learning.wait(inputs.plastic)), y


def _learned_lateral(
    network: Network, lateral: jax.Array, error: jax.Array, eta: jax.Array, target: jax.Array
) -> jax.Array:
    """Lateral weights after an ``error`` [notes] at rate ``eta``, from notes that sound to higher pitches only.

    One update moves the logit by rate times error whatever the head's gain.
    """
    config, store = network.config, network.blocks.store
    if not config.joint:
        return lateral
    pitches = jnp.arange(config.notes)
    eta = eta / config.learning.head_gain

    def pitch(k: jax.Array, lateral: jax.Array) -> jax.Array:
        step = eta * instance(network.blocks.lateral_rates, k).moved(error)
        row = store.clip(row_of(lateral, k) - target[k] * jnp.where(pitches > k, step, 0.0))
        return with_row(lateral, row, k)

    def where_sounding(k: jax.Array, lateral: jax.Array) -> jax.Array:
        return jax.lax.cond(target[k] > 0, pitch, lambda _, lateral: lateral, k, lateral)

    return jax.lax.fori_loop(0, config.notes, where_sounding, lateral)


def _learned_gates(
    network: Network, state: State, heard: Heard, signal: jax.Array, eta: jax.Array
) -> jax.Array:
    """Gate weights [lines, 4 * cells] one step downhill, line by line; without traces there is nothing to learn."""
    config, blocks, c = network.config, network.blocks, state.cells.c
    o = heard.cells.gates[-1, 2]
    read = blocks.cell.read(c, o)
    local = signal * config.frame.rate_slope(jnp.clip(o * read, 0.0, 1.0))
    memory_signal = local * o * blocks.cell.read_slope(c, o, config.learning.off_slope)
    output_signal = local * read * blocks.gate.slope(heard.cells.gates[-1])[2]

    def line(k: jax.Array, gates: jax.Array) -> jax.Array:
        rows = state.eligibility.row(k)
        rates = instance(blocks.gate_rates, k)
        down = gate_update(blocks.eligibility, rows, memory_signal, output_signal, heard.pre[k], rates)
        for gate, direction in enumerate(down):
            place = (k, jnp.int32(gate * config.cells))
            weights = jax.lax.dynamic_slice(gates, place, (1, config.cells))
            moved = blocks.store.clip(weights - eta * direction[None, :])
            gates = jax.lax.dynamic_update_slice(gates, moved, place)
        return gates

    return walk(jnp.append(state.lines.heard, True), line, state.fast.gates)


def frame_step(network: Network, state: State, inputs: FrameInput) -> tuple[State, Heard, jax.Array]:
    """Listen to one frame, predict the next, learn from it; returns the logits of the prediction."""
    state, heard = listen(network, state, inputs)
    state, y = learn(network, state, heard, inputs)
    return state, heard, y
