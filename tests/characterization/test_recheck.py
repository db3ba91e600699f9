"""Kept held-out points are measured again: alike, changed, failed, and within the time given."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization.recheck import _difference, recheck, tolerance_floor
from neuromorph.characterization.runner import measure
from neuromorph.errors import LibraryError
from neuromorph.fitting import blocks, verify, verify_quickly
from neuromorph.library import BlockData, FittedModel, Library
from tests.characterization.recipes_for_tests import NETLIST, rc_circuit

pytestmark = pytest.mark.ngspice


@pytest.fixture
def kept(tmp_path):
    """A circuit of which all but one sweep is held out (a point of it cannot be measured), and its kept curves."""
    plain = rc_circuit(tmp_path, amplitudes=(0.5, 1.0, 2.0))
    check = replace(plain.sweeps[0], name="check", held_out=True)
    circuit = replace(plain, sweeps=(plain.sweeps[0], check))
    library = Library(tmp_path / "kept")
    library.write(measure(circuit, (check,)))
    return circuit, library


def test_kept_curves_are_what_ngspice_answers(kept):
    circuit, library = kept
    found = recheck([circuit], library, seconds=60, seed=3, progress=False)["rc"]
    assert found.points == 3
    assert found.error < 1e-9


def test_a_changed_curve_is_found_and_its_point_named(kept):
    circuit, library = kept
    data = library.read("rc")
    data.sweeps["check"].outputs["final"][1] *= 1.05
    library.write(data)
    found = recheck([circuit], library, seconds=60, seed=3, progress=False)["rc"]
    assert found.error == pytest.approx(0.05 / 1.05, rel=1e-3)
    assert found.worst == "check amplitude=1"


def test_a_sweep_that_measures_a_zero_is_not_its_own_scale(kept):
    circuit, library = kept
    data = library.read("rc")
    check = data.sweeps["check"]
    nothing = {name: np.zeros_like(values) for name, values in check.outputs.items()}
    nothing["final"][:] = 1e-6
    silent = replace(check, outputs=nothing)
    found = {
        name: _difference(BlockData("rc", {}, sweeps), circuit.sweeps[1], (0,), {"final": np.float64(2e-6)})
        for name, sweeps in (("alone", {"check": silent}), ("beside", {"check": silent, "other": check}))
    }
    assert found["alone"] == pytest.approx(1.0)
    assert found["beside"] < 1e-5


def test_a_point_that_failed_before_and_does_not_now_is_a_difference(kept):
    circuit, library = kept
    data = library.read("rc")
    data.sweeps["check"].status[0] = 0
    for values in data.sweeps["check"].outputs.values():
        values[0] = np.nan
    library.write(data)
    assert recheck([circuit], library, seconds=60, seed=3, progress=False)["rc"].error == 1.0


def test_it_ends_in_time_whatever_is_left(kept):
    circuit, library = kept
    began = time.monotonic()
    assert recheck([circuit], library, seconds=0.0, seed=3, progress=False)["rc"].points == 0
    assert time.monotonic() - began < 20


def test_a_block_of_which_no_point_was_measured_does_not_hold(kept, tmp_path):
    circuit, library = kept
    models = Library(tmp_path / "models")
    models.write(
        replace(
            measure(circuit, circuit.sweeps[:1]), fit=FittedModel("none", {"x": 1.0}, {"x": "1"}, {}, {}, {})
        )
    )
    options = {"progress": False, "seed": 3}
    late = verify_quickly([circuit], models, library, seconds=0.0, **options)
    assert [figure.holds for figure in late] == [False]
    in_time = verify_quickly([circuit], models, library, seconds=60.0, **options)
    assert [figure.holds for figure in in_time] == [True, True]


def test_curves_of_another_circuit_pass_nothing(kept, tmp_path):
    circuit, library = kept
    other = replace(rc_circuit(tmp_path, netlist=NETLIST.replace("r=1k", "r=2k")), sweeps=circuit.sweeps)
    with pytest.raises(LibraryError, match="of another circuit"):
        verify_quickly([other], library, library, progress=False)


def test_tighter_tolerances_move_a_curve_a_little(kept):
    circuit, library = kept
    data = library.read("rc")
    found = tolerance_floor(circuit, data, points=2, seconds=60.0, progress=False)
    assert found.points == 2  # of the three
    assert 0 < found.error < 1e-2
    assert tolerance_floor(circuit, data, points=2, seconds=0.0, progress=False).points == 0


def test_the_floor_is_kept_with_the_held_out_curves(kept, tmp_path, monkeypatch):
    circuit, _ = kept
    models, references = Library(tmp_path / "models"), Library(tmp_path / "references")
    fitted = FittedModel("none", {"x": 1.0}, {"x": "1"}, {}, {}, {})
    models.write(replace(measure(circuit, circuit.sweeps[:1]), fit=fitted))
    first = verify([circuit], models, progress=False, references=references)
    assert [figure.claim.split(":")[1] for figure in first] == [
        " ngspice's own floor, tolerances ten times tighter, max difference of full scale"
    ]
    monkeypatch.setattr(blocks, "tolerance_floor", None)  # called again, it would fail
    assert verify([circuit], models, progress=False, references=references) == first
