"""Traces: the lazy form is exact, sees spike times, and is the true derivative of the cell."""

import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.fitting.eligibility import PSI_REST
from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.filters import filtered_end
from neuromorph.network.memory import memory_frame
from neuromorph.network.simulate import frame_inputs
from neuromorph.network.step import frame_step
from neuromorph.network.stream import stream_of
from neuromorph.plasticity.eligibility import (
    TRACES,
    CellRecord,
    LineActivity,
    Traces,
    charges,
    earlier,
    frame_update,
    tick_update,
)
from tests.network.toys import NOTES, toy, toy_nominal, tune

_PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "trace_factors.py"
_SPEC = importlib.util.spec_from_file_location("trace_factors", _PATH)
FACTORS = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = FACTORS  # a dataclass looks for its module there
_SPEC.loader.exec_module(FACTORS)


def stacked(traces):
    """[traces, ...] of all kinds."""
    return np.stack([np.asarray(leaf) for leaf in jax.tree.leaves(traces)])


def random_traces(draw, *shape):
    return Traces(*(jnp.asarray(draw.random(shape), jnp.float32) for _ in range(TRACES)))


@partial(jax.jit, static_argnames="variant")
def scan_frames(network, state, inputs, variant):
    """Final state and cell spikes [frames, ticks, cells]; ``variant`` keeps patched code apart."""

    def one(state, frame):
        state, heard, _ = frame_step(network, state, frame)
        return state, heard.cells.spikes

    return jax.lax.scan(one, state, inputs)


def activity(spikes, start=None, charge=None, live=None, seconds=2e-9, reach=None):
    """Of lines whose spikes are [ticks, lines - 1]; unit charges from rest, without a limit, and all live, unless given."""
    spikes = jnp.asarray(spikes, jnp.float32)
    n = spikes.shape[1]
    start = jnp.zeros(n, jnp.float32) if start is None else start
    return LineActivity(
        spikes, start, jnp.ones(n, jnp.float32) if charge is None else charge,
        None if reach is None else 1 / reach,
        jnp.ones(n, bool) if live is None else jnp.asarray(live), jnp.float32(seconds),
    )  # fmt: skip


def run(network, state, variant="lazy"):
    """Listen to 100 frames of a tune (plasticity off: chaos would follow one flipped spike)."""
    stream = stream_of([tune(101)])
    inputs = frame_inputs(
        network.config,
        stream,
        0.0,
        0.0,
        0.0,
        jax.random.key(0),
        jax.random.split(jax.random.key(1), len(stream)),
    )
    return scan_frames(network, state, inputs, variant)


@pytest.mark.parametrize("fidelity", ["ideal", pytest.param("nominal", marks=pytest.mark.slow)])
def test_lazy_traces_are_the_tick_level_ones_after_100_frames(fidelity, monkeypatch):
    network, state = toy(blocks=toy_nominal() if fidelity == "nominal" else None)
    lazy, lazy_spikes = run(network, state)

    monkeypatch.setattr("neuromorph.network.step.frame_update", tick_update)
    exact, exact_spikes = run(network, state, "by tick")
    assert np.array_equal(lazy_spikes, exact_spikes)
    assert lazy_spikes.sum() > 100
    lazy_traces, exact_traces = stacked(lazy.eligibility), stacked(exact.eligibility)
    error = np.sqrt(np.mean((lazy_traces - exact_traces) ** 2))
    assert error <= 1e-5 * np.sqrt(np.mean(exact_traces**2))


def test_moving_spikes_within_a_frame_changes_the_traces():
    draw = np.random.default_rng(0)
    leak = jnp.full((20, 4), 0.05, jnp.float32)
    psi = random_traces(draw, 20, 4)
    early, late = np.zeros((2, 20, 3), np.float32)
    early[2], late[15] = 1.0, 1.0
    start, keep = Traces.zeros(4, 4), jnp.float32(1.0)
    traces = [
        frame_update(EligibilitySynapse(0.0), start, activity(pre), psi, leak, keep) for pre in (early, late)
    ]
    assert np.abs(stacked(traces[0]) - stacked(traces[1]))[:, :-1].max() > 0.05


def test_moving_input_spikes_changes_cells_and_traces_of_the_network():
    network, state = toy()
    rolled = replace(network, thresholds=jnp.roll(network.thresholds, 7, axis=0))
    a, _ = run(network, state)
    b, _ = run(rolled, state)
    assert np.abs(a.cells.c - b.cells.c).max() > 1e-3
    assert np.abs(stacked(a.eligibility) - stacked(b.eligibility)).max() > 1e-3


def trace_and_difference(network, state, line, gate, cell, frames=3, step=2e-2):
    """Eligibility of one note synapse, and dc/dw by central difference (no recurrence)."""
    config, blocks, h = network.config, network.blocks, network.config.frame.tick_seconds
    draw = np.random.default_rng(3)
    spikes = jnp.asarray(draw.random((frames, config.frame.ticks, NOTES)) < 0.3, jnp.float32)
    row = jnp.zeros_like(state.fast.gates)
    index = (line, gate * config.cells + cell)

    @jax.jit
    def final(gates, traces):
        cells, pre0 = state.cells, jnp.zeros(NOTES, jnp.float32)
        for frame in spikes:
            cells, record = memory_frame(
                config, blocks, gates, cells, frame @ gates[:NOTES], jnp.sum(frame, axis=1)
            )
            psi, leak = charges(blocks, record, h), blocks.eligibility.leak(record.gates[:, 1], h)
            lines = activity(frame, pre0, seconds=h)
            traces = frame_update(blocks.eligibility, traces, lines, psi, leak, jnp.float32(1.0))
            pre0 = filtered_end(frame, pre0, h, blocks.eligibility.tau_pre)
        return cells.c[cell], traces

    zero = Traces.zeros(NOTES + 1, config.cells)
    _, traces = final(state.fast.gates, zero)
    up, _ = final(state.fast.gates + step * row.at[index].set(1.0), zero)
    down, _ = final(state.fast.gates - step * row.at[index].set(1.0), zero)
    return traces, float(up - down) / (2 * step)


@pytest.mark.parametrize(
    ("gate", "kinds"), [(0, ("i_up", "i_down")), (1, ("f_up", "f_down")), (3, ("g_up",))], ids=["i", "f", "g"]
)
def test_eligibility_is_the_derivative_of_the_cell(gate, kinds):
    network, state = toy(memory=False)
    for cell in (1, 5):
        traces, slope = trace_and_difference(network, state, line=2, gate=gate, cell=cell)
        parts = [float(getattr(traces, kind)[2, cell]) for kind in kinds]
        signed = parts[0] - parts[1] if len(parts) == 2 else parts[0]
        assert signed == pytest.approx(slope, rel=0.05, abs=2e-4)


def test_twin_traces_are_never_negative():
    network, state = toy()
    final, _ = run(network, state)
    assert stacked(final.eligibility)[: TRACES - 1].min() >= 0.0


def test_residual_charge_saturates_with_the_trace():
    """A pulse adds r y / (y + y_r): a share of a small trace, no more than r to a large one."""
    synapse = EligibilitySynapse(0.0, residual=2e-3, residual_half=0.05)
    small, large = jnp.float32(1e-4), jnp.float32(100.0)
    assert float(synapse.pulsed(small, jnp.float32(1.0)) / small) == pytest.approx(1.04, rel=1e-3)
    assert float(synapse.pulsed(large, jnp.float32(16.0)) - large) == pytest.approx(0.032, rel=1e-2)
    assert float(synapse.pulsed(large, jnp.float32(0.0))) == 100.0
    assert float(EligibilitySynapse(0.0).pulsed(small, jnp.float32(16.0))) == float(small)


@given(
    seed=st.integers(0, 2**16),
    ticks=st.integers(1, 70),
    lines=st.integers(1, 5),
    form=st.sampled_from(["raw", "filtered", "limited"]),
)
@settings(max_examples=12, deadline=None)
def test_lazy_traces_of_any_synapse_are_the_tick_level_ones(seed, ticks, lines, form):
    draw = np.random.default_rng(seed)
    spikes = draw.random((ticks, lines)) < draw.uniform(0, 1)
    leak = jnp.asarray(draw.uniform(0, 0.1, (ticks, 4)), jnp.float32)
    live = draw.random(lines) < 0.7
    spikes = spikes & live
    psi, before = random_traces(draw, ticks, 4), random_traces(draw, lines + 1, 4)
    before = jax.tree.map(lambda y: y * jnp.append(live, True)[:, None], before)
    start, charge = (jnp.asarray(draw.random(lines) * live, jnp.float32) for _ in range(2))
    reach = jnp.asarray(draw.uniform(0.5, 3.0, lines), jnp.float32) if form == "limited" else None
    tau = 3e-9 if form == "filtered" else 0.0
    synapse = EligibilitySynapse(0.0, tau_pre=tau, residual=0.05, residual_half=0.1, largest=0.8, floor=0.01)
    keep = jnp.float32(draw.integers(0, 2))
    lines = activity(spikes, start, charge, live, reach=reach)
    lazy, exact = (f(synapse, before, lines, psi, leak, keep) for f in (frame_update, tick_update))
    np.testing.assert_allclose(stacked(lazy), stacked(exact), rtol=2e-5, atol=1e-6)


def test_a_pulse_raises_a_trace_by_its_reach_at_most():
    """From a floor of 0.01 a charge of 10 adds some reach times the middle; on a large trace all of it is left."""
    psi = Traces(*(jnp.full((1, 1), 10.0, jnp.float32) for _ in range(TRACES)))
    leak, keep, spikes = jnp.zeros((1, 1), jnp.float32), jnp.float32(1.0), np.ones((1, 1))
    synapse, limit = EligibilitySynapse(0.0, floor=0.01), jnp.full(1, 2.0, jnp.float32)
    for before, share in ((0.0, 0.501), (1e5, 1.0)):
        start = Traces(*(jnp.full((2, 1), before, jnp.float32) for _ in range(TRACES)))
        limited = frame_update(synapse, start, activity(spikes, reach=limit), psi, leak, keep)
        assert stacked(limited)[:, 0] - before == pytest.approx(10.0 * share, rel=2e-3)


def test_pulses_of_a_tick_meet_what_slope_units_make_of_the_gates_at_its_end():
    network, _ = toy(blocks=toy_nominal())
    blocks, ticks, cells = network.blocks, network.config.frame.ticks, network.config.cells
    blocks = replace(
        blocks,
        eligibility=replace(blocks.eligibility, psi_lag=None),
        slopes=replace(blocks.slopes, delays=(0.0, 0.0)),
    )
    draw = np.random.default_rng(5)
    gates = jnp.asarray(draw.uniform(0.2, 0.8, (ticks, 3, cells)), jnp.float32)
    g, c = (jnp.asarray(draw.uniform(-0.5, 0.5, (ticks, cells)), jnp.float32) for _ in range(2))
    record = CellRecord(g, gates, g, c, g, (gates[0], g[0]))
    i, f, _ = blocks.gate.balance(gates[3])
    psi_i, psi_f, psi_g = blocks.slopes.psi(i, f, blocks.tanh.balance(g[3]), c[3])
    h = network.config.frame.tick_seconds
    found = charges(blocks, record, h)
    for up, down, expected in ((found.i_up, found.i_down, psi_i), (found.f_up, found.f_down, psi_f)):
        np.testing.assert_allclose((up - down)[3], h * expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found.g_up[3], h * psi_g, rtol=1e-4, atol=1e-7)


def test_psi_lines_follow_in_the_logarithm_from_where_the_standing_gates_hold_them():
    network, _ = toy(blocks=toy_nominal())
    h, synapse = network.config.frame.tick_seconds, network.blocks.eligibility
    at_once = replace(network.blocks, eligibility=replace(synapse, psi_lag=None))
    ticks, cells = network.config.frame.ticks, network.config.cells
    level = jnp.full((ticks, cells), 0.5, jnp.float32)
    gates = jnp.full((ticks, 3, cells), 0.5, jnp.float32)
    closed = jnp.full((3, cells), 1e-6, jnp.float32), level[0]
    record = CellRecord(level, gates, level, level, level, standing=closed)
    settled = float(charges(at_once, record, h).g_up[-1, 0])
    goal, rest = settled / synapse.psi_full, PSI_REST
    lag = 30e-9 * goal  # 30 ns an e-fold at this psi
    prompt = replace(network.blocks.slopes, lag=0.0)
    slow = replace(network.blocks, eligibility=replace(synapse, psi_lag=jnp.float32(lag)), slopes=prompt)
    followed = np.asarray(charges(slow, record, h).g_up)[:, 0] / synapse.psi_full
    exact = goal / (1 + (goal / rest - 1) * np.exp(-goal * h * (np.arange(ticks) + 1) / lag))
    np.testing.assert_allclose(followed, exact, rtol=5e-3)
    stood = replace(record, standing=(gates[0], level[0]))
    np.testing.assert_allclose(np.asarray(charges(slow, stood, h).g_up), settled, rtol=1e-5)


@given(delay=st.floats(0.0, 12.0))
@settings(max_examples=30, deadline=None)
def test_what_comes_late_is_what_was_there_earlier(delay):
    values, before = np.random.default_rng(3).standard_normal((8, 2)), np.array([5.0, -5.0])
    found = earlier(jnp.asarray(values, jnp.float32), jnp.asarray(before, jnp.float32), delay)
    ticks = np.arange(-1, 8)
    for k in range(2):
        course = np.concatenate([before[k : k + 1], values[:, k]])
        np.testing.assert_allclose(found[:, k], np.interp(np.arange(8) - delay, ticks, course), atol=1e-5)


def test_slope_units_make_psi_late_each_by_its_own_delay():
    """The signed ones wait; the candidate's mirror comes before that of the line, as one with the sum of both times."""
    network, _ = toy(blocks=toy_nominal())
    blocks, ticks, cells = network.blocks, network.config.frame.ticks, network.config.cells
    h, slopes, synapse = network.config.frame.tick_seconds, blocks.slopes, blocks.eligibility
    draw = np.random.default_rng(6)
    gates = jnp.asarray(draw.uniform(0.2, 0.8, (ticks, 3, cells)), jnp.float32)
    g, c = (jnp.asarray(draw.uniform(0.1, 0.5, (ticks, cells)), jnp.float32) for _ in range(2))
    record = CellRecord(g, gates, g, c, g, (gates[0], g[0]))
    bare = replace(synapse, psi_lag=1e-14)

    def found(delays, lag, synapse=bare):
        own = replace(slopes, delays=delays, lag=lag)
        return charges(replace(blocks, slopes=own, eligibility=synapse), record, h)

    now = found((0.0, 0.0), 0.0)
    late = found((h, 2 * h), 0.0)
    np.testing.assert_allclose(late.i_up[1:], now.i_up[:-1], rtol=1e-3)
    np.testing.assert_allclose(late.f_up[2:], now.f_up[:-2], rtol=1e-3)
    np.testing.assert_allclose(late.g_up, now.g_up)
    two = found((0.0, 0.0), 2e-9, replace(synapse, psi_lag=1e-9))
    one = found((0.0, 0.0), 0.0, replace(synapse, psi_lag=3e-9))
    np.testing.assert_allclose(two.g_up, one.g_up, rtol=1e-5)
    assert not np.allclose(one.g_up, now.g_up, rtol=0.05)


def test_a_pulse_leaves_charge_of_its_own():
    draw = np.random.default_rng(1)
    spikes, leak = draw.random((20, 3)) < 0.3, jnp.zeros((20, 4), jnp.float32)
    psi, before, keep = random_traces(draw, 20, 4), random_traces(draw, 4, 4), jnp.float32(1.0)
    kinds = EligibilitySynapse(0.0, residual=0.05, residual_half=0.1), EligibilitySynapse(0.0)
    some, none = (stacked(frame_update(s, before, activity(spikes), psi, leak, keep)) for s in kinds)
    assert np.all(some[:, :3] > none[:, :3])
    assert np.array_equal(some[:, 3], none[:, 3])  # no pulses on the bias line


def test_factors_are_exact_where_lines_do_not_change():
    """Every line spikes at every tick from its filter's steady value on; cells charge and leak as they like."""
    draw, ticks, lines, cells = np.random.default_rng(3), 50, 4, 6
    synapse = EligibilitySynapse(1.0, tau_pre=10e-9)
    steady = 1.0 / -np.expm1(-2e-9 / 10e-9)
    charge = jnp.asarray(draw.random(lines), jnp.float32)
    given = activity(np.ones((ticks, lines)), jnp.full(lines, steady, jnp.float32), charge)
    exact, factors = Traces.zeros(lines + 1, cells), FACTORS.Factors.zeros(lines + 1, cells)
    for frame in range(3):
        psi = random_traces(draw, ticks, cells)
        leak = jnp.asarray(0.1 * draw.random((ticks, cells)), jnp.float32)
        keep = jnp.float32(frame > 0)
        exact = tick_update(synapse, exact, given, psi, leak, keep)
        factors = FACTORS.factorised_update(synapse, factors, given, psi, leak, keep)
    rows = [factors.row(jnp.int32(k)) for k in range(lines + 1)]
    np.testing.assert_allclose(np.stack([stacked(row) for row in rows], axis=1), stacked(exact), rtol=2e-4)
