"""The frame-level yardstick: its traces, its learning, its controls."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import LearningDiverged
from neuromorph.network.frame_level import (
    FrameEvent,
    FrameLevelConfig,
    frame_step,
    frozen,
    initial_state,
    run,
)
from neuromorph.network.stream import stream_of

CONFIG = FrameLevelConfig(notes=12, cells=8)
ODDS = np.zeros(12, np.float32)


def tune(frames=240, period=6):
    """A broken chord: the next note is certain once the position is known."""
    roll = np.zeros((frames, 12), np.float32)
    roll[np.arange(frames), 2 * (np.arange(frames) % period)] = 1
    return roll


def event(levels, target, rate=0.0, reset=False):
    return FrameEvent(
        jnp.asarray(levels), jnp.asarray(target), jnp.asarray(reset), jnp.float32(rate),
        jnp.ones(CONFIG.cells), jnp.full(CONFIG.cells, 0.5),
    )  # fmt: skip


def test_traces_are_the_cells_own_derivative():
    """d c_T / d w through the cell alone, by finite differences, equals the trace: e-prop's definition.

    The recurrent path is cut (the cells' spikes are no input), where the trace is exact.
    """
    config = replace(CONFIG, spikes=0)
    state = initial_state(config, 3, ODDS)
    gates = np.array(state.fast.gates)
    gates[config.notes : -1] = 0
    frames = np.random.default_rng(0).random((5, 12)).astype(np.float32)

    def cells_after(gates):
        s = replace(state, fast=replace(state.fast, gates=jnp.asarray(gates)))
        for frame in frames:
            s, _ = frame_step(config, s, event(frame, frame))
        return s

    base = cells_after(gates)
    step = 1e-2
    for gate, block in ((0, 0), (1, 1), (3, 2)):
        for line, cell in ((0, 0), (5, 3), (config.lines - 1, 7)):
            up, down = gates.copy(), gates.copy()
            up[line, gate * config.cells + cell] += step
            down[line, gate * config.cells + cell] -= step
            slope = (cells_after(up).c[cell] - cells_after(down).c[cell]) / (2 * step)
            trace = base.traces[line, block * config.cells + cell]
            assert float(trace) == pytest.approx(float(slope), rel=2e-2, abs=2e-4)


def test_it_learns_a_tune_and_memory_is_what_it_needs():
    """Every note is followed by one of two, by turns: without memory at least ln 2 a frame is left."""
    order = [0, 2, 0, 4] * 60
    roll = np.zeros((len(order), 12), np.float32)
    roll[np.arange(len(order)), order] = 1
    stream = stream_of([roll] * 12)
    losses = {}
    for memory in (True, False):
        config = replace(CONFIG, memory=memory, cells=32)
        state, _ = run(config, initial_state(config, 0, ODDS), stream, rate=0.05, dropout=0.0, seed=0)
        losses[memory] = run(config, state, stream, rate=0.0, dropout=0.0, seed=1)[1].mean()
    assert losses[True] < 0.5 * losses[False]
    assert losses[False] > 0.9 * 0.5 * np.log(2)


def test_a_reset_forgets_the_piece_before():
    state = initial_state(CONFIG, 0, ODDS)
    other, _ = frame_step(CONFIG, state, event(tune()[0], tune()[1]))
    fresh, y = frame_step(CONFIG, state, event(tune()[2], tune()[3], reset=True))
    again, z = frame_step(CONFIG, other, event(tune()[2], tune()[3], reset=True))
    np.testing.assert_array_equal(y, z)
    jax.tree.map(np.testing.assert_array_equal, fresh, again)


def test_rate_zero_changes_no_weight():
    state = initial_state(CONFIG, 0, ODDS)
    after, _ = run(CONFIG, state, stream_of([tune()]), rate=0.0, dropout=0.0, seed=0)
    jax.tree.map(np.testing.assert_array_equal, (after.fast, after.slow), (state.fast, state.slow))


def test_slow_weights_follow_and_are_the_ones_evaluated():
    state, _ = run(
        CONFIG, initial_state(CONFIG, 0, ODDS), stream_of([tune()]), rate=0.05, dropout=0.0, seed=0
    )
    moved = np.abs(np.array(state.fast.gates - state.slow.gates)).max()
    assert moved > 0
    assert frozen(state).fast is state.slow


def test_a_loss_that_is_not_finite_is_an_error():
    with pytest.raises(LearningDiverged, match="lower the rate"):
        run(CONFIG, initial_state(CONFIG, 0, ODDS), stream_of([tune()]), rate=3e38, dropout=0.0, seed=0)
