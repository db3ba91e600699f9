"""Sweeps against theory, and what survives an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from neuromorph.characterization import characterize
from neuromorph.errors import CircuitError
from neuromorph.library import FAILED, SOLVED, Library

from .recipes_for_tests import rc_circuit

pytestmark = pytest.mark.ngspice


def test_curves_follow_theory_and_carry_provenance(tmp_path):
    library = Library(tmp_path / "lib")
    summary = characterize([rc_circuit(tmp_path)], library, progress=False)
    data = library.read("rc")
    expected = np.outer([0.5, 1.0], 1 - np.exp(-np.array([1.0, 2.0])))
    # gear at reltol 1e-4 on 20 ps steps of a 1 ns time constant
    np.testing.assert_allclose(data["step"]["out"], expected, rtol=2e-3)
    assert summary.ran == {"rc": 2}
    assert data["step"].units["out"] == "V"
    assert {"netlist_sha256", "ngspice_version", "options", "created"} <= set(data.attributes)


def test_an_unchanged_block_is_left_alone(tmp_path):
    library = Library(tmp_path / "lib")
    characterize([rc_circuit(tmp_path)], library, progress=False)
    before = library.file("rc").stat().st_mtime_ns
    assert characterize([rc_circuit(tmp_path)], library, progress=False).unchanged == ("rc",)
    assert library.file("rc").stat().st_mtime_ns == before
    changed = rc_circuit(tmp_path, amplitudes=(0.5, 1.0, 1.2))
    assert characterize([changed], library, progress=False).ran == {"rc": 3}


def test_a_failed_point_is_data(tmp_path):
    library = Library(tmp_path / "lib")
    summary = characterize([rc_circuit(tmp_path, amplitudes=(1.0, 2.0))], library, progress=False)
    sweep = library.read("rc")["step"]
    assert list(sweep.status) == [SOLVED, FAILED]
    assert np.isnan(sweep["out"][1]).all()
    assert "amplitude too large" in next(iter(summary.failed.values()))


def test_a_circuit_that_always_fails_is_refused(tmp_path):
    with pytest.raises(CircuitError, match="every point of sweep 'step' failed"):
        characterize([rc_circuit(tmp_path, amplitudes=(2.0,))], Library(tmp_path / "lib"), progress=False)


SCRIPT = """
import sys
from pathlib import Path
from neuromorph.characterization import characterize
from neuromorph.library import Library
from tests.characterization.recipes_for_tests import rc_circuit
folder = Path(sys.argv[1])
amplitudes = tuple(0.01 * k for k in range(1, 61))
circuit = rc_circuit(folder, amplitudes=amplitudes)
print(characterize([circuit], Library(folder / "lib"), jobs=1, progress=False), flush=True)
"""


def test_killed_it_resumes_and_repeats_nothing(tmp_path):
    """kill -9 in the middle: every finished point is kept, none is measured twice."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = tmp_path / "lib" / ".rc.journal"
    deadline = time.monotonic() + 60
    while len(list(journal.rglob("*.npz"))) < 5:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = len(list(journal.rglob("*.npz")))
    assert not (tmp_path / "lib" / "rc.h5").exists()
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"resumed={{'rc': {kept}}}" in result.stdout
    assert f"ran={{'rc': {60 - kept}}}" in result.stdout
    values = Library(tmp_path / "lib").read("rc")["step"]["final"]
    np.testing.assert_allclose(values / values[-1], np.arange(1, 61) / 60, rtol=1e-3)
