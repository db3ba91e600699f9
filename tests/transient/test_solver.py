"""Circuits solved side by side, against exact answers, a general integrator and ngspice."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from neuromorph.characterization import load_recipe
from neuromorph.devices.cnfet import CnfetParameters, drain_current
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.netlist import subcircuits
from neuromorph.errors import CircuitError, SimulationFailed
from neuromorph.spice.workers import Job, WorkerPool
from neuromorph.transient.deck import read_deck
from neuromorph.transient.pool import BatchPool
from neuromorph.transient.solver import solve
from neuromorph.transient.stepping import Tolerance

FAST = CnfetParameters(lg=32.0, vfb=0.08)
FETS = "\n".join(subcircuits({"fast": FAST}))
LOAD = 2e-15
EDGE = "pwl(0 0 1n 0 1.2n 0.8 4n 0.8 4.1n 0)"


def inverter(analysis=".tran 0.1n 8n 0 0.1n", drive=EDGE, vfb=0.08, more=""):
    cards = f"vdd vdd 0 0.8\nvin in 0 {drive}\nxn out in 0 nfet_fast vfb={vfb}\nxp out in vdd pfet_fast\n"
    end = f"cl out 0 {LOAD}\n{more}\n.save v(out) i(vdd) i(vin)\n{analysis}\n.end\n"
    return f"* inverter\n{FETS}\n{cards}{end}"


def out_current(v_in, v_out, vfb=0.08):
    """Into the output node from the two transistors, A."""
    low = drain_current(FAST.with_(vfb=vfb), "n", v_in, v_out, 0.0)
    return -low - drain_current(FAST, "p", v_in, v_out, 0.8)


def test_a_current_charges_a_capacitor_along_a_line():
    cards = "i1 0 a pwl(0 0 1n 0 3n 4u 5n 4u)\nca a 0 3f\ncb a b 2f\ncc b 0 2f\n.ic v(a)=0.1 v(b)=0\n.save v(a) v(b)\n"
    text = f"* ramp\n{FETS}\nvdd vdd 0 0.8\n{cards}.tran 0.1n 5n 0 0.1n uic\n.end\n"
    (waves,) = solve([read_deck(text)])
    t = waves.time
    charge = np.where(t < 1e-9, 0, np.where(t < 3e-9, 1e3 * (t - 1e-9) ** 2, 4e-15 + 4e-6 * (t - 3e-9)))
    # two of 2 fF in series beside one of 3 fF
    np.testing.assert_allclose(waves["a"], 0.1 + charge / 4e-15, atol=1e-9)
    np.testing.assert_allclose(waves["b"], charge / 8e-15, atol=1e-9)


def test_an_inverter_moves_as_a_general_integrator_says():
    waves = solve([read_deck(inverter())], Tolerance(1e-6, 1e-8))[0]
    half = float(evaluate_geometry(FAST.values(), np)["cgate"])
    corners = np.array([0, 1e-9, 1.2e-9, 4e-9, 4.1e-9, 8e-9])
    levels = np.array([0, 0, 0.8, 0.8, 0, 0])

    def course(t, v, slope):
        # half of each gate couples the input in
        v_in = np.interp(t, corners, levels)
        return (out_current(v_in, v) + 2 * half * slope) / (LOAD + 2 * half)

    v = [brentq(lambda v: out_current(0.0, v), -0.1, 0.9)]
    for (begin, end), (a, b) in zip(pairwise(corners), pairwise(levels), strict=True):
        slope = (b - a) / (end - begin)
        # a corner has two points: before and after it
        at = np.unique(waves.time[(waves.time > begin) & (waves.time <= end)])
        found = solve_ivp(course, (begin, end), [v[-1]], "Radau", at, rtol=1e-9, atol=1e-12, args=(slope,))
        np.testing.assert_allclose(np.interp(at, waves.time, waves["out"]), found.y[0], atol=2e-6)
        v.append(found.y[0, -1])


def test_charge_from_the_supply_is_what_moved():
    """Of a whole cycle every node is where it was: the supply gave what flowed through the lower transistor."""
    waves = solve([read_deck(inverter())], Tolerance(1e-5, 1e-7))[0]
    given = -np.trapezoid(waves["vdd#branch"], waves.time)
    v_in = np.interp(waves.time, [0, 1e-9, 1.2e-9, 4e-9, 4.1e-9, 8e-9], [0, 0, 0.8, 0.8, 0, 0])
    lost = np.trapezoid(drain_current(FAST, "n", v_in, waves["out"], 0.0), waves.time)
    # what the input pushes through the gates comes back
    assert abs(np.trapezoid(waves["vin#branch"], waves.time)) < 1e-3 * given
    assert given == pytest.approx(lost, rel=2e-3)


def test_a_sweep_finds_the_curve_and_its_currents():
    (waves,) = solve([read_deck(inverter(".dc vin 0 0.8 0.05", "0"))])
    v_in = np.arange(17) * 0.05
    expected = [brentq(lambda v, a=a: out_current(a, v), -0.1, 0.9, xtol=1e-14) for a in v_in]
    np.testing.assert_allclose(waves["v-sweep"], v_in, atol=1e-12)
    np.testing.assert_allclose(waves["out"], expected, atol=1e-9)
    drawn = [drain_current(FAST, "p", a, b, 0.8) for a, b in zip(v_in, expected, strict=True)]
    np.testing.assert_allclose(waves["vdd#branch"], drawn, rtol=1e-6, atol=1e-17)


def test_lanes_do_not_know_of_each_other():
    """Different transistors, drives and lengths, side by side and alone."""
    texts = [
        inverter(),
        inverter(vfb=0.2),
        inverter(".tran 0.1n 3n 0 0.05n", vfb=0.12),
        inverter(drive="0.4"),
    ]
    decks = [read_deck(text) for text in texts]
    for alone, beside in zip((solve([deck])[0] for deck in decks), solve(decks), strict=True):
        np.testing.assert_allclose(beside.time, alone.time, rtol=1e-12)
        np.testing.assert_allclose(beside["out"], alone["out"], atol=1e-12)
    with pytest.raises(CircuitError, match="one form"):
        solve([decks[0], read_deck(inverter(more="cx in out 1f"))])


def test_a_latch_settles_where_its_guess_puts_it():
    """Two states, and one between them that is none."""
    cross = "xn2 in2 out 0 nfet_fast\nxp2 in2 out vdd pfet_fast\n"
    for high in (0.0, 0.8):
        text = inverter(
            ".tran 0.1n 2n 0 0.1n", "0.4", more=f"{cross}.nodeset v(out)={high} v(in2)={0.8 - high}"
        )
        text = text.replace("xn out in 0", "cin in out 0.1f\nxn out in2 0").replace(
            "xp out in vdd", "xp out in2 vdd"
        )
        (waves,) = solve([read_deck(text)])
        np.testing.assert_allclose(waves["out"], high, atol=0.01)


def test_what_has_no_operating_point_is_no_answer():
    """A current into a capacitor never settles; the lane beside it does."""
    rising = inverter(more="i1 0 lone 1n\nclone lone 0 1f")
    still = inverter(more="i1 0 lone 0\nclone lone 0 1f")
    found = solve([read_deck(rising), read_deck(still)])
    assert found[0] is None
    assert found[1] is not None
    with BatchPool(1) as pool:
        answers = dict(
            (job.key, out)
            for job, out in pool.run([Job("a", rising, "inverter", "here"), Job("b", still, "inverter", "")])
        )
    assert isinstance(answers["a"], SimulationFailed)
    assert "inverter" in str(answers["a"])
    np.testing.assert_allclose(answers["b"]["out"], found[1]["out"])


def test_groups_solved_at_a_time_give_what_one_after_the_other_gives():
    """In threads of one process two transients waited for each other for ever."""
    jobs = [
        Job(f"{more} {k}", inverter(vfb=0.08 + 1e-3 * k, more=more), "inverter", "")
        for more in ("", "cm in out 1f")
        for k in range(3)
    ]
    with BatchPool(1) as alone, BatchPool(2) as both:
        one, two = ({job.key: out for job, out in pool.run(jobs)} for pool in (alone, both))
    for key, waves in one.items():
        np.testing.assert_array_equal(two[key].time, waves.time)
        np.testing.assert_array_equal(two[key]["out"], waves["out"])


def test_a_process_that_dies_costs_its_group():
    with BatchPool(2) as pool:
        ((_, waves),) = pool.run([Job("a", inverter(), "inverter", "here")])
        (process,) = pool._processes
        process._process.kill()
        ((_, failure),) = pool.run([Job("b", inverter(), "inverter", "here")])
        assert isinstance(failure, SimulationFailed)
        assert "died (exit status -9)" in str(failure)
        ((_, again),) = pool.run([Job("c", inverter(), "inverter", "here")])
    np.testing.assert_array_equal(again["out"], waves["out"])


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("block", "sweep", "at", "finest", "tolerance"),
    [
        ("excitatory_synapse", "weight", {"vw": 0.42}, 5e-12, 1e-3),
        ("gate_synapse", "charge", {}, 1e-11, 1e-3),
    ],
)
def test_ngspice_comes_nearer_the_finer_its_steps(block, sweep, at, finest, tolerance):
    """ngspice errs by its steps: at ever finer ones it ends where this solver is from the beginning."""
    circuit = load_recipe(block)
    plan = circuit.sweep(sweep)
    point = next(p for _, p in plan.points()) | at
    text = circuit.deck(plan, point)
    tight = re.sub(
        r"\.options.*",
        ".options method=gear reltol=1e-5 abstol=1e-15 vntol=1e-8 chgtol=1e-20 gmin=1e-15",
        text,
    )
    stop = re.search(r"\.tran \S+ (\S+)", text)[1]
    fine = re.sub(r"\.tran.*", f".tran 1e-11 {stop} 0 {finest:g}", tight)
    with WorkerPool(2) as pool:
        answers = {
            job.key: out
            for job, out in pool.run([Job("fine", fine, block, ""), Job("usual", text, block, "")])
        }
    with BatchPool(1) as pool:
        ((_, mine),) = pool.run([Job("0", text, block, "")])
    ours, *theirs = (plan.measure(w, point) for w in (mine, answers["fine"], answers["usual"]))
    for name, value in ours.items():
        if np.ndim(value) == 0 and abs(value) > 1e-20 and name in ("charge", "interval", "peak"):
            errors = [abs(other[name] / value - 1) for other in theirs]
            assert errors[0] < tolerance, (name, errors)
            assert errors[0] < max(errors[1], 1e-4), (name, errors)
