"""The ideal network at frame level: one update of cells, traces and weights a frame, no ticks.

The yardstick of the network in circuit time, after the music study: LSTM-like cells whose rates are rounded to a
few spikes, e-prop traces that decay with their cell's forget gate (Bellec and others, Nat. Commun. 11:3625, 2020),
a learning signal fed back from the head, plain online descent, two-timescale weights.  With ``u = [x, h, 1]``::

    i, f, o = s(W u), g = tanh(W_g u),  c <- f c + i g,  r = o relu(tanh c),  h = floor(r K + U) / K
    e_i <- f e_i + g i (1 - i) u,  e_f <- f e_f + c f (1 - f) u,  e_g <- f e_g + i (1 - g^2) u
    dW = -eta L (dr/dc) e,  L = 3 B (p - t)

No gradient runs through time: a trace is all that a synapse knows of the past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import LearningDiverged
from neuromorph.models.pytree import pytree
from neuromorph.network import head
from neuromorph.network.stream import Stream


@dataclass(frozen=True)
class FrameLevelConfig:
    """Sizes and constants.

    Parameters
    ----------
    joint : lateral synapses in the head
    memory : False removes recurrence and resets the cells at every frame (the control)
    spikes : K, spikes of a cell in a frame at full rate; 0 passes the rate itself
    feedback : "symmetric" (the read-out's own weights), "mirrored" or "random"
    follow : share of the difference that a slow weight takes over a frame
    """

    notes: int = 88
    cells: int = 128
    joint: bool = False
    memory: bool = True
    spikes: int = 8
    feedback: str = "symmetric"
    feedback_sd: float = 0.02
    forget_bias: float = 1.5
    dropout: float = 0.3
    off_slope: float = 0.3
    head_gain: float = 3.0
    follow: float = 5e-4

    @property
    def lines(self) -> int:
        """Rows of the gates' weights: notes, cells, bias."""
        return self.notes + self.cells + 1


@pytree
class FrameWeights:
    """``gates`` [lines, 4 * cells] in the order i, f, o, g; ``readout`` [cells, notes]; ``bias``; ``lateral``."""

    gates: jax.Array
    readout: jax.Array
    bias: jax.Array
    lateral: jax.Array


@pytree
class FrameState:
    """Weights, feedback [cells, notes], cells [cells], spikes [cells] and traces [lines, 3 * cells] (i, f, g)."""

    fast: FrameWeights
    slow: FrameWeights
    feedback: jax.Array
    c: jax.Array
    h: jax.Array
    traces: jax.Array


@pytree
class FrameEvent:
    """A frame of the stream: ``levels``, ``target`` [notes], ``reset``, ``rate``, ``mask`` [cells], ``draw`` [cells]."""

    levels: jax.Array
    target: jax.Array
    reset: jax.Array
    rate: jax.Array
    mask: jax.Array
    draw: jax.Array


def initial_state(config: FrameLevelConfig, seed: int, log_odds: np.ndarray) -> FrameState:
    """State before the first frame, with the study's initial scales (the figures depend on them)."""
    draw = np.random.default_rng([seed, 1])
    inputs = config.notes + config.cells
    spread = 1.0 / np.sqrt(inputs)
    gates = draw.normal(0.0, spread, (config.lines, 4, config.cells))
    gates[: config.notes] *= 1.5 / (spread * np.sqrt(config.notes))
    gates[-1] = 0.0
    gates[-1, 1] = config.forget_bias + draw.uniform(-1.0, 2.0, config.cells)
    feedback = draw.normal(0.0, config.feedback_sd, (config.cells, config.notes))
    fast = FrameWeights(
        gates=jnp.asarray(gates.reshape(config.lines, 4 * config.cells), jnp.float32),
        readout=jnp.asarray(draw.normal(0.0, 0.02, (config.cells, config.notes)), jnp.float32),
        bias=jnp.asarray(log_odds, jnp.float32),
        lateral=jnp.zeros((config.notes, config.notes), jnp.float32),
    )
    zeros = jnp.zeros(config.cells, jnp.float32)
    return FrameState(
        fast=fast,
        slow=jax.tree.map(jnp.copy, fast),
        feedback=jnp.asarray(feedback, jnp.float32),
        c=zeros,
        h=zeros,
        traces=jnp.zeros((config.lines, 3 * config.cells), jnp.float32),
    )


def frame_step(
    config: FrameLevelConfig, state: FrameState, event: FrameEvent
) -> tuple[FrameState, jax.Array]:
    """Listen to a frame, predict the next, learn from it; returns the logits."""
    keep = 1.0 - (event.reset | (not config.memory)).astype(jnp.float32)
    c, h, traces = state.c * keep, state.h * keep, state.traces * keep
    u = jnp.concatenate([event.levels, float(config.memory) * h, jnp.ones(1, jnp.float32)])
    z = (u @ state.fast.gates).reshape(4, config.cells)
    i, f, o = jax.nn.sigmoid(z[:3])
    g = jnp.tanh(z[3])
    charge = jnp.concatenate([g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)])
    traces = traces * jnp.tile(f, 3)[None, :] + u[:, None] * charge[None, :]
    c = f * c + i * g
    read = jnp.tanh(c)
    on = (read > 0).astype(jnp.float32)
    r = o * read * on
    h = jnp.floor(r * config.spikes + event.draw) / config.spikes if config.spikes else r

    seen = h * event.mask
    drive = seen @ state.fast.readout
    if config.joint:
        drive = drive + event.target @ state.fast.lateral
    y = config.head_gain * drive + state.fast.bias
    error = jax.nn.sigmoid(y) - event.target
    back = state.fast.readout if config.feedback == "symmetric" else state.feedback
    signal = config.head_gain * (back @ error) * event.mask
    slope = o * (1 - read * read) * jnp.where(on > 0, 1.0, config.off_slope)
    row = jnp.tile(signal * slope, 3)
    through = signal * read * on * o * (1 - o)
    e_i, e_f, e_g = jnp.split(traces * row[None, :], 3, axis=1)
    gates = jnp.concatenate([e_i, e_f, u[:, None] * through[None, :], e_g], axis=1)
    outer = config.head_gain * seen[:, None] * error[None, :]
    lateral = head.lateral_mask(config.notes) * event.target[:, None] * error[None, :]
    eta = event.rate
    fast = FrameWeights(
        gates=state.fast.gates - eta * gates,
        readout=state.fast.readout - eta * outer,
        bias=state.fast.bias - eta * error,
        lateral=state.fast.lateral - eta * float(config.joint) / config.head_gain * lateral,
    )
    follow = config.follow * (eta > 0)
    slow = jax.tree.map(lambda s, w: s + follow * (w - s), state.slow, fast)
    feedback = state.feedback - eta * float(config.feedback == "mirrored") * outer
    return FrameState(fast, slow, feedback, c, h, traces), y


@partial(jax.jit, static_argnames=("config",))
def _scan(config: FrameLevelConfig, state: FrameState, events: FrameEvent) -> tuple[FrameState, jax.Array]:
    def frame(state: FrameState, event: FrameEvent) -> tuple[FrameState, jax.Array]:
        state, y = frame_step(config, state, event)
        return state, head.nll(y, event.target)

    return jax.lax.scan(frame, state, events)


def run(
    config: FrameLevelConfig, state: FrameState, stream: Stream, *, rate: float, dropout: float, seed: int
) -> tuple[FrameState, np.ndarray]:
    """Run a whole stream; rate 0 only listens.

    Returns
    -------
    state, nll
        State after the stream and the NLL of every valid frame, nats.

    Raises
    ------
    LearningDiverged
        When a loss is not finite.
    """
    n = len(stream)
    mask_key, draw_key = jax.random.split(jax.random.key(seed))
    keep = jax.random.bernoulli(mask_key, 1.0 - dropout, (n, config.cells))
    events = FrameEvent(
        levels=jnp.asarray(stream.levels, jnp.float32),
        target=jnp.asarray(stream.targets, jnp.float32),
        reset=jnp.asarray(stream.reset),
        rate=jnp.asarray(stream.valid, jnp.float32) * rate,
        mask=keep.astype(jnp.float32) / (1.0 - dropout),
        draw=jax.random.uniform(draw_key, (n, config.cells)),
    )
    state, nll = _scan(config, state, events)
    losses = np.asarray(nll)[stream.valid]
    if not np.all(np.isfinite(losses)):
        raise LearningDiverged(f"the loss is not finite at rate {rate:g}; lower the rate")
    return state, losses


def frozen(state: FrameState) -> FrameState:
    """The state that a frozen evaluation uses: slow weights in the place of the fast ones."""
    return replace(state, fast=state.slow)
