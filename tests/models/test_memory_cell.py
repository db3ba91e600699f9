"""The cell's rails against SPICE; what its mirrors owe it, and what it keeps while it waits."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.fitting.memory_cell import RAIL, lag_charge, leak_lag_charge, rejoined, waited
from neuromorph.library import Library
from neuromorph.models.fidelity import memory_cell
from neuromorph.models.gate import TANH_UNIT
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


def followed(cell, c, moves, gates, ticks=1, seconds=2e-9):
    """c after the candidate, or the leak's gate, has gone from the first of ``moves`` to the second and stayed."""
    (z, leak), (z_after, leak_after) = moves

    def stack(leak):
        return jnp.stack([jnp.full_like(c, gates), jnp.full_like(c, leak), jnp.zeros_like(c)])

    mirrored = cell.mirrored(jnp.full_like(c, z), stack(leak))
    for _ in range(ticks):
        c, mirrored = cell.followed(c, mirrored, jnp.full_like(c, z_after), stack(leak_after), seconds)
    return c


@pytest.mark.parametrize("gate", [0.05, 0.4, 1.0])
def test_a_candidate_that_moves_costs_the_same_charge_behind_every_open_gate(gate):
    cell, start = memory_cell(FITTED), jnp.array([-0.5, 0.0, 0.7])
    after = followed(cell, start, ((-0.5, 0.3), (1.0, 0.3)), gate, ticks=2000)
    owed = lag_charge(FITTED, 1.5 * TANH_UNIT) / FITTED["capacitance"] / TANH_UNIT
    assert np.asarray(after - start) == pytest.approx(owed * np.ones(3), rel=1e-3)
    at_once = followed(cell, start, ((-0.5, 0.3), (1.0, 0.3)), gate)
    share = 1 - np.exp(-2e-9 * gate / FITTED["t_lag"])
    assert np.asarray(at_once - start) == pytest.approx(owed * share * np.ones(3), rel=1e-3)


def test_a_closed_gate_lets_no_charge_through():
    start = jnp.array([0.2])
    assert followed(memory_cell(FITTED), start, ((0.0, 0.3), (2.0, 0.3)), 0.0, ticks=100) == start


@pytest.mark.parametrize("c", [-0.1, -0.02, 0.05, 0.12])
def test_a_forget_gate_that_closes_gives_the_cell_what_the_fit_says(c):
    cell, start = memory_cell(FITTED), jnp.array([c / TANH_UNIT], jnp.float32)
    before, after = 0.01, 0.05
    offset, width, floor = (FITTED[f"f_{name}"] for name in ("offset", "width", "floor"))
    leak = [floor + (1 - floor) / (1 + np.exp((v + offset) / width)) for v in (before, after)]
    moved = float((followed(cell, start, ((0.0, leak[0]), (0.0, leak[1])), 0.5) - start)[0])
    owed = leak_lag_charge(FITTED, c, before, after) / FITTED["capacitance"] / TANH_UNIT
    assert moved == pytest.approx(float(owed), rel=0.02)
    assert moved * c < 0  # a leak that goes on takes the cell towards its rest


def test_an_ideal_cell_owes_nothing_and_waits_without_loss():
    cell, start = MemoryCell(leak_rate=1e7, charge_rate=1e7), jnp.array([0.3, -2.0])
    assert np.array_equal(followed(cell, start, ((0.0, 0.3), (2.0, 0.9)), 0.5), start)
    assert np.array_equal(cell.waited(start, 1e-3), start)


def test_a_cell_that_is_cut_off_and_joined_again_moves_as_fitted_and_stays_within_its_rails():
    cell, c = memory_cell(FITTED), np.array([-0.2, 0.0, 0.2])
    after = np.asarray(cell.waited(jnp.asarray(c / TANH_UNIT, jnp.float32), 1e-5)) * TANH_UNIT
    moved = waited(FITTED, c, 1e-5) + rejoined(FITTED, c)
    assert after - c == pytest.approx(moved, abs=2e-8)
    assert 0.005 < FITTED["rejoin_share"] < 0.05
    assert float(cell.waited(jnp.float32(1.0), 1e9)) == pytest.approx(-RAIL / TANH_UNIT)
    assert float(cell.waited(jnp.float32(1.0), 0.0)) == 1.0
