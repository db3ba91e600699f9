"""A memory network as a netlist and in the step: the same sizes, stimuli and starts; what must happen in both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.network.step import listen
from neuromorph.spice.structure import read_structure
from neuromorph.tasks.memory_network import (
    BLOCKS,
    Stimulus,
    begun,
    deck,
    expected_energy,
    heard_frame,
    resting,
    stepped,
    transistors,
)
from tests.tasks.test_feature_network import top_level

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
LIBRARY, FRAME = Library.shipped(), Frame()
MODELS = LIBRARY.models()
NOMINAL, _ = blocks_for("nominal", FRAME, LIBRARY)


def memory(cells=1, notes=((1, 0), (0, 1))):
    """The first note opens and charges the cells, the second one closes them."""
    weights = np.zeros((2 + cells + 1, 4, cells))
    weights[0], weights[1] = np.array([[2.0], [0.5], [1.0], [1.5]]), np.array([[-2.0], [1.0], [1.0], [0.0]])
    weights[-1] = np.array([[0.0], [2.0], [0.5], [0.0]])
    return Stimulus(np.array(notes), weights)


@pytest.mark.parametrize("cells", [1, 2])
def test_the_netlist_has_the_stated_transistors(cells):
    what = memory(cells)
    structure = read_structure([NETLISTS / part for part in BLOCKS])
    found = top_level(deck(what, MODELS, NETLISTS))
    assert sum(structure.transistors(name) for name in found) == transistors(what)
    assert found.count("gate_synapse") == 4 * cells * (2 + cells)


def test_a_note_charges_the_cell_and_the_next_one_leaves_it():
    what = memory()
    answer = stepped(what, NOMINAL, MODELS)
    first, second = answer.c[FRAME.ticks - 1, 0], answer.c[-1, 0]
    assert answer.c.shape == (2 * FRAME.ticks, 1)
    assert first > 20e-3
    assert second > 0.5 * first
    assert len(answer.spikes[0]) > 3


def test_the_netlist_and_the_step_hear_the_same_spikes():
    """Each note has ticks of its own."""
    what = memory(1, ((1, 0), (0, 1), (1, 1)))
    network, state = begun(what, NOMINAL, MODELS)
    heard = []
    for levels in what.notes:
        state, frame = listen(network, state, heard_frame(levels, 1))
        heard.append(np.asarray(frame.note_spikes))
    ticks = np.concatenate(heard)
    for line in range(2):
        found = np.round(what.spikes(line) / FRAME.tick_seconds).astype(int)
        np.testing.assert_array_equal(found, np.flatnonzero(ticks[:, line]))
    assert not np.array_equal(ticks[-FRAME.ticks :, 0], ticks[-FRAME.ticks :, 1])


def test_two_cells_of_equal_weights_do_the_same():
    answer = stepped(memory(2), NOMINAL, MODELS)
    np.testing.assert_array_equal(answer.c[:, 0], answer.c[:, 1])
    np.testing.assert_array_equal(*answer.spikes)


def test_a_finer_step_hears_the_same_spikes_and_does_nearly_the_same():
    """Notes keep their ticks; the lag of a recurrent spike and rounding to ticks are what is left."""
    what, finer = memory(1), replace(FRAME, ticks=2 * FRAME.ticks)
    coarse = stepped(what, NOMINAL, MODELS)
    fine = stepped(what, blocks_for("nominal", finer, LIBRARY)[0], MODELS, finer=2)
    assert fine.c.shape == coarse.c.shape
    assert np.abs(fine.c - coarse.c).max() < 0.05 * np.abs(coarse.c).max()
    assert abs(len(fine.spikes[0]) - len(coarse.spikes[0])) <= 1


def test_columns_at_rest_pull_every_dendrite_by_the_same_share_of_its_unit():
    rest = resting(MODELS, FRAME)
    assert np.all(rest < 0)
    assert rest == pytest.approx(np.full(4, rest[0]), rel=1e-3)


def test_energy_is_what_stands_and_what_every_pulse_costs():
    """Nothing heard costs static power alone, twice the cells twice of it; a note's spikes cost lines and reads."""
    silent, two = (
        expected_energy(what, stepped(what, NOMINAL, MODELS), MODELS)
        for what in (memory(1, ((0, 0),)), memory(2, ((0, 0),)))
    )
    assert two == pytest.approx(2 * silent)
    what = memory(1, ((1, 0),))
    answer = stepped(what, NOMINAL, MODELS)
    spikes = len(what.spikes(0)) + len(answer.spikes[0])
    each = (expected_energy(what, answer, MODELS) - silent) / spikes
    assert 5e-15 < each < MODELS["spike_shaper"]["energy_per_spike"] + 20e-15
