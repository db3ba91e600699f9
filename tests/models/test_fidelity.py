"""SI parameters to design units, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import InputError
from neuromorph.fitting.stdp import LOW_RAIL, POST_LAG, PRE_LAG, change, trace
from neuromorph.library import Library
from neuromorph.models.diehl import TRACE_UNIT, WEIGHT_UNIT
from neuromorph.models.eligibility_synapse import EligibilitySynapse, rational_power
from neuromorph.models.fidelity import ideal_blocks, nominal_blocks
from neuromorph.models.learning_unit import LEARNING_SECONDS
from neuromorph.models.weight_readout import TOLERANCE
from tests.network.toys import FRAME, MODELS, toy_nominal


def test_every_leaf_is_float32():
    for blocks in (ideal_blocks(FRAME), toy_nominal()):
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(blocks))


def test_fitted_volts_become_design_units():
    blocks = toy_nominal()
    assert np.ravel(blocks.gate.width) == pytest.approx([32.8 / 33] * 3)
    assert blocks.tanh.width == pytest.approx(68 / 65)
    assert blocks.cell.rest == pytest.approx(-1 / 65)
    assert blocks.cell.charge_rate == pytest.approx(1 / FRAME.seconds)
    assert blocks.cell.leak_rate == pytest.approx(0.8 / FRAME.seconds)


def test_the_trace_of_the_hardware_is_the_fitted_law_at_every_tick():
    """The step's trace, spikes on ticks, beside the event-driven law that the fit uses; full rate, then silence."""
    p = MODELS["stdp_synapse"]
    on = np.r_[np.arange(20) % 2 == 0, np.arange(20) % 7 == 0, np.zeros(20, bool)]
    h = FRAME.tick_seconds
    law = {k: p[k] for k in ("tau_trace", "v_trace_step", "v_trace_width")}
    at = h * np.arange(len(on))
    expected, ends = (trace(at[on], when, law) / TRACE_UNIT for when in (at + 1e-15, at[[24, -1]] + 1e-15))
    left = np.exp(-(0.5 * h + POST_LAG - PRE_LAG) / p["tau_trace"])
    width = p["v_trace_width"] / TRACE_UNIT
    expected = width * np.arcsinh(np.sinh(expected / width) * left)
    expected = expected - on * p["overlap"] / h * p["v_trace_step"] / TRACE_UNIT
    diehl = toy_nominal().diehl
    first, middle = diehl.traces(jnp.asarray(on[:25, None], jnp.float32), jnp.zeros(1), h)
    second, end = diehl.traces(jnp.asarray(on[25:, None], jnp.float32), middle, h)
    assert np.allclose(np.concatenate([first, second])[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert np.allclose([middle[0], end[0]], ends, rtol=1e-4, atol=1e-5)
    assert float(diehl.rested(end, 3 * h)[0]) == pytest.approx(
        float(diehl.traces(jnp.zeros((3, 1)), end, h)[1][0]), rel=1e-4
    )


def test_an_ideal_line_at_full_rate_holds_its_trace_at_one():
    on = jnp.asarray(np.arange(FRAME.ticks) % 2 == 0, jnp.float32)[:, None]
    diehl, x = ideal_blocks(FRAME).diehl, jnp.zeros(1)
    for _ in range(4):
        x_pre, x = diehl.traces(on, x, FRAME.tick_seconds)
    assert float(x_pre.mean()) == pytest.approx(1.0, rel=0.02)


def test_small_signal_diehl_step_is_the_fitted_one():
    p, volts, x_target = MODELS["stdp_synapse"], 1e-3, 0.4  # of trace difference, at w = 0
    zero = x_target + p["v_shift"] / TRACE_UNIT
    changes = [
        float(toy_nominal().diehl.change(jnp.zeros(1), jnp.float32([x]), x_target)[0]) * WEIGHT_UNIT
        for x in (zero, zero + volts / TRACE_UNIT)
    ]
    want = change(p, np.float64(LOW_RAIL), p["v_shift"] + np.array([0.0, volts]))
    assert changes == pytest.approx(want, rel=1e-3)


def test_depression_ends_above_ground():
    """The law's rest at the deepest depression is where its lost current is all of it, near ground."""
    nominal, ideal = toy_nominal().diehl, ideal_blocks(FRAME).diehl
    w = {name: jnp.float32([0.1]) for name in ("nominal", "ideal")}
    for _ in range(400):
        for name, rule in (("nominal", nominal), ("ideal", ideal)):
            w[name] = rule.moved(w[name], rule.change(w[name], jnp.zeros(1), 0.4))
    rest = float(w["nominal"][0]) - float(nominal.ground)
    assert 0.0 < rest < float(nominal.fade)
    assert float(nominal.change(w["nominal"], jnp.zeros(1), 0.4)[0]) == pytest.approx(0.0, abs=1e-6)
    assert float(w["ideal"][0]) == 0.0


def test_a_missing_block_is_named():
    models = {k: v for k, v in MODELS.items() if k != "memory_cell"}
    with pytest.raises(InputError, match="memory_cell"):
        nominal_blocks(models, FRAME)


def test_a_missing_parameter_is_named():
    models = MODELS | {"stdp_synapse": {"dw_up": 1.0}}
    with pytest.raises(InputError, match=r"stdp_synapse.*dw_down"):
        nominal_blocks(models, FRAME)


def test_a_given_neuron_is_used():
    neuron = ideal_blocks(FRAME).cell_neuron
    assert nominal_blocks(MODELS, FRAME, neuron=neuron).cell_neuron.rate == neuron.rate


def test_two_nodes_of_levels_are_bits_and_the_drift_is_a_leak():
    store = toy_nominal().store
    assert store.bits == 6
    assert float(store.leak * store.bound / (2 * store.bound)) == pytest.approx(8e-7)


def test_the_learning_unit_saturates_at_the_charge_of_its_pair():
    """60 mV on 320 fF, against 7.5 fC for 10 ns at full weight: 16.3 ns through one unit of weight, 30 mV of 71 mV."""
    unit = toy_nominal().learning
    charge = 7.5e-15 * 30 / 71 * 1.63
    assert float(unit.saturation) == pytest.approx(60e-3 * 320e-15 / charge, rel=1e-6)
    offset = float(unit.offset)
    assert offset == pytest.approx(170e-6 * 320e-15 / charge, rel=1e-6)
    assert float(unit.signal(jnp.float32(offset + 1e-3))) == pytest.approx(1e-3, rel=1e-3)
    assert float(unit.signal(jnp.float32(50.0))) == pytest.approx(float(unit.saturation), rel=1e-6)
    assert float(unit.signal(jnp.float32(-50.0))) == pytest.approx(-0.98 * float(unit.saturation), rel=1e-6)


def test_a_right_prediction_gives_no_error_and_sides_have_their_gains():
    unit = toy_nominal().learning
    assert np.allclose(unit.error(jnp.float32([0.0, 1.0]), jnp.float32([0.0, 1.0])), 0.0)
    wrong = unit.error(jnp.float32([1.0, 0.0]), jnp.float32([0.0, 1.0]))
    assert np.allclose(wrong, [16.5 / 16.3, -16.1 / 16.3])


def test_small_weights_read_as_themselves_and_large_ones_bend():
    blocks = toy_nominal()
    readout, bound = blocks.head_readout, float(blocks.store.bound)
    assert float(readout.value(jnp.float32(0.01))) == pytest.approx(0.01, rel=1e-4)
    width = MODELS["gate_synapse"]["v_width"] / 30e-3
    assert float(readout.value(jnp.float32(bound))) == pytest.approx(
        width * np.tanh(bound / width), rel=TOLERANCE / np.tanh(bound / width)
    )
    assert float(ideal_blocks(FRAME).head_readout.value(jnp.float32(40.0))) == 40.0


def test_the_traces_of_an_ideal_network_decay_as_its_cells_do():
    blocks, gates = ideal_blocks(FRAME), jnp.asarray(np.random.default_rng(0).random((20, 3)), jnp.float32)
    h = FRAME.tick_seconds
    assert np.allclose(blocks.eligibility.leak(gates, h), blocks.cell.leak(gates, h), rtol=1e-6)


def test_a_line_that_opens_and_closes_late_leaks_as_much_as_one_without_lag():
    synapse, h = toy_nominal().eligibility, FRAME.tick_seconds
    gates = np.random.default_rng(0).uniform(0.3, 1.0, (20, 3))  # settled within a tick
    leak = np.asarray(synapse.leak(jnp.asarray(gates, jnp.float32), h))
    at_once = h * 0.85 / 100e-9 * gates**0.93
    assert leak.sum(axis=0) == pytest.approx(at_once.sum(axis=0), rel=1e-4)
    lag, rate = 0.07e-9 * 0.85 / 100e-9, gates**0.93
    shut = float(synapse.shut)
    # mirrors in the logarithm: what the line owes is its charge times the e-folds it moves
    assert at_once[0] - leak[0] == pytest.approx(lag * np.log(rate[0] / shut), rel=0.01)
    assert leak[-1] - at_once[-1] == pytest.approx(lag * np.log(rate[-2] / shut), rel=0.01)


def test_what_a_line_carries_when_it_was_shut_is_between_its_rest_and_its_charge_over_the_time():
    shut, lag = float(toy_nominal().eligibility.shut), 0.07e-9
    assert max(2e-4, lag / LEARNING_SECONDS) < shut < 2e-4 + lag / LEARNING_SECONDS


SHIPPED = Library.shipped().models("eligibility_synapse")["eligibility_synapse"]
SHIPPED_POWER = SHIPPED["trace_power"], SHIPPED["trace_bend"]


@pytest.mark.parametrize(
    ("power", "bend"),
    [(0.8, 0.0), (0.9, 0.0), (1.0, 0.0), (0.8, -0.02), (0.9, -0.01), (0.9, -0.02), SHIPPED_POWER],
)
def test_the_power_of_a_trace_is_kept_by_its_rational_form(power, bend):
    synapse = EligibilitySynapse(1.0, power=rational_power(power, bend))
    y = np.geomspace(0.007, 4, 500)
    assert np.allclose(
        synapse.single(jnp.asarray(y, jnp.float32)), y ** (power + bend * np.log(y)), rtol=0.02
    )
