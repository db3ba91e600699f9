"""Models at random temperatures and supplies: scored on kept curves, and that a wrong table fails there."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from neuromorph.characterization import load_recipe
from neuromorph.characterization.corner_table import read_corners
from neuromorph.characterization.corners import USUAL, Corner, at_corner, random_corner
from neuromorph.characterization.plan import planned
from neuromorph.errors import LibraryError, OutOfRange
from neuromorph.figures import Figure
from neuromorph.fitting.corners import SEEDS, CheckedCorner, corner_figures, worst_of
from neuromorph.fitting.neuron_corners import knobs_there
from neuromorph.fitting.neuron_knobs import at_knobs
from neuromorph.library import Library

LIBRARY, REFERENCES = Library.shipped(), Library.held_out()
BLOCKS = (
    "axon_hillock", "dendritic_adder", "eligibility_synapse", "excitatory_synapse", "gate", "gate_synapse",
    "inhibitory_synapse", "memory_cell", "stdp_synapse",
)  # fmt: skip


@cache
def checked(block):
    """The circuit, and its model at a cold and a hot corner beside what ngspice gave there."""
    circuit, stored, table = load_recipe(block), LIBRARY.read(block), read_corners(block)
    usual, model, corners = REFERENCES.read(block), stored.fit, []
    for seed in (504, 505):
        corner = random_corner(seed)
        fresh = REFERENCES.read(f"{block}_corner_{seed}")
        data = replace(
            stored,
            attributes={**stored.attributes, "kelvin": corner.kelvin, "supply": corner.supply},
            sweeps={**stored.sweeps, **usual.sweeps, **fresh.sweeps},
        )
        there = replace(model, parameters=table.at(model.parameters, corner))
        corners.append(CheckedCorner(corner, there, model, data))
    return circuit, corners


@pytest.mark.parametrize("block", BLOCKS)
def test_kept_curves_are_of_todays_circuits(block, tmp_path):
    circuit, _ = checked(block)
    for seed in SEEDS:
        name = f"{block}_corner_{seed}"
        made = replace(at_corner(circuit, random_corner(seed), tmp_path / f"{name}.cir"), name=name)
        assert planned(made, made.corner_checks).is_done(REFERENCES), (
            f"neuromorph verify {block} --references neuromorph/data/held_out"
        )


@pytest.mark.parametrize(
    ("block", "parameter", "row"),
    [
        ("axon_hillock", "capacitance", "tonic f-I, max"),
        ("axon_hillock", "leak_current", "supplies, rheobase"),
        ("axon_hillock", "dead_time_0", "next interval, mean"),
        ("gate", "gain", "sigmoid transfer"),
        ("gate", "tanh_gain_up", "product transfer"),
        ("gate", "i_bias", "tail, max error"),
        ("gate_synapse", "log_charge", "charge of a pulse"),
        ("eligibility_synapse", "rate", "dw, max error of full range"),
        ("excitatory_synapse", "c_cleft", "pulse pairs, peak"),
        ("inhibitory_synapse", "c_cleft", "pulse pairs, peak"),
        ("stdp_synapse", "dw_up", "update surface"),
        ("memory_cell", "i_read", "supplies, read-out"),
        ("memory_cell", "f_width", "held value after 1, 10, 100 frames"),
    ],
)
def test_a_table_off_by_three_times_the_allowed_error_fails(block, parameter, row):
    circuit, corners = checked(block)
    (before,) = [figure for figure in circuit.score_corners(corners) if row in figure.claim]
    assert before.holds
    for side in (1, -1):
        factor = 1 + side * 3 * before.must / 100
        wrong = [
            replace(
                one,
                model=replace(
                    one.model,
                    parameters={
                        **one.model.parameters, parameter: factor * one.model.parameters[parameter],
                    },
                ),
            )
            for one in corners
        ]  # fmt: skip
        after = {figure.claim: figure for figure in circuit.score_corners(wrong)}[before.claim]
        assert not after.holds, f"{parameter} times {factor:g}"


def test_a_neuron_that_forgets_how_its_current_came_about_fails_in_the_cold():
    circuit, corners = checked("axon_hillock")

    def rows(which):
        return {f.claim: f for f in circuit.score_corners(which) if "next interval" in f.claim and f.must}

    assert all(figure.holds for figure in rows(corners).values())
    forgetful = [
        replace(one, model=replace(one.model, parameters={**one.model.parameters, "rise": 0.0}))
        for one in corners
    ]
    assert not all(figure.holds for figure in rows(forgetful).values())


def test_a_column_whose_sides_lose_alike_fails_at_a_low_supply():
    circuit, corners = checked("gate_synapse")

    def row(which):
        return next(f for f in circuit.score_corners(which) if "read at once" in f.claim)

    same = {"crowd_lean": 0.0, "crowd_lean_slope": 0.0}
    alike = [
        replace(one, model=replace(one.model, parameters={**one.model.parameters, **same})) for one in corners
    ]
    assert row(corners).holds
    assert not row(alike).holds


@pytest.mark.parametrize("block", ["excitatory_synapse", "inhibitory_synapse"])
@pytest.mark.parametrize("wrong", [{"kelvin": 300.15}, {"supply": 0.8}])
def test_a_cleft_of_another_temperature_or_supply_fails(block, wrong):
    circuit, corners = checked(block)
    moved = [
        replace(one, data=replace(one.data, attributes={**one.data.attributes, **wrong})) for one in corners
    ]
    rows = [f for f in circuit.score_corners(moved) if "pulse pairs" in f.claim]
    assert rows
    assert not all(figure.holds for figure in rows)


def test_the_worst_corner_counts_and_limits_double():
    def score(model, data):
        return [
            Figure("toy: gain, max error", model["off"] * data, "%", 2.0, 0.5),
            Figure("toy: held-out biases, max error", data, "%", 4.0, 1.0),
            Figure("toy: gain over its knob, max error", data, "%", 4.0, 1.0),
            Figure("toy: a baseline", 7.0, "%"),
            Figure("toy: hits", 100.0 - data, "%", 90.0, 99.0, better="higher"),
        ]

    corners = [
        CheckedCorner(Corner(310.0, v), {"off": 1.0}, {"off": 9.0}, e) for v, e in ((0.75, 1.0), (0.85, 3.0))
    ]
    gain, biases, knob, hits = worst_of(score, corners)
    assert (gain.claim, gain.value, gain.must, gain.goal) == (
        "toy: unseen temperatures and supplies, gain, max error", 3.0, 4.0, 1.0,
    )  # fmt: skip
    assert gain.details["each"] == [1.0, 3.0]
    assert gain.details["ignored"] == 27.0
    assert (biases.must, biases.goal) == (knob.must, knob.goal) == (4.0, 1.0)
    assert [f.must for f in worst_of(score, corners, unseen_knobs=1.5)[1:3]] == [6.0, 6.0]
    assert (hits.value, hits.must, hits.goal, hits.better) == (97.0, 90.0, 99.0, "higher")


def test_without_a_table_there_is_nothing_to_check(tmp_path):
    stored = LIBRARY.read("gate")
    with pytest.raises(LibraryError, match="neuromorph corners gate"):
        corner_figures(load_recipe("gate"), stored, tables=tmp_path)
    assert corner_figures(load_recipe("gate_line"), stored, tables=tmp_path) == []


def test_knobs_at_the_usual_corner_are_the_knobs_laws():
    model, knobs = LIBRARY.read("axon_hillock").fit.parameters, {"vref": 0.2, "vleak": 0.22, "vwidth": 0.41}
    there, known = knobs_there(model, model, USUAL.kelvin, **knobs), at_knobs(model, **knobs)
    for name in known:
        np.testing.assert_allclose(there[name], known[name], rtol=1e-12, err_msg=name)
    with pytest.raises(OutOfRange, match="vref"):
        knobs_there(model, model, 350.0, vref=0.4)
