"""A block at another supply: what in its benches moves, and what does not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization import load_recipe, recipe_names
from neuromorph.characterization.corners import HIGH_SUPPLY, LOW_SUPPLY, at_supply
from neuromorph.circuit import Axis, Knob
from tests.characterization.recipes_for_tests import rc_circuit


def netlist(circuit, cards, knob=0.5):
    return circuit.testbench({"vbias": knob}, cards, ".dc vin 0 0.8 0.1", "v(out)")


def benched(tmp_path, cards, supply, from_supply=False, rail_sources=()):
    """A bench of the RC circuit at a supply, and at the usual one."""
    circuit = rc_circuit(
        tmp_path,
        knobs=(Knob("vbias", 0.0, 1.0, 0.5, "nothing", from_supply=from_supply),),
        rail_sources=rail_sources,
    )
    sweep = replace(
        circuit.sweeps[0],
        axes={"vbias": Axis((0.3,), "V")},
        bench=lambda own, p: netlist(own, cards, p["vbias"]),
    )
    circuit = replace(circuit, sweeps=(sweep,))
    other = at_supply(circuit, supply)
    return [one.bench(one.sweeps[0], {"vbias": 0.3}) for one in (other, circuit)]


def test_what_stands_at_the_rail_moves_and_nothing_else(tmp_path):
    cards = "va a 0 pwl(0 0 0.8n 0 0.9n 0.8 2n 0.85)\nrb b 0 0.8\n.ic v(out)=0.8 v(in)=0.4\nvc c 0 10.8\nvd d 0 -0.8"
    found, usual = benched(tmp_path, cards, LOW_SUPPLY)
    assert "vdd vdd 0 0.72" in found
    assert "va a 0 pwl(0 0 0.8n 0 0.9n 0.72 2n 0.85)" in found
    assert ".ic v(out)=0.72 v(in)=0.4" in found
    for kept in ("rb b 0 0.8", "vc c 0 10.8", "vd d 0 -0.8", ".dc vin 0 0.8 0.1", "v_vbias vbias 0 0.3"):
        assert kept in found
        assert kept in usual


@pytest.mark.parametrize(("from_supply", "value"), [(False, 0.3), (True, 0.38)])
def test_a_bias_made_from_the_rail_keeps_its_distance_also_as_an_axis(tmp_path, from_supply, value):
    found, usual = benched(tmp_path, "", HIGH_SUPPLY, from_supply)
    assert "v_vbias vbias 0 0.3\n" in usual
    assert float(re.search(r"^v_vbias vbias 0 (\S+)$", found, re.M)[1]) == pytest.approx(value)


def test_a_benchs_own_source_made_from_the_rail_keeps_its_distance(tmp_path):
    found, _ = benched(tmp_path, "va a 0 0.5\nvab ab 0 0.5", HIGH_SUPPLY, rail_sources=("va",))
    assert "va a 0 0.58\n" in found
    assert "vab ab 0 0.5\n" in found


@pytest.mark.parametrize("name", recipe_names())
def test_sources_made_from_the_rail_are_sources_of_its_benches(name):
    circuit = load_recipe(name)
    lines = {
        (line.split()[0], len(line.split()))
        for sweep in circuit.sweeps
        for line in sweep.bench(circuit, next(iter(sweep.points()))[1]).splitlines()
        if line.strip()
    }
    assert {(source, 4) for source in circuit.rail_sources} <= lines


def test_at_the_usual_supply_nothing_moves(tmp_path):
    found, usual = benched(tmp_path, "va a 0 0.8", 0.8, True)
    assert found == usual


@pytest.mark.parametrize("name", recipe_names())
def test_no_source_of_a_shipped_bench_is_left_at_the_old_rail(name):
    circuit = load_recipe(name)
    low = at_supply(circuit, LOW_SUPPLY)
    for sweep, usual in zip(low.sweeps, circuit.sweeps, strict=True):
        _, point = next(iter(sweep.points()))
        before, after = usual.bench(circuit, point), sweep.bench(low, point)
        if "vdd vdd 0 0.8\n" not in before:
            continue  # a device on its own has no supply
        assert "vdd vdd 0 0.72\n" in after
        sources = [line for line in after.splitlines() if line.lower().startswith("v")]
        assert not any(re.search(r"(?<![\w.])0\.8(?![\w.])", line) for line in sources)


@pytest.mark.parametrize("name", recipe_names())
def test_knobs_made_from_the_rail_lie_on_p_transistors(name):
    """On a gate of one, or at the top of one; never on the gate of an n transistor."""
    circuit = load_recipe(name)
    structure = circuit.structure()
    for knob in (knob for knob in circuit.knobs if knob.from_supply):
        assert set(models_at(structure, circuit.subcircuit, knob.name.lower())) == {"p"}


def models_at(structure, name, node):
    """Polarity of every transistor of a subcircuit that has a net on its drain, gate or source."""
    for element in structure[name].elements:
        nodes = [one.lower() for one in element.nodes]
        if element.is_transistor and node in nodes[:3]:
            yield element.model[0].lower()
        elif element.kind == "x" and node in nodes:
            for port, own in zip(structure[element.model].ports, nodes, strict=True):
                if own == node:
                    yield from models_at(structure, element.model, port.lower())


@pytest.mark.ngspice
def test_a_rails_current_follows_the_supply(tmp_path):
    """The RC circuit has 1 kohm from the rail to ground."""
    from neuromorph.spice.workers import simulate

    circuit = rc_circuit(tmp_path)
    sweep = replace(circuit.sweeps[0], bench=lambda own, p: own.testbench(p, "vin in 0 0", ".op", "i(vdd)"))
    low = at_supply(replace(circuit, sweeps=(sweep,)), LOW_SUPPLY)
    waves = simulate(low.deck(low.sweeps[0], {}), "rc", "op")
    np.testing.assert_allclose(np.ravel(waves["vdd#branch"])[0], -LOW_SUPPLY / 1e3, rtol=1e-6)
