"""A chip's instances: what they are drawn from, and that without mismatch they are the design."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.characterization.corner_table import read_corners
from neuromorph.characterization.corners import ZERO_CELSIUS, Corner
from neuromorph.devices.variation import REFERENCE_TUBES
from neuromorph.errors import InputError, LibraryError, OutOfRange
from neuromorph.fitting.dendrite_design import LOWEST_BIAS, conductance
from neuromorph.fitting.eligibility import update
from neuromorph.fitting.neuron_form import DEAD_TERMS, DEAD_TIMES
from neuromorph.fitting.pulse_pairs import LONGEST
from neuromorph.fitting.readout import V_LINE, crowd_share
from neuromorph.library import Library
from neuromorph.models.diehl import TRACE_UNIT
from neuromorph.models.gate import TANH_UNIT
from neuromorph.models.library_blocks import BLOCKS, blocks_for, chip_blocks
from neuromorph.models.mismatch import DRAWN, Chip, Sizes, _refractory, read_variation
from neuromorph.models.moved_blocks import moved_blocks
from neuromorph.models.pytree import as_float32
from neuromorph.models.update_rates import UpdateRates
from neuromorph.models.weight_readout import WeightReadout
from neuromorph.network.simulate import build_network, simulate
from neuromorph.network.stream import stream_of
from neuromorph.plasticity.three_factor import delta_update
from tests.network.toys import CELLS, NOTES, thresholds, toy_config, tunes

CONFIG = toy_config(joint=True)
FEATURES = CONFIG.features.neurons
SIZES = Sizes(NOTES, FEATURES, CELLS)
LIBRARY = Library.shipped()


def chip(mismatch, number=0, **scale):
    return chip_blocks(Chip(mismatch, number, scale), SIZES, CONFIG.frame, LIBRARY)[0]


def heard(blocks, plasticity):
    odds = np.full(NOTES, -2.0, np.float32)
    network, state = build_network(CONFIG, blocks, seed=0, log_odds=odds, thresholds=thresholds(CONFIG))
    stream = stream_of(tunes(2))
    return simulate(network, state, stream, plasticity=plasticity, rate=0.05, key=jax.random.key(0))


@pytest.mark.parametrize(("plasticity", "frames"), [(0.0, 64), (1.0, 12)])
def test_a_chip_without_mismatch_is_the_nominal_network(plasticity, frames):
    """Spike for spike while it listens; learning amplifies rounding."""
    nominal, _ = blocks_for("nominal", CONFIG.frame, LIBRARY)
    (_, usual), (_, drawn) = heard(nominal, plasticity), heard(chip(0.0), plasticity)
    assert np.array_equal(usual["cells"][:frames], drawn["cells"][:frames])
    assert np.allclose(usual["probability"][:frames], drawn["probability"][:frames], atol=1e-3)


def test_draws_are_the_chips_own_and_come_again():
    one, again, other = chip(0.1), chip(0.1), chip(0.1, 1)
    assert all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (one, again)), strict=True))
    assert not np.allclose(one.tanh.amplitude_up, other.tanh.amplitude_up)
    assert np.isfinite(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(chip(0.3))])).all()


def test_a_blocks_draws_do_not_depend_on_another_block():
    whole, without = chip(0.2), chip(0.2, eligibility_synapse=0.0)
    assert np.array_equal(whole.cell.charge_rate, without.cell.charge_rate)
    assert np.ptp(np.asarray(without.gate_rates.rate)) < 1e-6
    assert np.ptp(np.asarray(whole.gate_rates.rate)) > 0.1


def test_instances_spread_as_their_transistors_do():
    """Log rate of the gates' updates: standard deviation as the sensitivities say, within four of its own."""
    mismatch = 0.05
    known = read_variation()["eligibility_synapse"]
    rate = np.log(np.asarray(chip(mismatch).gate_rates.rate))
    expected = known.spread(mismatch)["rate"]
    assert rate.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * rate.size))


def test_a_lines_trace_is_one_for_all_its_synapses():
    """Decay and width of a trace, and where its amplifier holds it, are its line's."""
    lines, features = 400, 8
    sizes, known = Sizes(lines, features, CELLS), read_variation()["stdp_synapse"]
    diehl = chip_blocks(Chip(0.2), sizes, CONFIG.frame, LIBRARY)[0].diehl
    model = LIBRARY.models("stdp_synapse")["stdp_synapse"]
    for drawn, name in ((diehl.tau_trace, "tau_trace"), (diehl.trace_width, "v_trace_width")):
        assert drawn.shape == (lines,)
        assert np.std(drawn) / np.mean(drawn) == pytest.approx(
            known.spread(0.2)[name] / (1.0 if name in known.scales else model[name]), rel=0.2
        )
    # its offset moves them all, besides what their own amplifiers do
    shift, inside = np.asarray(diehl.shift) * TRACE_UNIT, 0.2 * np.sqrt(REFERENCE_TUBES / known.tubes)
    trace, own = (
        np.linalg.norm((inside * known.slopes[name])[[device.startswith(part) for device in known.devices]])
        * (abs(known.nominal[name]) if name in known.scales else 1.0)
        for name, part in (("v_trace_rest", "xt."), ("v_shift", "xu."))
    )
    assert shift.mean(axis=0).std() == pytest.approx(np.hypot(trace, own / np.sqrt(features)), rel=0.15)
    assert shift.std(axis=0, ddof=1).mean() == pytest.approx(own, rel=0.1)


def test_a_chip_can_be_of_given_transistors():
    known = read_variation()["memory_cell"]
    numbers = np.random.default_rng(5).standard_normal((CELLS, len(known.devices)))
    one, other = (
        chip_blocks(Chip(0.2, n, given={"memory_cell": numbers}), SIZES, CONFIG.frame, LIBRARY)[0]
        for n in (0, 1)
    )
    assert np.array_equal(one.cell.charge_rate, other.cell.charge_rate)
    assert not np.array_equal(one.dendrite.tau_decay, other.dendrite.tau_decay)
    fitted = LIBRARY.models("memory_cell")["memory_cell"]
    moved = known.moved({"i_charge": fitted["i_charge"]}, 0.2 * numbers)
    rate, drawn = moved["i_charge"], np.asarray(one.cell.charge_rate)
    assert drawn / drawn.mean() == pytest.approx(rate / rate.mean(), rel=1e-4)


def test_a_features_updates_share_the_width_of_their_pulse():
    """Only the shapers are off: rates are one a feature, and spread as the width does."""
    features = 400
    others = dict.fromkeys(read_variation(), 0.0) | {"update_shaper": 1.0}
    sizes = Sizes(3, features, CELLS)
    diehl = chip_blocks(Chip(0.2, 0, others), sizes, CONFIG.frame, LIBRARY)[0].diehl
    usual = blocks_for("nominal", CONFIG.frame, LIBRARY)[0].diehl
    for drawn, rate in ((diehl.rate_up, usual.rate_up), (diehl.rate_down, usual.rate_down)):
        of_each = np.asarray(drawn) / float(rate)
        assert np.allclose(of_each, of_each[:, :1], rtol=1e-5)
        # four standard errors of a spread
        spread = read_variation()["update_shaper"].spread(0.2)["width"]
        assert np.log(of_each[:, 0]).std() == pytest.approx(spread, rel=4 / np.sqrt(2 * features))


def test_a_stiffer_dendrite_moves_less_for_spikes_and_bias_alike():
    """A constant stream of charge and the bias line against C dv/dt = I - G v: both settle at I / G."""
    blocks, h = chip(0.2, gate_synapse=0.0), CONFIG.frame.tick_seconds
    share = np.exp(-h / np.asarray(blocks.dendrite.tau_decay))
    usual = np.exp(-h / float(blocks_for("nominal", CONFIG.frame, LIBRARY)[0].dendrite.tau_decay))
    spikes = np.asarray(blocks.cell_readout.gain)[0] / (1 - share)
    bias = np.asarray(blocks.cell_readout.gain)[-1] / (1 - usual)
    np.testing.assert_allclose(spikes, bias, rtol=1e-4)
    assert np.ptp(bias) > 0.5 * bias.mean()


def test_first_weights_are_written_against_the_offsets_of_their_read_outs():
    draw = np.random.default_rng(0)
    wanted, offset = (jnp.asarray(draw.normal(0, 0.1, (3, 5)), jnp.float32) for _ in range(2))
    readout = WeightReadout(2.3, linear=False, largest=1.4, gain=jnp.ones((3, 5)), offset=offset)
    plain = WeightReadout(2.3, linear=False, largest=1.4)
    assert np.allclose(readout.value(readout.first(wanted)), plain.value(wanted), atol=1e-6)
    row = readout.line(readout.first(wanted)[1], jnp.int32(1))
    assert np.allclose(row, plain.value(wanted)[1], atol=1e-6)


def test_mismatch_leaves_an_update_without_a_signal_alone():
    """One tail makes both signs: a rate of its own, nothing without a signal, and both signs alike."""
    draw = np.random.default_rng(1)
    rates = UpdateRates(jnp.asarray(draw.lognormal(0.0, 0.5, (2, 3)), jnp.float32))
    activity = jnp.float32([2.0, 0.5])
    signal = np.float32([-0.5, 0.0, 0.5])
    moved = delta_update(jnp.asarray(signal), activity, rates)
    np.testing.assert_allclose(
        moved, np.asarray(activity)[:, None] * np.asarray(rates.rate) * signal, rtol=1e-6
    )
    assert np.all(np.asarray(moved)[:, 1] == 0)
    np.testing.assert_array_equal(moved, -delta_update(jnp.asarray(-signal), activity, rates))
    assert np.array_equal(UpdateRates().moved(signal), signal)


def test_a_slow_units_error_ends_with_its_conversion():
    """Gains are drawn, and no pulse outlasts the 22 ns in which it is made."""
    unit, nominal = chip(0.2).learning, blocks_for("nominal", CONFIG.frame, LIBRARY)[0].learning
    usual = LIBRARY.read("error_unit").fit.parameters
    limit = (LONGEST - usual["base"]) / (0.5 * (usual["time_up"] + usual["time_down"]))
    assert unit.error_limit == pytest.approx(limit)
    assert nominal.error_limit is None
    slow = replace(unit, error_up=jnp.float32(1.5 * limit), error_down=jnp.float32(1.5 * limit))
    probability = jnp.linspace(0.0, 1.0, 11)
    for teacher, sign in ((0.0, 1.0), (1.0, -1.0)):
        wrong = probability if teacher == 0 else 1 - probability
        expected = sign * np.minimum(1.5 * limit * wrong, limit)
        np.testing.assert_allclose(slow.error(probability, jnp.float32(teacher)), expected, atol=1e-5)


def test_twins_that_are_not_seen_alike_leave_an_eligibility_where_both_are_equal():
    """Against the fitted law, whose positive trace counts exp(b / 2) times."""
    model = LIBRARY.models("eligibility_synapse")["eligibility_synapse"]
    synapse = blocks_for("nominal", CONFIG.frame, LIBRARY)[0].eligibility
    up, down, b = np.float32([0.3, 0.1, 2.0]), np.float32([0.1, 0.1, 0.0]), 0.4
    seen = synapse.twin(jnp.asarray(up), jnp.asarray(down), jnp.float32(np.exp(b / 2)))
    floor = float(synapse.floor)
    law = update(dict(model) | {"twin": b}, up + floor, down + floor, 1.0) / model["rate"]
    np.testing.assert_allclose(seen, law, rtol=1.5e-2)  # what the step's rational power leaves
    assert float(seen[1]) > 0.01


@pytest.fixture
def corners(tmp_path):
    """Tables of all blocks that say nothing, but that the cell's charging doubles at 85 C and is a tenth less at 0.72 V."""
    for block in DRAWN:
        known = read_corners(block)
        values = {name: np.ones_like(rows) for name, rows in known.values.items()}
        if block == "memory_cell":
            values["i_charge"][-1] *= 2.0
            values["i_charge"][:, 0] *= 0.9
        file = tmp_path / f"{block}.json"
        file.write_text(json.dumps(replace(known, values=values).to_dict()))
    return tmp_path


def test_a_chip_has_a_temperature_and_a_supply(corners):
    def gains(**conditions):
        made, _ = chip_blocks(Chip(0.1, 3, **conditions), SIZES, CONFIG.frame, LIBRARY, corners=corners)
        return np.asarray(made.cell.charge_rate)

    np.testing.assert_allclose(gains(celsius=85.0), 2.0 * gains(), rtol=1e-5)
    np.testing.assert_allclose(gains(supply=0.72), 0.9 * gains(), rtol=1e-5)
    with pytest.raises(OutOfRange, match="0 to 85 C"):
        gains(celsius=120.0)
    with pytest.raises(OutOfRange, match=r"0\.72 to 0\.88 V"):
        gains(supply=1.0)


def leaves(blocks):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(blocks)]


def test_blocks_moved_nowhere_are_the_nominal_ones():
    models, nominal = LIBRARY.models(*BLOCKS), blocks_for("nominal", CONFIG.frame, LIBRARY)[0]
    moved = as_float32(moved_blocks(nominal, models, models, CONFIG.frame))
    for one, other in zip(leaves(nominal), leaves(moved), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_what_no_instance_has_of_its_own_moves_with_the_corner():
    """Against the models there: time constants of a feature's synapse, and what eight pulses leave each other."""
    corner = Corner(350.0, 0.76)
    usual = LIBRARY.models("excitatory_synapse", "gate_synapse", "dendritic_adder")
    there = {block: read_corners(block).at(usual[block], corner) for block in usual}
    made = chip_blocks(
        Chip(0.0, 0, celsius=corner.kelvin - ZERO_CELSIUS, supply=corner.supply), SIZES, CONFIG.frame, LIBRARY
    )[0]
    nominal = blocks_for("nominal", CONFIG.frame, LIBRARY)[0]
    for name in ("tau_decay", "tau_release", "facilitation"):
        assert float(getattr(made.feature_synapse, name)) == pytest.approx(
            there["excitatory_synapse"][name], rel=1e-5
        )
    for blocks, models in ((nominal, usual), (made, there)):
        left = blocks.note_dendrite.crowded(0.0, jnp.float32(8.0))[1]
        assert float(left) == pytest.approx(
            1 / (1 + 7 * crowd_share(models["gate_synapse"], V_LINE)), rel=1e-5
        )
        ratio = blocks.note_dendrite.tau_decay / CONFIG.frame.tau_read
        conductances = [conductance(m["dendritic_adder"], LOWEST_BIAS, TANH_UNIT) for m in (usual, models)]
        assert float(ratio) == pytest.approx(conductances[0] / conductances[1], rel=1e-5)
    # a warmer column is faster
    assert made.dendrite.tau_rise < nominal.dendrite.tau_rise


@pytest.mark.parametrize(("celsius", "supply"), [(0.0, 0.72), (0.0, 0.88), (85.0, 0.72), (85.0, 0.88)])
def test_chips_of_20_percent_run_at_every_corner(celsius, supply):
    """None of a hundred neurons fires before its dead time is over."""
    sizes = Sizes(NOTES, FEATURES, 100)
    made, _ = chip_blocks(Chip(0.2, 1, celsius=celsius, supply=supply), sizes, CONFIG.frame, LIBRARY)
    assert np.isfinite(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(made)])).all()
    assert 1 <= made.cell_neuron.substeps <= 12


@pytest.mark.parametrize(("shift", "share"), [(-2.0, 0.4), (-0.4, 0.6), (0.5, 1.5)])
def test_no_instances_dead_time_falls_below_a_share_of_the_designs(shift, share):
    """A shift of every value by the same share is one of the whole: what is left of it, at any current."""
    model = LIBRARY.models("axon_hillock")["axon_hillock"]
    names = [f"dead_time_{k}" for k in range(DEAD_TERMS)]
    own = {**model, **{name: np.array([model[name] * (1 + shift)]) for name in DEAD_TIMES}}
    held = _refractory(own, model)
    for x in (0.0, 0.4, 1.0):
        time, design = (sum(p[name] * x**k for k, name in enumerate(names)) for p in (held, model))
        np.testing.assert_allclose(time / design, share, rtol=1e-9)


def test_what_is_refused(tmp_path):
    for mismatch in (-0.1, 5.0, float("nan")):
        with pytest.raises(InputError, match="mismatch"):
            Chip(mismatch)
    with pytest.raises(InputError, match="no factor of axon"):
        Chip(0.1, scale={"axon": 1.0})
    with pytest.raises(LibraryError, match="no sensitivities"):
        read_variation(tmp_path)
    (tmp_path / "memory_cell.json").write_text(json.dumps({"block": "memory_cell"}))
    with pytest.raises(LibraryError, match="is no sensitivity"):
        read_variation(tmp_path)
    with pytest.raises(InputError, match="chip_blocks"):
        blocks_for("mismatch", CONFIG.frame, LIBRARY)
