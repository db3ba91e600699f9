"""Real ngspice: what succeeds, what fails, and that a failure costs one point."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from neuromorph.errors import EngineUnavailable, SimulationFailed
from neuromorph.spice import workers
from neuromorph.spice.workers import SHUNT, Job, WorkerPool, simulate, simulate_whole

pytestmark = pytest.mark.ngspice

RC = """* rc
v1 in 0 pwl(0 0 1n 0 1.001n 1)
r1 in out {r}
c1 out 0 1p
.save v(out)
.tran 10p 5n
.end
"""


def test_rc_against_theory():
    waves = simulate(RC.format(r="1k"))
    at = np.interp([1.5e-9, 2e-9, 3e-9], waves.time, waves["out"])
    # trapezoidal integration with reltol 1e-3: theory within 2e-3
    assert at == pytest.approx(1 - np.exp(-np.array([0.5, 1.0, 2.0])), abs=2e-3)


BAD = {
    "unknown subcircuit": RC.format(r="1k").replace("c1 out 0 1p", "x1 out 0 nothing"),
    "syntax": "* bad\nv1 a 0 1\nb1 a b v=exp(v(a)\n.op\n.end\n",
    "conflicting sources": "* bad\nv1 a 0 1\nv2 a 0 2\nr1 a 0 1k\n.op\n.end\n",
    "stops half-way": "* ln of a negative\nv1 in 0 pwl(0 1 4n 0)\nb1 x 0 i=1e-6*ln(v(in)-0.5)\nc1 x 0 1p\nr1 x 0 1k\n"
    ".tran 10p 4n\n.end\n",
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_failures_are_typed_and_tell(name):
    with pytest.raises(SimulationFailed) as caught:
        simulate(BAD[name], "broken", "point 7")
    assert caught.value.circuit == "broken"
    assert "point 7" in str(caught.value)
    assert caught.value.reason


def test_a_good_run_after_bad_ones_is_unchanged():
    with WorkerPool(1) as pool:
        first = next(r for _, r in pool.run([Job("a", RC.format(r="1k"), "rc", "")]))
        for text in BAD.values():
            list(pool.run([Job("b", text, "bad", "")]))
        again = next(r for _, r in pool.run([Job("c", RC.format(r="1k"), "rc", "")]))
    np.testing.assert_array_equal(first["out"], again["out"])


def test_gmin_stepping_is_a_success():
    """An inverter loop whose operating point needs gmin stepping converges, whatever PySpice raises."""
    text = (
        "* latch\n.model n nmos level=1 vto=0.3 kp=1e-3\n.model p pmos level=1 vto=-0.3 kp=1e-3\nvdd vdd 0 0.8\n"
        "m1 a b 0 0 n\nm2 a b vdd vdd p\nm3 b a 0 0 n\nm4 b a vdd vdd p\n.options itl1=4\n.op\n.end\n"
    )
    waves = simulate(text)
    # by symmetry the solution found from gmin stepping is the balanced one
    assert waves["a"][0] == pytest.approx(waves["b"][0], abs=1e-3)


def test_a_run_that_takes_too_long_is_ended_and_the_rest_goes_on():
    slow = RC.format(r="1k").replace(".tran 10p 5n", ".tran 1p 1 0 1p")
    with WorkerPool(1, timeout=2.0) as pool:
        jobs = [Job("slow", slow, "rc", ""), Job("good", RC.format(r="2k"), "rc", "")]
        results = {job.key: result for job, result in pool.run(jobs)}
    assert isinstance(results["slow"], SimulationFailed)
    assert "took more than" in str(results["slow"])
    assert not isinstance(results["good"], SimulationFailed)


def test_a_crashed_worker_costs_one_point():
    slow = RC.format(r="1k").replace(".tran 10p 5n", ".tran 1p 1 0 1p")
    jobs = [
        Job("victim", slow, "rc", ""),
        *(Job(str(k), RC.format(r=f"{k}k"), "rc", "") for k in range(1, 4)),
    ]
    with WorkerPool(1, timeout=60) as pool:
        worker = pool._workers[0].process.pid
        threading.Timer(1.0, os.kill, (worker, signal.SIGKILL)).start()
        results = {job.key: r for job, r in pool.run(jobs)}
    assert isinstance(results["victim"], SimulationFailed)
    assert "died" in str(results["victim"])
    assert all(not isinstance(results[str(k)], SimulationFailed) for k in range(1, 4))


def test_a_worker_that_died_while_idle_is_replaced():
    with WorkerPool(1) as pool:
        os.kill(pool._workers[0].process.pid, signal.SIGKILL)
        pool._workers[0].process.wait()
        (_, result), *_ = pool.run([Job("a", RC.format(r="1k"), "rc", "")])
    assert not isinstance(result, SimulationFailed)


def test_a_library_that_cannot_be_loaded_is_named(monkeypatch):
    from neuromorph.spice.engine import find_library

    monkeypatch.setenv("NEUROMORPH_NGSPICE", "/nowhere/libngspice.so")
    with pytest.raises(EngineUnavailable, match="/nowhere/libngspice"):
        find_library()


def test_a_title_that_says_error_is_no_failure():
    waves = simulate("* error_unit / error: fatal error\nv1 a 0 1\nr1 a 0 1k\n.save v(a)\n.op\n.end\n")
    assert waves["a"][-1] == pytest.approx(1.0)


def test_a_network_that_does_not_converge_is_solved_again_with_a_shunt(monkeypatch):
    asked = []

    def solved(netlist, *_):
        asked.append(netlist)
        if f"cshunt={SHUNT:g}" in netlist:
            return "waves"
        raise SimulationFailed("a", "b", ".tran", reason, tail)

    monkeypatch.setattr(workers, "simulate", solved)
    reason, tail = "the transient stopped", ("doAnalyses: TRAN:  Timestep too small; time = 1e-8",)
    assert simulate_whole("* deck\n.options reltol=1e-4\n.end", "a", "b", 1.0) == "waves"
    assert len(asked) == 2
    reason, tail = "the ngspice process died", ()
    with pytest.raises(SimulationFailed, match="died"):
        simulate_whole("* deck\n.options reltol=1e-4\n.end", "a", "b", 1.0)
    assert len(asked) == 3
