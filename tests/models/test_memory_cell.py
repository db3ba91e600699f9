"""The cell's rails against SPICE; what its mirrors owe it, and what it keeps while it waits."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from neuromorph.fitting.cell_mirrors import follow, product_owed
from neuromorph.fitting.memory_cell import RAIL, random_frames, rejoined, simulate_frames, waited
from neuromorph.library import Library
from neuromorph.models.fidelity import memory_cell, sigmoid_gates
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.memory_cell import MemoryCell

NETLISTS = Path(__file__).parents[2] / "netlists"
REFERENCE = 0.4


@pytest.mark.parametrize(("candidate", "sign"), [(0.55, 1), (0.25, -1)])
def test_a_cell_that_is_charged_on_and_on_ends_at_a_rail(ngspice_program, tmp_path, candidate, sign):
    deck = (NETLISTS / "benches" / "memory_cell.cir").read_text()
    deck = deck.replace(".include ../", f".include {NETLISTS}/")
    for source, value in (("vi", 0.55), ("vg", candidate), ("vf", 0.6)):
        deck = re.sub(rf"(?m)^{source} {source} .*$", f"{source} {source} 0 {value}", deck)
    deck = re.sub(r"(?m)^\.(tran|meas|print) .*\n", "", deck)
    deck = deck.replace(".end", ".tran 1n 3000n 0 2n\n.meas tran c_end find v(c) at=2990n\n.end")
    (tmp_path / "rail.cir").write_text(deck)
    done = subprocess.run(
        [ngspice_program, "-b", "rail.cir"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    found = re.search(r"c_end\s*=\s*(\S+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) - REFERENCE == pytest.approx(sign * RAIL, rel=0.01)


FITTED = Library.shipped().models("memory_cell")["memory_cell"]


H = 2e-9


def charged(cell, c, before, after, ticks=400):
    """c after gates [3] and candidate have gone from ``before`` to ``after`` and stayed."""
    (gates, g), (gates_after, g_after) = (
        (jnp.float32(x)[:, None], jnp.float32([y])) for x, y in (before, after)
    )
    c = jnp.float32([c / TANH_UNIT])
    currents = cell.standing(c, gates, g)
    for _ in range(ticks):
        c, currents = cell.moved(c, currents, gates_after, g_after, H)
    return float(c[0]) * TANH_UNIT


@given(
    start=st.floats(1e-4, 1.0),
    target=st.floats(1e-4, 1.0),
    steps=st.integers(1, 7),
    seconds=st.floats(1e-9, 1e-7),
)
@settings(max_examples=40, deadline=None)
def test_a_mirror_follows_as_the_differential_equation_of_its_gate(start, target, steps, seconds):
    q, full = 3e-17, 1e-7
    found, charge = start * full, 0.0
    for _ in range(steps):
        found, mean = follow(found, target * full, q, seconds / steps)
        charge += mean * seconds / steps
    solved = solve_ivp(
        lambda _, y: [full * (target - np.exp(y[0])) / q, np.exp(y[0]) / seconds], (0, seconds), [np.log(start), 0.0],
        method="LSODA", rtol=1e-8, atol=1e-10,
    )  # fmt: skip
    assert np.log(found / full) == pytest.approx(solved.y[0, -1], abs=1e-4)
    assert charge / full / seconds == pytest.approx(solved.y[1, -1], rel=1e-4)


def test_the_cell_of_the_step_is_that_of_the_fit():
    drive = random_frames(7, 6)
    cell, c = memory_cell(FITTED), jnp.zeros(1)
    gate, tanh = sigmoid_gates(FITTED), np.tanh((drive["vg"] - FITTED["g_offset"]) / FITTED["g_width"])
    currents, ends = None, []
    for k in range(6):
        z = jnp.float32([drive["vi"][k], -drive["vf"][k], drive["vo"][k]])[:, None] / GATE_UNIT
        gates, g = gate.value(z), jnp.float32(tanh[k : k + 1])
        currents = currents or cell.standing(c, gates, g)
        for _ in range(50):
            c, currents = cell.moved(c, currents, gates, g, H)
        ends.append(float(c[0]) * TANH_UNIT)
    assert ends == pytest.approx(simulate_frames(FITTED, 7, 6)[0], abs=2e-5)


@pytest.mark.parametrize("gate", [0.1, 0.4, 1.0])
def test_a_candidate_that_moves_costs_the_same_charge_behind_every_open_gate(gate):
    cell = memory_cell(FITTED)
    at_once = replace(cell, mirrors=None)
    moves = ([gate, 1e-6, 0.5], -0.5), ([gate, 1e-6, 0.5], 0.5)
    cost = charged(cell, 0.0, *moves, ticks=100) - charged(at_once, 0.0, *moves, ticks=100)
    v = FITTED["g_offset"] + FITTED["g_width"] * np.arctanh(0.5)
    v_gate = FITTED["i_offset"] - FITTED["i_width"] * np.log(1 / gate - 1) if gate < 1 else 1.0
    owed, _ = product_owed(FITTED, v_gate, 2 * FITTED["g_offset"] - v, v)
    # the sink's input is taken as constant over a tick of 2 ns, in the bench over half a nanosecond
    assert cost == pytest.approx(owed[0] / FITTED["capacitance"], rel=0.06)
    assert cost == pytest.approx(-20e-3 * 70e-3, rel=0.3)


@pytest.mark.parametrize("c", [-0.1, -0.02, 0.05, 0.12])
def test_a_leak_that_closes_goes_on_for_a_while(c):
    cell = replace(memory_cell(FITTED), drift_rate=0.0)
    moves = ([1e-6, 0.1, 0.5], 0.0), ([1e-6, 0.005, 0.5], 0.0)
    soon, late = (charged(cell, c, *moves, ticks=n) - c for n in (5, 100))
    static = [charged(replace(cell, mirrors=None), c, *moves, ticks=n) - c for n in (5, 100)]
    assert (late - static[1]) * c < 0  # towards its rest
    assert 0.2 < (soon - static[0]) / (late - static[1]) < 0.8  # half of it in ten nanoseconds


def test_mirrors_at_rest_change_nothing():
    cell = memory_cell(FITTED)
    still = ([0.6, 0.2, 0.5], 0.3)
    assert charged(cell, 0.02, still, still) == pytest.approx(
        charged(replace(cell, mirrors=None), 0.02, still, still), abs=1e-4
    )


def test_an_ideal_cell_owes_nothing_and_waits_without_loss():
    cell, start = MemoryCell(leak_rate=1e7, charge_rate=1e7), jnp.array([0.3, -2.0])
    gates, g = jnp.full((3, 2), 0.4), jnp.array([0.2, -0.9])
    after, currents = cell.moved(start, cell.standing(start, gates, g), gates, g, H)
    assert currents is None
    assert np.array_equal(after, cell.step(start, gates, g, H))
    assert np.array_equal(cell.waited(start, 1e-3), start)


def test_a_cell_that_is_cut_off_and_joined_again_moves_as_fitted_and_stays_within_its_rails():
    cell, c = memory_cell(FITTED), np.array([-0.2, 0.0, 0.2])
    after = np.asarray(cell.waited(jnp.asarray(c / TANH_UNIT, jnp.float32), 1e-5)) * TANH_UNIT
    moved = waited(FITTED, c, 1e-5) + rejoined(FITTED, c)
    assert after - c == pytest.approx(moved, abs=4e-8)  # an ulp of float32
    assert 0.005 < FITTED["rejoin_share"] < 0.05
    assert float(cell.waited(jnp.float32(1.0), 1e9)) == pytest.approx(-RAIL / TANH_UNIT)
    assert float(cell.waited(jnp.float32(1.0), 0.0)) == 1.0
