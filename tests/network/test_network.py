"""The step and the simulator: plasticity gate, resets, chunks, controls, records, refusals."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import InputError, LearningDiverged, ScoreError
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.neuron_ideal import IdealNeuron
from neuromorph.models.noise import noise_of
from neuromorph.network import head
from neuromorph.network.config import LearningConfig, NetworkConfig
from neuromorph.network.hardware import hardware_listing
from neuromorph.network.simulate import simulate, with_slow_weights
from neuromorph.network.state import rest
from neuromorph.network.stream import shuffled_frames, stream_of
from tests.network.toys import CELLS, NOTES, toy, toy_config, toy_nominal, tune, tunes

KEY = jax.random.key(0)
NOISE = noise_of(Library.shipped().models(), Frame(), 2.0)
EVERYTHING = ("cell_counts", "cell_spikes", "c", "feature_spikes", "note_spikes")


def listen(network, state, stream, plasticity=0.0, rate=0.1):
    """Run padded to 64 frames, recording everything: one compilation for all tests."""
    state, seen = simulate(
        network, state, stream.padded(64), plasticity=plasticity, rate=rate, key=KEY, record=EVERYTHING
    )
    return state, {name: values[: len(stream)] for name, values in seen.items()}


@pytest.fixture(scope="module")
def small():
    return toy(joint=True)


def test_plasticity_is_a_gate_of_the_same_step(small):
    network, state = small
    stream = stream_of(tunes(2))
    after, off = listen(network, state, stream, 0.0)
    for name in ("fast", "slow", "feedback"):
        same = jax.tree.map(jnp.array_equal, getattr(after, name), getattr(state, name))
        assert all(jax.tree.leaves(same)), name
    assert jnp.array_equal(after.features.weights, state.features.weights)
    after, on = listen(network, state, stream, 1.0)
    for a, b in zip(jax.tree.leaves(after.fast), jax.tree.leaves(state.fast), strict=True):
        assert not jnp.array_equal(a, b)
    assert not jnp.array_equal(after.features.weights, state.features.weights)
    assert on["nll"][0] == pytest.approx(off["nll"][0], rel=1e-3)  # first prediction precedes learning


def test_listening_in_parts_is_listening_at_once(small):
    network, state = small
    stream = stream_of([tune(129)])
    between, first = listen(network, state, stream.part(0, 64))
    end, rest = listen(network, between, stream.part(64, 128))
    whole, all_at_once = simulate(network, state, stream, plasticity=0.0, rate=0.0, key=KEY)
    assert np.allclose(np.concatenate([first["nll"], rest["nll"]]), all_at_once["nll"], rtol=1e-5)
    assert np.allclose(end.cells.c, whole.cells.c, atol=1e-6)


def test_a_new_piece_starts_from_rest(small):
    network, state = small
    _, twice = listen(network, state, stream_of([tune(17), tune(17)]))
    assert np.allclose(twice["nll"][:16], twice["nll"][16:], rtol=1e-4)


def test_memory_carries_over_frames_and_the_control_has_none():
    roll = np.vstack([tune(9, 0)[:1], tune(9, 1)])
    other = roll.copy()
    other[0] = np.roll(other[0], 5)
    for memory, differs in ((True, True), (False, False)):
        network, state = toy(memory=memory, joint=True)
        read = [listen(network, state, stream_of([r]))[1]["read"] for r in (roll, other)]
        assert (np.abs(read[0][2] - read[1][2]).max() > 1e-6) == differs


def test_records_have_their_shapes(small):
    network, state = small
    _, seen = listen(network, state, stream_of([tune(6)]))
    ticks = network.config.frame.ticks
    assert seen["probability"].shape == (5, NOTES)
    assert seen["cell_spikes"].shape == (5, ticks, CELLS)
    assert np.array_equal(seen["cell_spikes"].sum(axis=1), seen["cell_counts"])
    assert np.array_equal(seen["cell_counts"].sum(axis=1), seen["cells"])
    assert np.all(seen["notes"] == 2 * network.config.frame.input_spikes)


def test_unknown_record_is_refused(small):
    with pytest.raises(InputError, match="cell_spikes"):
        simulate(*small, stream_of([tune(6)]), plasticity=0.0, rate=0.0, key=KEY, record=("voltage",))


def test_a_broken_loss_is_reported(small):
    network, state = small
    broken = replace(state, fast=replace(state.fast, bias=state.fast.bias.at[0].set(jnp.nan)))
    with pytest.raises(LearningDiverged, match="not finite"):
        listen(network, broken, stream_of([tune(6)]))


def test_a_loss_beyond_all_reason_is_divergence(small):
    network, state = small
    wild = replace(state, fast=replace(state.fast, bias=state.fast.bias + 60.0))
    stream = stream_of([tune(40)])
    with pytest.raises(LearningDiverged, match="tossing coins"):
        simulate(network, wild, stream, plasticity=1.0, rate=1e-6, key=KEY)
    simulate(network, wild, stream, plasticity=0.0, rate=0.0, key=KEY)  # listening only is no learning


def test_a_weight_that_is_not_finite_is_divergence(small):
    network, state = small
    broken = replace(state.slow, lateral=state.slow.lateral.at[0, 1].set(jnp.nan))
    with pytest.raises(LearningDiverged, match="weight is not finite"):
        simulate(
            network, replace(state, slow=broken), stream_of([tune(10)]), plasticity=1.0, rate=0.01, key=KEY
        )


def test_at_most_k_features_win_a_frame(small):
    network, state = small
    _, seen = listen(network, state, stream_of(tunes(2)), 1.0)
    winners = (seen["feature_spikes"].sum(axis=1) > 0).sum(axis=1)
    assert 1 <= winners.max() <= network.config.features.winners


def test_slow_weights_are_what_frozen_evaluation_reads(small):
    network, state = small
    learned, _ = listen(network, state, stream_of(tunes(2)), 1.0)
    frozen = with_slow_weights(learned)
    assert jnp.array_equal(frozen.fast.gates, learned.slow.gates)
    assert not jnp.array_equal(learned.slow.gates, learned.fast.gates)


def test_nominal_slow_weights_lie_on_the_grid():
    network, state = toy(blocks=toy_nominal(), joint=True)
    learned, _ = listen(network, state, stream_of(tunes(2)), 1.0)
    steps = np.asarray(learned.slow.gates) / (6 / 64)
    assert np.allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(learned.fast.gates).max() <= 3.0


def test_joint_sampling_follows_the_joint_probability():
    network, state = toy(joint=True)
    draw = np.random.default_rng(0)
    lateral = jnp.asarray(np.triu(draw.normal(0, 2, (NOTES, NOTES)), 1), jnp.float32)
    weights = replace(state.fast, lateral=lateral)
    read = jnp.asarray(draw.random(CELLS), jnp.float32)
    keys = jax.random.split(KEY, 4000)
    blocks = network.blocks
    frames, p = jax.vmap(lambda k: head.sample(network.config, blocks, weights, read, jnp.float32(1.0), k))(
        keys
    )
    y = jax.vmap(lambda t: head.logits(network.config, blocks, weights, read, t))(frames)
    assert np.allclose(jax.nn.sigmoid(y), p, atol=1e-4)
    assert np.allclose(frames.mean(axis=0), p.mean(axis=0), atol=0.04)


def test_nll_is_the_binary_cross_entropy():
    y, t = np.array([0.3, -2.0, 4.0]), np.array([1.0, 0.0, 1.0])
    p = 1 / (1 + np.exp(-y))
    expected = -np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))
    assert head.nll(jnp.float32(y), jnp.float32(t)) == pytest.approx(expected, rel=1e-5)


def test_stream_pairs_each_frame_with_its_successor():
    pieces = tunes(2, frames=5)
    stream = stream_of(pieces)
    assert np.array_equal(stream.targets[:4], pieces[0][1:])
    assert list(np.flatnonzero(stream.reset)) == [0, 4]
    padded = stream.padded(16)
    assert (len(padded), padded.valid.sum()) == (16, 8)


def test_pieces_of_one_frame_are_no_stream():
    with pytest.raises(ScoreError, match="two frames"):
        stream_of([tune(1)])


def test_shuffling_keeps_the_frames_of_a_piece():
    (shuffled,) = shuffled_frames([tune(20)], seed=1)
    assert not np.array_equal(shuffled, tune(20))
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, tune(20)))


def test_config_survives_json():
    config = toy_config(joint=True)
    assert NetworkConfig.from_dict(config.to_dict()) == config
    hash(config)


def test_listing_names_blocks_only_for_hardware():
    network, _ = toy(blocks=toy_nominal())
    ideal = hardware_listing(network, fidelity="ideal")
    assert {row.block for row in ideal} == {"ideal"}
    nominal = hardware_listing(network, fidelity="nominal")
    blocks = {row.block for row in nominal}
    assert {
        "memory_cell",
        "stdp_synapse",
        "excitatory_synapse",
        "eligibility_synapse",
        "error_unit",
    } <= blocks
    # the toy's neurons are ideal integrators, and the listing says so
    assert [row.name for row in nominal if row.block == "ideal"] == ["cells.neuron", "features.neuron"]
    assert isinstance(network.blocks.cell_neuron, IdealNeuron)


def test_listing_covers_every_state(small):
    _, state = small
    listed = " ".join(row.name for row in hardware_listing(small[0], fidelity="nominal"))
    for part in ("cells", "features", "lines"):
        for name in vars(getattr(state, part)):
            kept_by_the_program = name in ("last_spikes", "heard")
            assert f"{part}.{name}" in listed or kept_by_the_program, f"{part}.{name}"


@pytest.mark.parametrize("wrong", [{"cells": 0}, {"learning": LearningConfig(dropout=1.0)}], ids=str)
def test_an_impossible_network_is_refused(wrong):
    with pytest.raises(InputError):
        toy_config(**wrong)


def test_nominal_traces_and_cells_stay_in_their_range():
    """A cell that never forgets: the residual charge of its lines' spikes must not run away with its traces."""
    blocks = toy_nominal(eligibility_synapse={"residual": 0.05})
    network, state = toy(blocks=blocks)
    closed = state.fast.gates.at[-1, CELLS : 2 * CELLS].set(30.0)  # forget gates
    charged = closed.at[-1, :CELLS].set(10.0).at[-1, 3 * CELLS :].set(10.0)
    after, _ = listen(
        network, replace(state, fast=replace(state.fast, gates=charged)), stream_of([tune(300)])
    )
    traces = np.stack([np.asarray(leaf) for leaf in jax.tree.leaves(after.eligibility)])
    assert np.asarray(blocks.eligibility.held(traces)).max() == float(blocks.eligibility.largest)
    assert traces.max() < 1e3  # a frame's growth; unheld, 300 frames make it infinite
    assert np.abs(np.asarray(after.cells.c)).max() <= float(blocks.cell.rail)
    assert np.asarray(after.cells.c).max() > 5.0


def test_noise_changes_spikes_and_the_same_key_repeats_it():
    network, state = toy(blocks=toy_nominal())
    noisy = replace(network, blocks=replace(network.blocks, noise=NOISE))
    stream = stream_of([tune(40)])

    def spikes(net, seed):
        _, seen = simulate(
            net, state, stream, plasticity=0.0, rate=0.0, key=jax.random.key(seed), record=("cell_spikes",)
        )
        return seen["cell_spikes"]

    assert np.array_equal(spikes(network, 0), spikes(network, 1))
    assert np.array_equal(spikes(noisy, 0), spikes(noisy, 0))
    assert not np.array_equal(spikes(noisy, 0), spikes(noisy, 1))
    assert spikes(noisy, 0).sum() == pytest.approx(spikes(network, 0).sum(), rel=0.2)  # it jitters, no more


def test_a_state_put_to_rest_elsewhere_still_loses_its_traces_with_the_next_piece():
    """Lines without traces are passed over: those that had some before a rest are not among them."""
    network, state = toy()
    state, _ = simulate(network, state, stream_of(tunes(1)), plasticity=1.0, rate=0.05, key=jax.random.key(0))
    assert float(jnp.abs(state.eligibility.g_up).sum()) > 0
    state = rest(network.config, network.blocks, state, jnp.bool_(True))
    silent = stream_of(tunes(1)).part(0, 1)  # begins a piece
    silent = replace(silent, levels=0.0 * silent.levels)
    after, _ = simulate(network, state, silent, plasticity=0.0, rate=0.0, key=jax.random.key(0))
    notes = network.config.notes
    assert not np.asarray(after.lines.heard)[:notes].any()
    assert float(jnp.abs(after.eligibility.g_up[:notes]).sum()) == 0.0
