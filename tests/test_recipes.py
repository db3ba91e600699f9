"""Recipes and the shipped library belong together, and ngspice still says the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuromorph.characterization import load_recipe, measure, recipe_names
from neuromorph.characterization.plan import planned
from neuromorph.characterization.recipes import find_recipe
from neuromorph.circuit import Axis
from neuromorph.library import Library
from neuromorph.spice.netlist import digest
from tests.benches import assert_within_limits

ROOT = Path(__file__).parent.parent
SLOW = re.compile(r"^[#*] slow: ", re.MULTILINE)
"""Line of a recipe or bench whose measurement takes more than ten seconds, and why."""


def slow_marked(paths):
    """Paths as test parameters; ``slow`` where the file says so."""
    return [
        pytest.param(p, marks=pytest.mark.slow if SLOW.search(p.read_text()) else (), id=p.stem)
        for p in paths
    ]


@pytest.mark.parametrize("name", recipe_names())
def test_the_shipped_curves_are_those_of_this_netlist_and_plan(name):
    """After a change of a netlist or recipe: make library."""
    circuit, attributes = load_recipe(name), Library.shipped().attributes(name)
    assert attributes["netlist_sha256"] == digest(circuit.netlist_text())
    assert attributes["plan_sha256"] == planned(circuit).digest


@pytest.mark.parametrize("name", recipe_names())
def test_transistors_are_counted_right(name):
    """The stated count is that of the netlist, nested blocks included."""
    circuit = load_recipe(name)
    bodies, current = {}, None
    for line in circuit.netlist_text().lower().splitlines():
        words = line.split()
        if words[:1] == [".subckt"]:
            current = bodies.setdefault(words[1], [])
        elif words[:1] == [".ends"]:
            current = None
        elif current is not None and line.startswith("x"):
            current.append(next(w for w in reversed(words) if "=" not in w))

    def count(block):
        return sum(1 if "fet_" in part else count(part) for part in bodies[block])

    assert count(circuit.subcircuit.lower()) == circuit.transistors


@pytest.mark.ngspice
@pytest.mark.parametrize("recipe", slow_marked(map(find_recipe, recipe_names())))
def test_ngspice_still_measures_the_shipped_curves(recipe):
    """A point of each block, drawn with a fixed seed, again: equal to 1e-4 of full scale (reltol)."""
    name = recipe.stem
    circuit, stored = load_recipe(name), Library.shipped().read(name)
    rng = np.random.default_rng(sum(name.encode()))
    sweeps = [s for s in circuit.sweeps if not s.held_out and s.name != "tonic"]
    sweep = sweeps[rng.integers(len(sweeps))]
    index = tuple(int(rng.integers(n)) for n in sweep.shape)
    axes = {k: Axis((a.values[i],), a.unit) for (k, a), i in zip(sweep.axes.items(), index, strict=True)}
    fresh = measure(circuit, [replace(sweep, axes=axes)])[sweep.name]
    for output, values in fresh.outputs.items():
        reference = stored[sweep.name][output]
        full = np.nanmax(np.abs(reference))
        first = (0,) * len(index)
        np.testing.assert_allclose(
            values[first], reference[index], atol=1e-4 * full, rtol=1e-4, err_msg=output
        )


BENCHES = sorted((ROOT / "netlists" / "benches").glob("*.cir"))


def test_every_recipe_has_a_bench():
    assert {p.stem for p in BENCHES} >= set(recipe_names())


@pytest.mark.ngspice
@pytest.mark.parametrize("bench", slow_marked(BENCHES))
def test_bench_runs_under_bare_ngspice(bench, ngspice_program):
    assert_within_limits(bench, ngspice_program)
