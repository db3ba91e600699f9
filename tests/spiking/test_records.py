"""Records that go to a file while the network runs."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from neuromorph.errors import InputError, SimulationDiverged
from neuromorph.spiking import LIF, SpikeList, SpikingNetwork, memory
from neuromorph.spiking import run as runs

DT = 1e-3


def network():
    net = SpikingNetwork(dt=DT)
    net.population("N", 40, LIF(tau=20e-3, rest=np.linspace(0.9, 2.0, 40), threshold=1.0, refractory=3e-3))
    return net


@pytest.mark.parametrize("backend", ["jax", "auto"])
def test_a_file_holds_what_memory_would(tmp_path, monkeypatch, backend):
    monkeypatch.setattr(runs, "LONGEST_PIECE", 64)  # several pieces
    options = {"raster": ("N",), "watch": ("N.v",), "every": 7, "backend": backend}
    kept = network().run(0.3, **options)
    filed = network().run(0.3, **options, file=tmp_path / "records.h5")
    assert kept.counts["N"].sum() > 50
    assert np.array_equal(filed.raster("N"), kept.raster("N"))
    assert np.array_equal(filed.raster("N", slice(100, 180)), kept.raster("N")[100:180])
    assert np.array_equal(filed.watched["N.v"], kept.watched["N.v"])
    assert np.array_equal(filed.watched["N.v"][3:5, :4], kept.watched["N.v"][3:5, :4])
    assert len(filed.watched["N.v"]) == 43
    with h5py.File(tmp_path / "records.h5") as file:
        assert file.attrs["dt"] == pytest.approx(DT)
        assert file.attrs["every"] == 7


def test_a_file_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "old.h5").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"old\.h5 is there already"):
        network().run(0.01, raster=("N",), file=tmp_path / "old.h5")
    assert (tmp_path / "old.h5").read_bytes() == b"mine"
    with pytest.raises(InputError, match="cannot write"):
        network().run(0.01, raster=("N",), file=tmp_path / "nowhere" / "new.h5")


def test_a_run_that_diverges_keeps_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "LONGEST_PIECE", 16)
    net = SpikingNetwork(dt=DT)
    net.population(
        "N", 2, LIF(tau=0.1e-3, threshold=np.inf, rest=1.0, start=3.0)
    )  # a step of ten time constants
    with pytest.raises(SimulationDiverged) as caught:
        net.run(0.3, watch=("N.v",), file=tmp_path / "records.h5")
    assert len(caught.value.recorded.watched["N.v"]) >= 16
    with h5py.File(tmp_path / "records.h5") as file:
        assert len(file["N.v"]) >= 16


def test_records_larger_than_memory_are_refused_before_the_run(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    with pytest.raises(InputError, match="records of 100000 steps"):
        network().run(100.0, raster=("N",))


def test_what_a_killed_run_has_written_can_be_read(tmp_path):
    code = (
        "import sys; sys.path.insert(0, '.'); from tests.spiking import test_records as t; t.runs.LONGEST_PIECE = 64; "
        "t.network().run(1e5, watch=('N.v',), file=sys.argv[1], backend='jax')"
    )
    path = tmp_path / "records.h5"
    job = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=os.getcwd())
    try:
        for _ in range(600):
            time.sleep(0.1)
            if path.exists() and path.stat().st_size > 200_000:
                break
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    with h5py.File(path, "r", libver="latest", swmr=True) as file:
        v = file["N.v"][:]
    assert len(v) >= 64
    assert np.isfinite(v).all()
    assert v[10:].max() <= 1.0


def test_recorded_spikes_come_with_a_source_too(tmp_path):
    net = network()
    net.source("in", 3)
    run = net.run(
        0.05, {"in": SpikeList(np.array([1]), np.array([2]))}, raster=("N",), file=tmp_path / "r.h5"
    )
    assert run.raster("N").shape == (50, 40)
