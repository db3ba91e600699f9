"""Closed forms of the blocks: curves, slopes, units, limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import InputError
from neuromorph.models.delta_synapse import USUAL_READ, DeltaSynapse, delta_synapse
from neuromorph.models.diehl import DiehlSynapse
from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.frame import Frame
from neuromorph.models.gate import SigmoidGate, TanhGate
from neuromorph.models.memory_cell import MemoryCell
from neuromorph.models.neuron_ideal import IdealNeuron
from neuromorph.models.pytree import as_float32
from neuromorph.models.synapse import SpikeSynapse
from neuromorph.models.weight_store import WeightStore

Z = np.linspace(-4, 4, 41)


@pytest.mark.parametrize(
    "gate",
    [SigmoidGate(1.1, 0.2, 0.9, 0.01), TanhGate(1.0, 1.0, 0.1, 1.1)],
    ids=["sigmoid", "tanh"],
)
def test_slope_is_the_derivative_of_the_curve(gate):
    value = np.asarray(gate.value(jnp.asarray(Z, jnp.float32)))
    numeric = np.gradient(value, Z)[2:-2]
    slope = np.asarray(gate.slope(jnp.asarray(value)))[2:-2]
    assert np.max(np.abs(slope - numeric)) < 0.02


def test_closed_gate_leaves_its_floor():
    assert SigmoidGate(floor=3e-4).value(jnp.float32(-40.0)) == pytest.approx(3e-4)


def test_amplifier_directions_have_their_own_gain():
    gate = TanhGate(amplitude_up=1.0, amplitude_down=0.5)
    assert gate.value(jnp.float32(9.0)) == pytest.approx(1.0)
    assert gate.value(jnp.float32(-9.0)) == pytest.approx(-0.5)


def run_cell(cell, c, gate, ticks=50, seconds=2e-9, charge=0.0):
    for _ in range(ticks):
        c = cell.step(jnp.float32(c), jnp.float32([charge, gate]), jnp.float32(1.0), seconds)
    return float(c)


@pytest.mark.parametrize("gate", [0.05, 0.3, 1.0])
def test_a_frame_keeps_the_circuits_forget_factor(gate):
    cell = MemoryCell(leak_rate=0.8 / 100e-9, charge_rate=1e7)
    assert run_cell(cell, 0.5, gate) == pytest.approx(0.5 * np.exp(-0.8 * gate), rel=1e-4)


def test_cell_settles_at_its_rest():
    cell = MemoryCell(leak_rate=8e6, charge_rate=1e7, rest=-0.3)
    assert run_cell(cell, 1.0, 1.0, ticks=2000) == pytest.approx(-0.3, abs=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_railed_cell_that_is_charged_on_and_on_ends_at_its_rail(sign):
    """From below: the current to the rail falls with the distance left, an e-fold in v_h / k_in = 65 ns."""
    cell = MemoryCell(leak_rate=0.0, charge_rate=1e7, rail=6.15, headroom=0.65, railed=True)
    c, ends = 0.0, []
    for _ in range(60):
        for _ in range(50):
            c = cell.step(c, jnp.float32([1.0, 0.0]), jnp.float32(sign), 2e-9)
        ends.append(float(c) * sign)
    assert np.all(np.diff(ends) >= 0)
    assert ends[-1] <= 6.15 + 1e-5
    assert ends[-1] == pytest.approx(6.15, abs=1e-3)
    # far from the rails the product is the candidate: after a frame, all but a part in (v_h / rail)^2
    assert ends[0] == pytest.approx(1.0, abs=0.02)


def test_a_railed_cell_does_not_fall_below_its_rail():
    cell = MemoryCell(leak_rate=0.0, charge_rate=1e7, drift_rate=1e7, rail=6.15, headroom=0.65, railed=True)
    c = cell.step(jnp.float32(-6.1), jnp.zeros(2), jnp.float32(0.0), 1e-7)
    assert float(c) == pytest.approx(-6.15)


def test_saturating_leak_is_slower_at_large_swing():
    linear = MemoryCell(leak_rate=8e6, charge_rate=1e7)
    saturating = MemoryCell(leak_rate=8e6, charge_rate=1e7, leak_width=1.0)
    assert run_cell(saturating, 2.0, 1.0) > run_cell(linear, 2.0, 1.0) + 0.2
    assert run_cell(saturating, 0.05, 1.0) == pytest.approx(run_cell(linear, 0.05, 1.0), rel=1e-3)


@pytest.mark.parametrize("tau_rise", [0.0, 1e-9, 4e-9])
def test_charge_of_a_spike_does_not_depend_on_the_rise(tau_rise):
    synapse, rise, current, total = SpikeSynapse(10e-9, tau_rise), jnp.zeros(1), jnp.zeros(1), 0.0
    for tick in range(200):
        rise, current = synapse.step(rise, current, jnp.ones(1) * (tick == 0), 2e-9)
        total += float(current[0])
    assert total == pytest.approx(1 / (1 - np.exp(-0.2)), rel=1e-4)


def test_a_line_that_just_fired_releases_more():
    synapse = SpikeSynapse(10e-9, facilitation=0.5)
    assert synapse.release(jnp.float32(1.0)) == pytest.approx(1.5)
    assert synapse.release(jnp.float32(0.0)) == 1.0


@given(drive=st.floats(0.02, 1.0), dead=st.floats(2e-9, 20e-9), tick=st.sampled_from([0.5e-9, 1e-9, 2e-9]))
@settings(max_examples=20, deadline=None)
def test_tonic_interval_is_exact_below_the_tick(drive, dead, tick):
    neuron = as_float32(IdealNeuron(rate=64 / 100e-9, dead_seconds=dead, tick_seconds=tick))
    steps = 4000
    drives = jnp.full((steps, 1), drive, jnp.float32)
    spikes = np.flatnonzero(jax.lax.scan(neuron.step, neuron.initial(1), drives)[1][:, 0])
    interval = 1 / (64 / 100e-9 * drive) + dead
    if len(spikes) > 5:
        mean = (spikes[-1] - spikes[0]) * tick / (len(spikes) - 1)
        assert mean == pytest.approx(interval, abs=1.01 * tick / (len(spikes) - 1) + 2e-3 * interval)


def test_silent_neuron_stays_silent():
    neuron = IdealNeuron(6.4e8, 5e-9, 2e-9)
    _, spikes = jax.lax.scan(neuron.step, neuron.initial(3), jnp.zeros((100, 3)))
    assert not spikes.any()


@given(w=st.floats(0, 0.98), x=st.floats(0, 2), mu=st.sampled_from([0.5, 1.0, 1.5]))
@settings(max_examples=30, deadline=None)
def test_wide_separable_rule_is_diehls_rule(w, x, mu):
    rule = as_float32(DiehlSynapse(rate_up=0.02, rate_down=0.02, mu_up=mu, mu_down=mu))
    change = float(rule.change(jnp.float32([w]), jnp.float32([x]), 0.4)[0])
    assert change == pytest.approx(0.02 * (x - 0.4) * (1 - w) ** mu, abs=2e-6)


def test_sign_change_moves_with_the_shift():
    rule = DiehlSynapse(shift=0.1)
    assert rule.change(jnp.float32([0.5]), jnp.float32([0.45]), 0.4)[0] < 0
    assert rule.change(jnp.float32([0.5]), jnp.float32([0.55]), 0.4)[0] > 0


def test_no_change_above_the_effective_stop():
    rule = DiehlSynapse(stop_up=0.6)
    assert abs(float(rule.change(jnp.float32([0.7]), jnp.float32([1.0]), 0.4)[0])) < 1e-6


def test_stochastic_rounding_is_unbiased_and_on_the_grid():
    store = as_float32(WeightStore(follow=1.0, bound=2.0, bits=6))
    fast = jnp.full((100, 200), 0.7, jnp.float32)
    slow = np.asarray(store.transfer(fast, jnp.zeros_like(fast), jnp.float32(1.0), jax.random.key(0)))
    assert np.allclose(slow / (4 / 64), np.round(slow / (4 / 64)))
    assert slow.mean() == pytest.approx(0.7, abs=2e-3)


def test_unbounded_store_changes_nothing_but_follows():
    store = as_float32(WeightStore())
    fast, slow = jnp.float32([5.0]), jnp.float32([1.0])
    assert store.clip(fast)[0] == 5.0
    assert store.return_charge(fast, slow)[0] == 5.0
    assert store.age(fast, jnp.zeros(1), 64.0)[0] == 5.0
    assert store.transfer(fast, slow, jnp.float32(1), jax.random.key(0))[0] == pytest.approx(1 + 0.032 * 4)


def test_a_fast_weight_leaks_to_zero_and_is_pulled_to_its_stored_value():
    store = WeightStore(leak=1e-3, pull=0.1)
    assert np.allclose(store.age(jnp.float32([0.5, -0.5]), jnp.zeros(2), 10.0), [0.495, -0.495])
    assert np.allclose(store.age(jnp.zeros(2), jnp.float32([1e-3, -1e-3]), 10.0), [0.01, -0.01])
    pulled = store.return_charge(jnp.float32([0.6, 0.4]), jnp.float32([0.5, 0.5]))
    assert np.allclose(pulled, [0.59, 0.41])


def test_compressed_update_is_bounded_and_odd():
    synapse = EligibilitySynapse(1.0, compression=1.0)
    assert 0.9 < float(synapse.twin(jnp.float32(50.0), jnp.float32(0.0))) < 1.0
    assert synapse.twin(jnp.float32(1.0), jnp.float32(3.0)) == -synapse.twin(
        jnp.float32(3.0), jnp.float32(1.0)
    )


def test_line_charge_gives_unit_current_at_any_tick():
    for ticks in (25, 50, 200):
        frame = Frame(ticks=ticks)
        decay = np.exp(-frame.tick_seconds / frame.tau_synapse)
        mean = frame.input_spikes * frame.line_charge(frame.input_spikes) / (1 - decay) / ticks
        assert mean == pytest.approx(1.0)


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": 0.0}, {"ticks": 0}, {"input_spikes": 51}, {"dead_seconds": -1e-9}, {"dead_seconds": 0.0}],
    ids=str,
)
def test_an_impossible_frame_is_refused(wrong):
    with pytest.raises(InputError):
        Frame(**wrong)


def test_a_delta_update_is_the_read_out_at_ideal_and_bends_on_hardware():
    read = jnp.linspace(0.0, 0.4, 9)
    assert np.array_equal(DeltaSynapse().share(read), read)
    hardware = as_float32(delta_synapse(power=0.89, compression=0.97, unit=0.33, floor=1.3e-3))
    share = np.asarray(hardware.share(read))
    assert np.all(np.diff(share) > 0)
    assert np.all(np.diff(share, 2) < 0)
    assert float(hardware.share(jnp.float32(USUAL_READ))) == pytest.approx(USUAL_READ, rel=1e-4)
    assert 0 < share[0] < 0.1 * USUAL_READ  # the floor of a silent line's trace


def test_a_feature_weight_reads_as_a_sigmoid_on_hardware_only():
    weights = jnp.linspace(0.0, 0.6, 7)
    assert np.array_equal(DiehlSynapse().read(weights), weights)
    read = np.asarray(DiehlSynapse(read_zero=0.3, read_width=0.08, linear_read=False).read(weights))
    assert read[3] == pytest.approx(0.5)
    assert np.allclose(read + read[::-1], 1.0, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (4, 6), (4, 1)])
def test_a_line_finds_its_own_column_of_the_feature_weights(shape):
    draw = np.random.default_rng(0)
    weights = jnp.asarray(draw.uniform(0, 0.6, (4, 6)), jnp.float32)
    zero = jnp.asarray(draw.uniform(0.2, 0.4, shape), jnp.float32)
    synapse = DiehlSynapse(read_zero=zero, read_width=0.08, read_gain=1.1, linear_read=False)
    whole = np.asarray(synapse.read(weights))
    for k in range(6):
        assert np.allclose(synapse.line(weights[:, k], jnp.int32(k)), whole[:, k], rtol=1e-6)
