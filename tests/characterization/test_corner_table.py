"""Parameters over temperature and supply: at their corners, between them, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.characterization import load_recipe
from neuromorph.characterization.corner_samples import CORNERS, KELVIN, SUPPLY, corner_table
from neuromorph.characterization.corner_table import CornerTable, read_corners
from neuromorph.characterization.corners import (
    COLD,
    HIGH_SUPPLY,
    HOT,
    LOW_SUPPLY,
    USUAL,
    Corner,
    random_corner,
)
from neuromorph.circuit import Axis
from neuromorph.errors import CircuitError, InputError, LibraryError, OutOfRange
from neuromorph.library import FittedModel
from neuromorph.models.mismatch import DRAWN

LEVEL, SLOPE = 4000.0, 3.0


def law(kelvin, supply):
    """A current that is exponential in 1 / T and in the supply."""
    return 1e-9 * np.exp(LEVEL * (1 / 300.15 - 1 / kelvin) + SLOPE * (supply - 0.8))


def rest(kelvin, supply):
    return 1e-3 * (kelvin - 300.15) / 50 - 0.02 * (supply - 0.8)


def table(**more):
    grid = np.meshgrid(KELVIN, SUPPLY, indexing="ij")
    values = {"current": law(*grid), "v_offset": rest(*grid), "constant": np.full(grid[0].shape, 2.0)}
    return CornerTable("toy", KELVIN, SUPPLY, values | more)


@pytest.mark.parametrize("corner", CORNERS)
def test_at_its_corners_it_is_what_was_measured(corner):
    found = table().at({"current": 1e-9, "v_offset": 0.0, "constant": 2.0}, corner)
    assert found["current"] == pytest.approx(law(*corner), rel=1e-12)
    assert found["v_offset"] == pytest.approx(rest(*corner), abs=1e-15)
    assert found["constant"] == pytest.approx(2.0, rel=1e-12)


@given(st.floats(COLD, HOT), st.floats(LOW_SUPPLY, HIGH_SUPPLY))
def test_between_them_a_current_is_exponential_in_the_inverse_temperature(kelvin, supply):
    """Exactly so for a line in 1 / T and V; a line in T is a cubic in u = 1 / T to the remainder, its fourth derivative
    24 / u^5 over 24 times the product of the distances to the corners: 5.9e12 by 8.6e-15, 0.05 K, 1e-6 V here."""
    found = table().at({"current": np.array([1e-9, 3e-9]), "v_offset": 5e-3}, Corner(kelvin, supply))
    np.testing.assert_allclose(found["current"], np.array([1, 3]) * law(kelvin, supply), rtol=1e-9)
    assert found["v_offset"] == pytest.approx(5e-3 + rest(kelvin, supply), abs=1e-6)


def test_at_the_usual_corner_nothing_moves():
    own = {"current": 7e-9, "unknown": 3.0}
    assert table().at(own, USUAL) == own


def test_what_was_not_measured_stays():
    assert table().at({"unknown": 3.0}, Corner(340.0, 0.75))["unknown"] == 3.0


def test_an_instances_own_terms_go_with_the_polynomial():
    """A dead time of half its length, of an instance whose is longer by a tenth, is longer by a twentieth."""
    ones = np.ones((len(KELVIN), len(SUPPLY)))
    halved = ones * np.array([1.0, 1.0, 1.0, 0.5])[:, None]
    terms = {"time_0": 3.0 * ones, "time_1": 4.0 * halved - 3.0 * ones}
    own = np.array([3.1, 3.0]), np.array([1.0, 1.1])
    found = table(**terms).at({"time_0": own[0], "time_1": own[1]}, Corner(HOT, 0.8))
    np.testing.assert_allclose(found["time_0"] + found["time_1"], [2.05, 2.05], rtol=1e-12)


def test_what_a_fit_left_open_is_no_scale():
    """A floor that is nothing at some corners and something at others would swing between them in its logarithm."""
    grid = np.full((len(KELVIN), len(SUPPLY)), 1e-12)
    grid[0] = 1e-3
    found = table(floor=grid).at({"floor": 1e-12}, Corner(313.0, 0.8))["floor"]
    # the largest Lagrange weight of the cold node between its neighbours is below a fifth
    assert abs(found) < 2e-4


@pytest.mark.parametrize(
    ("corner", "told"), [(Corner(400.0, 0.8), "0 to 85 C"), (Corner(300.15, 0.5), r"0\.72 to 0\.88 V")]
)
def test_beyond_the_corners_is_refused(corner, told):
    with pytest.raises(OutOfRange, match=f"toy(.|\n)*{told}"):
        table().at({"current": 1.0}, corner)


def test_json_and_back(tmp_path):
    text = json.dumps(table().to_dict())
    (tmp_path / "toy.json").write_text(text)
    again = read_corners("toy", tmp_path)
    assert (again.kelvin, again.supply) == (KELVIN, SUPPLY)
    np.testing.assert_allclose(again.values["current"], table().values["current"], rtol=1e-6)
    with pytest.raises(LibraryError, match=r"neuromorph corners other"):
        read_corners("other", tmp_path)
    for wrong in (
        "{}",
        text.replace("300.15", "300.2"),
        text.replace("[2.0, 2.0, 2.0]", "[2.0]", 1),
        "no JSON",
    ):
        (tmp_path / "toy.json").write_text(wrong)
        with pytest.raises(LibraryError, match="no table of corners"):
            read_corners("toy", tmp_path)


def test_every_block_that_is_drawn_has_a_table_of_all_that_differs():
    for block, names in DRAWN.items():
        assert set(names) <= set(read_corners(block).values), block


@given(st.integers(0, 10_000))
def test_random_corners_are_inside(seed):
    assert random_corner(seed).checked("here") == random_corner(seed)


def tail_current(data):
    return FittedModel("tail", {"tail": float(data["sigmoid"]["tail"][0])}, {"tail": "A"}, {}, {})


GATE = load_recipe("gate")
SMALL = replace(
    GATE, sweeps=(replace(GATE.sweep("sigmoid"), axes={"vb": Axis((0.18,), "V")}),), fit=tail_current
)


@pytest.mark.ngspice
def test_a_tail_below_threshold_carries_more_when_it_is_warm_and_hardly_minds_the_supply(tmp_path):
    """Its gate's voltage counts from ground; what the supply does is its output conductance."""
    found = corner_table(SMALL, tmp_path, progress=False)
    tail = found.values["tail"]
    assert np.all(np.diff(tail, axis=0) > 0)
    assert np.all(np.abs(tail / tail[:, 1:2] - 1) < 0.05)
    assert np.all(tail[:, 0] != tail[:, 2])
    assert corner_table(SMALL, tmp_path, progress=False).values["tail"].tolist() == tail.tolist()


def test_what_a_recipe_has_to_have(tmp_path):
    with pytest.raises(CircuitError, match="no fit to repeat"):
        corner_table(replace(GATE, fit=None), tmp_path)
    with pytest.raises(InputError, match="1 points an axis"):
        corner_table(GATE, tmp_path, points=1)
    with pytest.raises(CircuitError, match="corner_sweeps= names no sweep nothing"):
        replace(GATE, corner_sweeps=("nothing",))


@pytest.mark.ngspice
def test_a_corner_that_cannot_be_fitted_is_named(tmp_path):
    def fails_hot(data):
        if (tail := float(data["sigmoid"]["tail"][0])) > 1e-8:
            raise ValueError("too much")
        return FittedModel("tail", {"tail": tail}, {"tail": "A"}, {}, {})

    with pytest.raises(CircuitError, match=r"gate: at 85 C and 0\.72 V: ValueError: too much"):
        corner_table(replace(SMALL, fit=fails_hot), tmp_path, progress=False)
