"""The benchmark beside peers: what counts, what is left out; the example of the documentation."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from neuromorph.errors import NeuromorphError
from tests.spiking.conftest import loaded

OWN = ["neuromorph, native", "neuromorph, jax"]
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def peers(workloads):
    return loaded("vs_peers")


def report(scale=1.0):
    return {"counts": {"E": 5800 * scale, "I": 5800}, "mean_weight": {"w": 0.06}, "compile_seconds": 9.0,
            "peak_mib": 20.0, "version": "1"}  # fmt: skip


def test_a_time_counts_only_when_the_statistics_agree(peers):
    assert peers.disagreement("w1", report(1.004), report()) == ""
    assert peers.disagreement("w1", report(1.006), report()) == "E differs by 0.6 % (at most 0.5 %)"
    assert peers.disagreement("w1", report(float("nan")), report()).startswith("E differs by nan")
    assert peers.disagreement("w1", {"counts": {}, "mean_weight": {}}, report()) == "E is not reported"


def test_ratios_are_to_the_fastest_form_of_a_peer(peers):
    times = {
        OWN[0]: peers.Timed([0.05, 0.04, 0.045], report() | {"compile_seconds": 0.1}),
        OWN[1]: peers.Timed([0.1, 0.1, 0.1], report()),
        "Brian2, neuron, float32": peers.Timed([0.12, 0.1, 0.135], report()),
        "Brian2, textbook, float64": peers.Timed([0.4, 0.4, 0.4], report() | {"compile_seconds": 1.0}),
    }
    found = {f.claim: f for f in peers.figures("w1", times, OWN)}
    best = found["W1: neuromorph, native, over the best Brian2 standalone"]
    assert best.value == pytest.approx(0.12 / 0.045)
    assert (best.must, best.goal) == (2.0, 3.3)
    assert found["W1: neuromorph, jax, over the best Brian2 standalone"].value == pytest.approx(1.2)
    assert found["W1: compile plus run, over Brian2 standalone"].value == pytest.approx(1.4 / 0.145)


def test_the_music_network_is_held_to_its_plain_form(peers):
    names = [c.name for c in peers.ours("w4", Path("w4.npz"), 1)]
    assert names == ["neuromorph, events", "neuromorph, plain JAX"]
    told = report() | {
        "counts": {"cells": 1000, "features": 100},
        "loss": 10.0,
        "mean_weight": dict.fromkeys(("gates", "readout", "layer"), 0.1),
    }
    assert peers.disagreement("w4", told | {"loss": 10.09}, told) == ""
    assert peers.disagreement("w4", told | {"loss": 10.2}, told).startswith("loss differs by 2 %")
    times = {name: peers.Timed([seconds], told) for name, seconds in zip(names, (0.5, 2.0), strict=True)}
    found = {f.claim: f.value for f in peers.figures("w4", times, names)}
    assert found == {"W4: neuromorph, events, over neuromorph, plain JAX": 4.0}


def test_a_simulator_that_fails_is_named(peers):
    broken = peers.Contender("Broken", (sys.executable, "-c", "import sys; sys.exit('no such neuron')"))
    core = max(os.sched_getaffinity(0))
    with pytest.raises(NeuromorphError, match=r"Broken failed \(1\): no such neuron"):
        peers.timed(broken, core, 30.0)
    slow = peers.Contender("Slow", (sys.executable, "-c", "import time; time.sleep(9)"))
    with pytest.raises(NeuromorphError, match=r"Slow was not done in 0\.5 s"):
        peers.timed(slow, core, 0.5)


def test_workloads_are_the_same_draw_each_time(workloads, tmp_path):
    file = workloads.kept("w2", tmp_path)
    with np.load(file) as kept:
        again = workloads.w2()
        assert set(kept) == set(again)
        for name, array in again.items():
            np.testing.assert_array_equal(kept[name], array)
    assert [f.name for f in tmp_path.iterdir()] == ["w2.npz"]


def test_the_sparse_workload_has_a_tenth_of_all_pairs_and_none_to_itself(workloads):
    work = workloads.w3(500, 0.01)
    line = np.repeat(np.arange(500), np.diff(work["start"]))
    assert not np.any(line == work["target"])
    deviation = np.sqrt(0.1 * 0.9 / (500 * 499))
    assert abs(len(line) / (500 * 499) - 0.1) < 4 * deviation


def test_the_example_of_the_documentation_runs(capsys):
    code = re.search(r"```python\n(.*?)```", (DOCS / "spiking.md").read_text(), re.S)[1]
    exec(code, {})
    spikes, raster = capsys.readouterr().out.split(" (", 1)
    assert int(spikes) > 100
    assert raster.startswith("2000, 400)")


def test_a_form_that_does_not_agree_sends_no_other_home(peers):
    """Agreement comes before speed: the fastest form may not be one that counts."""
    times = {
        OWN[1]: peers.Timed([1.0], report()),
        "Brian2, neuron, float32": peers.Timed([0.1], report(1.2)),
        "Brian2, textbook, float32": peers.Timed([0.3], report()),
    }
    chosen = [peers.Contender(name, ()) for name in times]
    left = peers.worth_repeating(peers.agreeing("w1", chosen, times, OWN[1]), times)
    assert [c.name for c in left] == [OWN[1], "Brian2, textbook, float32"]
