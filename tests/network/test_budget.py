"""What a network is made of, and the energy that follows."""

from __future__ import annotations

import pytest

from neuromorph.commands.inspection import network_budget
from neuromorph.fitting.eligibility import LEAK_FULL
from neuromorph.fitting.readout import pulse_charge
from neuromorph.library import Library
from neuromorph.models.fidelity import gate_dendrites
from neuromorph.models.learning_unit import PAUSE_SECONDS
from neuromorph.network.budget import instances
from neuromorph.network.config import NetworkConfig
from neuromorph.network.energy import SUPPLY, energy_per_frame
from neuromorph.network.hardware import IDEAL, PRODUCTS, STATES

LIBRARY = Library.shipped()
CONFIG = NetworkConfig(joint=True)
EVENTS = {
    "cell_spikes": 100.0, "feature_spikes": 40.0, "note_spikes": 60.0, "diehl_updates": 4.0, "forget_gates_open": 10.0,
}  # fmt: skip


def test_synapses_are_counted_as_the_step_has_them():
    count = instances(CONFIG)
    assert count["eligibility_synapse"] == CONFIG.lines * 4 * CONFIG.cells
    assert count["lateral_synapse"] == 88 * 87 / 2
    assert count["weight_cell"] == 2 * (count["eligibility_synapse"] + 2 * 128 * 88 + 88 * 87 / 2)
    assert instances(NetworkConfig(joint=False))["lateral_synapse"] == 0


def test_the_budget_adds_up_and_names_every_block_of_the_listing():
    *lines, whole = network_budget(CONFIG, LIBRARY)
    assert whole.transistors == pytest.approx(sum(line.transistors for line in lines))
    synapse = next(line for line in lines if line.block == "eligibility_synapse")
    assert synapse.transistors == 18 * CONFIG.lines * 4 * CONFIG.cells
    assert synapse.capacitance == pytest.approx(synapse.count * (2 * 25e-15 + 2 * 800e-15))
    listed = {block for block, _ in (*STATES.values(), *PRODUCTS.values())} - {
        "weight_store",
        "stdp_synapse",
    }
    assert listed <= {line.block for line in lines}


def test_no_state_or_product_is_without_a_block():
    assert IDEAL not in {block for block, _ in (*STATES.values(), *PRODUCTS.values())}


def test_learning_costs_more_and_parts_add_up():
    models = LIBRARY.models()
    frozen, learning = (energy_per_frame(EVENTS, models, CONFIG, learning=flag) for flag in (False, True))
    for parts in (frozen, learning):
        assert parts["total"] == pytest.approx(sum(v for k, v in parts.items() if k != "total"))
        assert all(value >= 0 for value in parts.values())
    assert learning["total"] > frozen["total"]
    # whether a frame is learned from is the question, not whether the pass that counted the spikes did
    unlearned = energy_per_frame({**EVENTS, "diehl_updates": 0.0}, models, CONFIG, learning=True)
    assert unlearned["Diehl updates"] > 0
    more = energy_per_frame({**EVENTS, "cell_spikes": 200.0}, models, CONFIG)
    charge = float(
        pulse_charge(models["gate_synapse"], gate_dendrites(models, CONFIG.frame).cell_height, 1.0)
    )
    added = (200.0 - EVENTS["cell_spikes"]) * 4 * CONFIG.cells * 2 * SUPPLY * charge
    assert more["weight read-outs"] - frozen["weight read-outs"] == pytest.approx(added)


def test_open_forget_gates_cost_their_line_current():
    models = Library.shipped().models()
    shut, open_ = (energy_per_frame({**EVENTS, "forget_gates_open": n}, models, CONFIG) for n in (0.0, 10.0))
    power = 10.0 * LEAK_FULL * 0.8
    assert open_["total"] - shut["total"] == pytest.approx(power * CONFIG.frame.seconds)


def test_the_budgets_static_power_is_what_the_energy_counts():
    """Columns of dendrites and winner-take-all circuits draw current, too."""
    models, frame = LIBRARY.models(), CONFIG.frame
    by_block = {line.block: line.static_power for line in network_budget(CONFIG, LIBRARY)}
    assert by_block["winner_take_all"] == pytest.approx(
        CONFIG.features.winners * models["winner_take_all"]["unit_power"]
    )
    dendrites = 4 * CONFIG.cells + CONFIG.notes
    assert by_block["dendrite_column"] == pytest.approx(
        dendrites * models["gate_synapse"]["column_static_power"]
    )
    parts = energy_per_frame(EVENTS, models, CONFIG)
    winners = parts["winner-take-all, static"]  # in the frame alone
    others = sum(v for name, v in parts.items() if "static" in name or name == "memory cells") - winners
    power = others / (frame.seconds + PAUSE_SECONDS) + winners / frame.seconds
    assert by_block["total"] == pytest.approx(power)


def test_every_spike_is_shaped():
    models = LIBRARY.models()
    update = models["update_shaper"]  # of a feature's updates, whose line is as long as another
    parts = energy_per_frame(EVENTS, models, CONFIG)
    assert parts["spike shapers"] == pytest.approx(
        200.0 * models["spike_shaper"]["energy_per_spike"]
        + EVENTS["feature_spikes"] * (update["energy_unloaded"] + 150e-15 * update["energy_per_farad"])
    )
    assert parts["trace shapers"] == pytest.approx(200.0 * models["trace_shaper"]["energy_per_spike"])
