"""A memory network that learns, as a netlist and in the step: sizes, signs, and what must not move."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuromorph.errors import OutOfRange
from neuromorph.fitting.readout import PULSE_CENTRE
from neuromorph.fitting.slope import BIAS_RANGE
from neuromorph.library import Library
from neuromorph.models.fidelity import CELL_PULSE, PULSE_RATIO
from neuromorph.models.frame import Frame
from neuromorph.models.learning_unit import LEARNING_SECONDS
from neuromorph.models.library_blocks import blocks_for
from neuromorph.spice.structure import read_structure
from neuromorph.spice.waveforms import pulses
from neuromorph.tasks import memory_network
from neuromorph.tasks.learning_network import (
    BLOCKS,
    Stimulus,
    deck,
    forget_tubes,
    slope_biases,
    stepped,
    trace_pulse_cards,
    transistors,
)
from tests.tasks.test_feature_network import top_level
from tests.tasks.test_memory_network import memory

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
LIBRARY, FRAME = Library.shipped(), Frame()
MODELS = LIBRARY.models()
NOMINAL, _ = blocks_for("nominal", FRAME, LIBRARY)
GATES = [0, 1, 3]


def taught(signals, cells=1):
    plain = memory(cells, notes=((1, 0),) * len(signals))
    return Stimulus(plain.notes, plain.weights, signals=np.array(signals, float)[:, None] * np.ones(cells))


def moved(what):
    answer = stepped(what, NOMINAL, MODELS)
    lines = what.notes.shape[1] + what.cells
    first = np.moveaxis(what.weights[:lines, GATES], 1, 0)
    return np.diff(np.concatenate([first[None], answer.weights]), axis=0), answer.traces


@pytest.mark.parametrize("cells", [1, 2])
def test_the_netlist_has_the_stated_transistors(cells):
    what = taught([0.1, -0.1], cells)
    netlist = deck(what, NOMINAL, MODELS, NETLISTS)
    structure = read_structure([NETLISTS / part for part in BLOCKS])
    found = top_level(netlist)
    single = [line for line in netlist.splitlines() if re.match(r"xq\d", line)]
    blocks = [name for name in found if name in structure.subcircuits]
    assert sum(structure.transistors(name) for name in blocks) + len(single) == transistors(what)
    assert found.count("eligibility_synapse") == 3 * cells * (2 + cells)
    assert sum(f"tubes={forget_tubes(MODELS)}" in line for line in single) == 5 * cells


def test_a_weight_moves_by_its_signal_and_its_trace():
    change, traces = moved(taught([0.15, -0.15]))
    heard = np.array([0, 2])  # the note that sounds, and the cell's own line; the other note is silent
    assert np.all(change[0][:, heard] * traces[0][:, heard] > 0)
    assert np.all(change[1][:, heard] * traces[1][:, heard] < 0)
    assert np.abs(change[:, :, 1]).max() < 0.02 * np.abs(change).max()


def test_no_signal_moves_nothing():
    change, traces = moved(taught([0.0, 0.0]))
    assert np.abs(traces).max() > 0.01
    assert np.all(change == 0)


def test_without_signals_cells_are_those_of_the_memory_that_waits():
    what = taught([0.0, 0.0])
    plain = memory_network.Stimulus(what.notes, what.weights)
    first = slice(0, FRAME.ticks)
    ours, theirs = (
        module.c[first]
        for module in (stepped(what, NOMINAL, MODELS), memory_network.stepped(plain, NOMINAL, MODELS))
    )
    np.testing.assert_array_equal(ours, theirs)
    assert what.period == pytest.approx(FRAME.seconds + LEARNING_SECONDS)


def test_slope_units_are_biased_within_their_range_and_more_where_the_cell_moves_faster():
    biases = slope_biases(taught([0.0]), NOMINAL, MODELS)
    assert all(BIAS_RANGE[0] < bias < BIAS_RANGE[1] for bias in biases.values())
    twice = replace(NOMINAL, cell=replace(NOMINAL.cell, charge_rate=1.5 * NOMINAL.cell.charge_rate))
    faster = slope_biases(taught([0.0]), twice, MODELS)
    fold = MODELS["slope_unit"]["bias_width"]
    assert faster["i"] - biases["i"] == pytest.approx(fold * np.log(1.5), rel=0.15)
    assert faster["f"] == biases["f"]


def test_the_frame_line_rises_as_a_frames_last_pulse_is_half_over():
    """There cells and spikes are read; the 1.2 ns before can hold a spike."""
    what = taught([0.1, -0.1])
    (card,) = [
        line for line in deck(what, NOMINAL, MODELS, NETLISTS).splitlines() if line.startswith("vhold ")
    ]
    corners = np.array(card.partition("pwl(")[2].rstrip(")").split(), float).reshape(-1, 2)
    rises = corners[1:][np.diff(corners[:, 1]) > 0, 0] - 0.1e-9
    np.testing.assert_allclose(
        rises, what.tick_ends[FRAME.ticks - 1 :: FRAME.ticks] + PULSE_CENTRE, atol=1e-12
    )
    falls = corners[1:][np.diff(corners[:, 1]) < 0, 0] - 0.1e-9
    np.testing.assert_allclose(falls - rises, what.wait, atol=1e-12)


def test_a_signal_beyond_the_characterized_pulses_is_refused():
    with pytest.raises(OutOfRange, match="16 ns"):
        deck(taught([1.0]), NOMINAL, MODELS, NETLISTS)


@pytest.mark.ngspice
def test_a_notes_pulse_on_a_trace_is_as_wide_as_asked_at_its_lines_end():
    from neuromorph.spice.workers import simulate_whole

    cards = [*trace_pulse_cards(0, 1, MODELS), f"vn pulse0 0 {pulses([5e-9])}"]
    blocks = ("devices/cnfet.lib", "blocks/trace_shaper.cir")
    netlist = memory_network.written("shaper", blocks, cards, "v(trace0)", 15e-9, NETLISTS, reference=False)
    waves = simulate_whole(netlist, "shaper", "test", 60.0)
    time = np.linspace(0.0, 15e-9, 150_001)
    wide = 15e-9 * np.mean(np.interp(time, waves.time, waves["trace0"]) > 0.5 * memory_network.SUPPLY)
    assert wide == pytest.approx(PULSE_RATIO * CELL_PULSE, rel=0.01)
