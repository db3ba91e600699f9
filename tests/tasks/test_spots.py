"""Spot check: what is recorded is what the network did, and ngspice agrees with it on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.characterization.recipes import find_recipe, load_recipe
from neuromorph.commands.hardware import SPOT_CIRCUITS
from neuromorph.errors import InputError
from neuromorph.fitting.cell_knobs import read_bias
from neuromorph.library import Library
from neuromorph.models.fidelity import CELL_PULSE, GAIN_PULSE, PULSE_RATIO
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.library_blocks import blocks_for
from neuromorph.models.neuron_hardware import full_scale_current
from neuromorph.network.config import NetworkConfig
from neuromorph.network.step import trace_charges
from neuromorph.plasticity.eligibility import CellRecord, charges
from neuromorph.tasks.run import RunFacts, Schedule, log_odds, new_run
from neuromorph.tasks.spot_benches import Clock
from neuromorph.tasks.spot_dendrites import chosen_dendrites, dendrite_spot
from neuromorph.tasks.spot_records import (
    BARE_LINE,
    RAIL,
    cell_spot,
    chosen_cells,
    chosen_synapses,
    line_spikes,
    record_window,
    standing,
    synapse_spot,
)
from neuromorph.tasks.spots import figures, ordered, spot_check

NOTES, FRAMES = 12, 4
LIBRARY = Library.shipped()


@pytest.fixture(scope="module")
def run():
    """An untrained nominal network of twelve notes and eight cells."""
    config = NetworkConfig(notes=NOTES, cells=8)
    blocks, digest = blocks_for("nominal", config.frame, LIBRARY)
    facts = RunFacts(config, 0, Schedule(1, 0.1, 1.0), "nominal", log_odds([scale()]).tolist(), digest)
    return new_run(Path("unused"), facts, blocks)


def scale(frames=12):
    piece = np.zeros((frames, NOTES), np.float32)
    piece[np.arange(frames), np.arange(frames) % NOTES] = 1.0
    piece[np.arange(frames), (np.arange(frames) + 4) % NOTES] = 1.0
    return piece


@pytest.fixture(scope="module")
def window(run):
    return record_window(run, scale(), FRAMES, 0.1)


def test_dendrites_give_back_the_gates_and_the_candidate(run, window):
    spot, blocks = cell_spot(run.network, window, 3), run.network.blocks
    for k, heard in enumerate(window.heard):
        z = jnp.asarray(
            spot.dendrites[k, :, :3].T / GATE_UNIT * np.array([[1.0], [-1.0], [1.0]]), jnp.float32
        )
        inside = np.abs(spot.dendrites[k]) < RAIL
        gates, g = np.asarray(blocks.gate.value(z)), np.asarray(blocks.tanh.value(jnp.asarray(
            spot.dendrites[k, :, 3] / TANH_UNIT, jnp.float32)))  # fmt: skip
        assert np.allclose(gates.T[inside[:, :3]], heard.cells.gates[:, :, 3][inside[:, :3]], atol=1e-4)
        assert np.allclose(g[inside[:, 3]], heard.cells.g[:, 3][inside[:, 3]], atol=1e-4)


def test_a_dendrite_summed_alone_is_the_one_of_the_network(run, window):
    whole = cell_spot(run.network, window, 3).dendrites
    for gate, unit in enumerate((GATE_UNIT, GATE_UNIT, GATE_UNIT, TANH_UNIT)):
        spot = dendrite_spot(run.network, window, 0, gate, 3)
        inside = np.abs(whole[0, :, gate]) < RAIL
        assert inside.any()
        assert np.allclose(spot.z[inside], whole[0, inside, gate] / unit, atol=2e-3)
        # what pulses take from the node and from each other: some percent, either way
        assert 1e-3 < np.abs(spot.z - spot.lone).max() < 0.2 * np.abs(spot.lone).max()
        assert spot.spikes.sum() == line_spikes(window.states[0], window.heard[0]).sum()


def test_dendrites_are_of_every_gate_and_of_the_cells_given(window):
    found = chosen_dendrites([5, 2], window, 4, np.random.default_rng(0))
    assert sorted(gate for _, gate, _ in found) == [0, 1, 2, 3]
    assert [cell for *_, cell in found] == [5, 2, 5, 2]
    assert all(0 <= frame < FRAMES for frame, *_ in found)


def test_a_synapse_moves_by_its_signal_times_what_it_sees(run, window):
    draw = np.random.default_rng(0)
    line, gate, cell = chosen_synapses(run.network, window, 1, draw)[0]
    spot = synapse_spot(run.network, window, line, gate, cell)
    synapse = run.network.blocks.eligibility
    up, down = (jnp.asarray(spot.traces[:, k], jnp.float32) for k in (0, 1))
    seen = np.asarray(synapse.single(up) if spot.gate == "g" else synapse.twin(up, down))
    assert np.allclose(spot.moved, spot.signal * seen, rtol=1e-2, atol=1e-6)
    assert np.abs(spot.moved).max() > 0
    assert spot.spikes.sum() >= 10


def test_a_window_begins_at_rest(run, window):
    busy = replace(run, state=window.states[-1])
    again = record_window(busy, scale(), 1, 0.1)
    assert np.any(np.asarray(busy.state.cells.neuron.membrane) > 0)
    assert cell_spot(run.network, again, 0).membrane == 0.0
    assert np.all(again.states[0].features.last_spikes == 0)
    assert np.array_equal(again.states[0].fast.gates, busy.state.fast.gates)


def test_a_weight_at_its_end_does_not_hide_the_signal(run):
    bound = float(run.network.blocks.store.bound)
    free = record_window(run, scale(), 2, 0.03)
    held = replace(run.state, fast=replace(run.state.fast, gates=run.state.fast.gates.at[-1].set(bound)))
    ended = record_window(replace(run, state=held), scale(), 2, 0.03)
    for recorded in (free, ended):
        line, gate, cell = chosen_synapses(run.network, recorded, 1, np.random.default_rng(2))[0]
        spot = synapse_spot(run.network, recorded, line, gate, cell)
        synapse = run.network.blocks.eligibility
        up, down = (jnp.asarray(spot.traces[:, k], jnp.float32) for k in (0, 1))
        seen = np.asarray(synapse.single(up) if spot.gate == "g" else synapse.twin(up, down))
        assert np.allclose(spot.moved, spot.signal * seen, rtol=1e-2, atol=1e-6)


def test_a_quiet_window_is_refused(run, window):
    with pytest.raises(InputError, match="longer window"):
        chosen_cells(window, 9, np.random.default_rng(0))
    with pytest.raises(InputError, match="window of 40 frames"):
        record_window(run, scale(), 40, 0.1)


def test_sources_pass_through_the_values_and_wait_between_frames():
    clock = Clock(2e-9, 2, np.array([20e-9, 30e-9]))
    assert clock.stop == pytest.approx(58e-9)
    words = clock.source(np.array([[1.0, 2.0], [3.0, 4.0]]), 9.0)[4:-1].split()
    times, values = np.array(words[::2], float), np.array(words[1::2], float)
    assert np.all(np.diff(times) > 0)
    assert np.interp([1e-9, 3e-9, 14e-9, 25e-9, 27e-9, 45e-9], times, values) == pytest.approx(
        [1, 2, 9, 3, 4, 9]
    )
    words = clock.source(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0]))[4:-1].split()
    times, values = np.array(words[::2], float), np.array(words[1::2], float)
    assert np.interp([0.0, 14e-9, 24e-9, 45e-9], times, values) == pytest.approx([5, 6, 6, 6])


def test_a_gated_line_is_cut_off_as_its_frame_ends_and_opens_with_the_next():
    words = (
        Clock(2e-9, 2, np.array([20e-9, 30e-9])).gated(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.1)[4:-1].split()
    )
    times, values = np.array(words[::2], float), np.array(words[1::2], float)
    assert np.all(np.diff(times) > 0)
    assert np.interp(
        [0.2e-9, 3e-9, 4e-9, 4.1e-9, 24e-9, 24.1e-9, 27e-9, 50e-9], times, values
    ) == pytest.approx([1, 2, 2, 0.1, 0.1, 3, 4, 0.1])


def test_the_order_of_the_pulses_moves_a_weight_in_turn(run, window):
    (at, *_) = chosen_synapses(run.network, window, 1, np.random.default_rng(0))
    spot = synapse_spot(run.network, window, *at)
    still = replace(
        spot, signal=np.zeros_like(spot.signal), traces=np.tile([0.3, 0.0], (len(spot.traces), 1))
    )
    model = Library.shipped().models("eligibility_synapse")["eligibility_synapse"]
    turned = ordered(still, model).moved - still.moved
    assert np.all(turned[::2] < 0)  # the first pulse of a bigger up trace finds emptier nodes
    assert turned[1::2] == pytest.approx(-turned[0])


def test_a_synapse_is_given_psi_that_no_line_has_delayed_yet(run, window):
    """The lines of the bench delay it; where it stands as a frame begins is the waiting value of its source."""
    (at, *_) = chosen_synapses(run.network, window, 1, np.random.default_rng(0))
    spot = synapse_spot(run.network, window, *at)
    blocks, h = run.network.blocks, run.network.config.frame.tick_seconds
    share = float(trace_charges(run.network)[spot.line])
    for slow in (0.0, 1.0):
        lag = BARE_LINE if slow == 0.0 else blocks.eligibility.psi_lag
        psi = charges(
            replace(blocks, eligibility=replace(blocks.eligibility, psi_lag=lag)), window.heard[1].cells, h
        )
        up, down = (
            np.asarray(getattr(psi, f"{spot.gate}_{side}"))[:, spot.cell]
            if (spot.gate, side) != ("g", "down")
            else 0.0
            for side in ("up", "down")
        )
        assert np.allclose(spot.added[1], share * (up - down), rtol=1e-5, atol=1e-9) == (slow == 0.0)
    gates, g = standing(window.heard[1])
    i, f, _ = blocks.gate.balance(jnp.asarray(gates))
    rates = blocks.slopes.psi(i, f, blocks.tanh.balance(jnp.asarray(g)), window.heard[1].cells.c[0])
    stands = h * share * float(rates["ifg".index(spot.gate)][spot.cell])
    assert spot.resting[1] == pytest.approx(stands, rel=1e-5)


def test_a_frame_begins_where_the_bias_line_alone_holds_the_dendrites(run, window):
    """Frames begin with empty dendrites: the same voltages, but for what the bias weights learned."""
    spot = cell_spot(run.network, window, 3)
    gates, g = standing(window.heard[1])
    at = spot.dendrites[1, 0]
    assert np.abs(spot.rest[1] - spot.rest[0]).max() < 5e-3
    assert np.abs(at - spot.rest[1]).max() < 0.1
    z = spot.rest[1] / np.array([GATE_UNIT] * 3 + [TANH_UNIT]) * np.array([1, -1, 1, 1])
    blocks = run.network.blocks
    assert np.allclose(blocks.gate.value(jnp.float32(z[:3])[:, None])[:, 0], gates[:, 3], atol=1e-4)
    assert float(blocks.tanh.value(jnp.float32(z[3]))) == pytest.approx(float(g[3]), abs=1e-4)


@pytest.mark.slow
def test_ngspice_agrees_on_what_a_network_saw(run):
    models = LIBRARY.models(*SPOT_CIRCUITS)
    circuits = {name: load_recipe(str(find_recipe(name))) for name in SPOT_CIRCUITS}
    frame = run.network.config.frame
    vbo = read_bias(
        models["memory_cell"],
        full_scale_current(models["axon_hillock"], frame.seconds / frame.spikes_per_unit),
    )
    spots = spot_check(run, scale(), circuits, models, vbo=vbo, count=2, frames=FRAMES + 2, rate=0.1)
    made = {figure.claim: figure.value for figure in figures(spots, "toy")}
    assert made["spots of toy: cell voltage at the frames' ends, free-running, max error of 150 mV"] < 3.0
    assert made["spots of toy: sum on the dendrites, rms error of the rms sum, mean of dendrites"] < 20.0
    # signals of tenths of a nanosecond, of a network that has not learned: what the order of the windows adds counts
    assert made["spots of toy: weight changes, summed error of the summed change, mean of synapses"] < 35.0


def test_no_psi_is_beyond_the_lines_full_scale(run):
    """Gates half and fully open, candidate and cell from rail to rail: the most that a pulse could be asked to add."""
    network = run.network
    blocks, ticks, cells = network.blocks, 3, network.config.cells
    gain = LIBRARY.models("eligibility_synapse")["eligibility_synapse"]["gain"]
    cell, most = RAIL / TANH_UNIT, 0.0
    for gate, g, c in ((0.5, 1.0, cell), (0.5, -1.0, -cell), (1.0, 0.0, 0.0)):
        gates = jnp.full((ticks, 3, cells), gate, jnp.float32)
        level = jnp.ones((ticks, cells), jnp.float32)
        record = CellRecord(level, gates, g * level, c * level, level)
        psi = charges(blocks, record, network.config.frame.tick_seconds)
        most = max(most, *(float(jnp.max(leaf)) for leaf in jax.tree.leaves(psi)))
    external = PULSE_RATIO * CELL_PULSE
    shares = [
        most * float(trace_charges(network)[line]) / (gain * width / GAIN_PULSE)
        for line, width in ((0, external), (NOTES, external), (network.config.lines - 2, CELL_PULSE))
    ]
    assert 0.5 < max(shares) <= 1.0
