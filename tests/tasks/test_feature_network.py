"""A feature layer as a netlist and in the step: the same sizes, stimuli and starts; what must happen in both."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuromorph.fitting.feature_neuron import loaded
from neuromorph.fitting.winner_take_all import winners
from neuromorph.library import Library
from neuromorph.models.diehl import WEIGHT_UNIT
from neuromorph.models.fidelity import ideal_blocks
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.spice.engine import Waveforms
from neuromorph.spice.structure import read_structure
from neuromorph.spice.workers import simulate
from neuromorph.tasks.feature_network import (
    BLOCKS,
    KNOBS,
    LEAD,
    WEIGHT_FLOOR,
    Stimulus,
    configured,
    deck,
    expected_energy,
    from_waves,
    regular,
    stepped,
    transistors,
)

NETLISTS = Path(__file__).resolve().parents[2] / "netlists"
LIBRARY, FRAME = Library.shipped(), Frame()
MODELS = LIBRARY.models()
NOMINAL, _ = blocks_for("nominal", FRAME, LIBRARY)
NOTES = np.array([[1, 0], [0, 1], [1, 1]])


def layer(neurons=3, notes=NOTES, winners=1):
    return Stimulus(notes, np.linspace(0.1, 0.5, 2 * neurons).reshape(neurons, 2), winners)


def top_level(netlist):
    """Instances outside of subcircuits: what each is of."""
    inside, found = False, []
    for line in netlist.lower().splitlines():
        inside = line.startswith(".subckt") or (inside and not line.startswith(".ends"))
        if line.startswith("x") and not inside:
            found.append(next(word for word in reversed(line.split()) if "=" not in word))
    return found


@pytest.mark.parametrize("neurons", [1, 3])
def test_the_netlist_has_the_stated_transistors(neurons):
    what = layer(neurons)
    structure = read_structure([NETLISTS / part for part in BLOCKS])
    found = top_level(deck(what, MODELS, NETLISTS))
    counted = sum(1 if name.startswith(("nfet", "pfet")) else structure.transistors(name) for name in found)
    assert counted == transistors(what)
    assert found.count("stdp_update") == found.count("excitatory_synapse") == 2 * neurons


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_winners_bias_means_k(k):
    bias = float(re.search(r"^vvk vk 0 (\S+)$", deck(layer(winners=k), MODELS, NETLISTS), re.M)[1])
    assert winners(MODELS["winner_take_all"], bias, KNOBS["vunit"]) == k


def test_lines_spike_on_the_steps_ticks_in_their_frames():
    what = layer()
    times = what.spikes(0)
    assert len(times) == 2 * FRAME.input_spikes == 2 * regular(FRAME).sum()
    since = times[:, None] - what.starts
    inside = (since >= 0) & (since < FRAME.seconds)
    assert np.all(inside.sum(axis=1) == 1)
    assert set(np.nonzero(inside)[1]) == {0, 2}


def test_the_gain_is_that_of_the_usual_release_whatever_the_step_calls_unit():
    ideal = ideal_blocks(FRAME)
    gains = [
        configured(layer(), blocks, MODELS).features.gain * float(blocks.feature_synapse.gain)
        for blocks in (NOMINAL, ideal)
    ]
    assert gains[0] == pytest.approx(gains[1], rel=1e-5)


def test_only_winners_fire_and_learn_and_a_sounding_line_is_potentiated():
    what = Stimulus(np.array([[1, 0]]), np.array([[0.5, 0.3], [0.25, 0.3]]), 1)
    answer = stepped(what, NOMINAL, MODELS)
    assert len(answer.spikes[0]) > 5
    assert len(answer.spikes[1]) == 0
    moved = answer.weights[0] - what.weights
    assert moved[0, 0] > 0 > moved[0, 1]
    np.testing.assert_allclose(moved[1], 0.0, atol=1e-6)  # weights are float32


def test_a_latch_makes_the_first_spike_late_and_no_other():
    what = Stimulus(np.array([[1, 1]]), np.array([[0.4, 0.4]]), 1)
    free = replace(NOMINAL, latch=NOMINAL.latch / NOMINAL.latch)
    late, early = (stepped(what, blocks, MODELS).spikes[0] for blocks in (NOMINAL, free))
    tick = FRAME.tick_seconds
    assert tick - 1e-12 <= late[0] - early[0] < 2.5 * tick
    shared = min(len(late), len(early))
    assert np.abs(np.diff(late[:shared]) - np.diff(early[:shared])).mean() < tick


def test_every_line_loads_the_membrane_by_a_synapse():
    gains = [
        1 / configured(Stimulus(np.ones((1, n)), np.full((1, n), 0.3), 1), NOMINAL, MODELS).features.gain
        for n in (1, 2, 3, 10)
    ]
    steps = np.diff(gains) / [1, 1, 7]
    assert steps == pytest.approx([steps[0]] * 3, rel=1e-4)
    neuron = MODELS["feature_neuron"]
    assert steps[0] / gains[1] == pytest.approx(
        neuron["synapse_charge"] / (neuron["membrane_charge"] + loaded(neuron, 2)), rel=1e-4
    )


@pytest.mark.ngspice
def test_the_layer_begins_at_rest():
    """Before the first frame a weight stays where it was written and the synapse's cleft is empty; begun with ``uic``, from
    nodes at nought, the one was 2.5 mV up and the other half a volt beyond the rail for a nanosecond."""
    what = Stimulus(np.array([[1]]), np.array([[0.35]]), 1)
    text = re.sub(r"(\.save .*)", r"\1 v(xs0_0.cleft)", deck(what, MODELS, NETLISTS))
    waves = simulate(re.sub(r"(\.tran \S+) \S+", rf"\1 {LEAD:g}", text))
    written = waves["w0_0"] - WEIGHT_FLOOR - 0.35 * WEIGHT_UNIT
    assert np.abs(written).max() < 0.2e-3
    assert np.abs(waves["xs0_0.cleft"] - 0.8).max() < 10e-3


def test_more_spikes_cost_more():
    one, all_ = (layer(notes=notes) for notes in (np.array([[1, 0]]), np.array([[1, 1]])))
    costs = [expected_energy(what, stepped(what, NOMINAL, MODELS), MODELS) for what in (one, all_)]
    assert 0 < costs[0] < costs[1]


def test_what_charges_the_nodes_before_the_first_frame_is_not_the_layers_energy():
    what = Stimulus(np.array([[1]]), np.array([[0.3]]), 1)
    time = np.linspace(0.0, LEAD + what.period, 3001)
    charging = np.where(time < LEAD, -1e-6, -1e-9)
    nodes = {name: np.zeros_like(time) for name in ("axon0", "x0", "w0_0")}
    waves = Waveforms("tran", {"time": time, **nodes, "vdd#branch": charging, "vvmax#branch": charging})
    found = from_waves(what, waves)
    assert found.energy == pytest.approx(0.8 * 1e-9 * what.period, rel=2e-3)
    assert found.rail == pytest.approx(KNOBS["vmax"] * 1e-9 * what.period, rel=2e-3)
