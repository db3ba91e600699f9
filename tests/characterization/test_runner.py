"""Sweeps against theory, and what survives an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import pytest

from neuromorph.characterization import characterize, runner
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
from neuromorph.characterization import characterize, runner
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


def journal_entries(folder):
    return sorted((folder / "lib" / ".rc.journal").rglob("*.npz"))


def interrupted(folder, kept=3):
    """A run of four points that stops at the last."""
    amplitudes = (0.2, 0.4, 0.6, 0.8)
    circuit = rc_circuit(folder, amplitudes=amplitudes)

    def stop(sweep, point, outcome, job):
        if point["amplitude"] > amplitudes[kept - 1]:
            raise CircuitError("enough")
        return measured(sweep, point, outcome, job)

    measured = runner.measured
    with mock.patch.object(runner, "measured", stop), pytest.raises(CircuitError, match="enough"):
        characterize([circuit], Library(folder / "lib"), jobs=1, progress=False)
    return circuit


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half an archive", b"\x93NUMPY garbage"])
def test_a_damaged_journal_entry_is_measured_again(tmp_path, content):
    circuit = interrupted(tmp_path)
    first, *others = journal_entries(tmp_path)
    first.write_bytes(content)
    (first.parent / "step_3.partial").write_bytes(b"half")
    summary = characterize([circuit], Library(tmp_path / "lib"), jobs=1, progress=False)
    assert (summary.resumed, summary.ran) == ({"rc": len(others)}, {"rc": 4 - len(others)})
    assert [p.name for p in (tmp_path / "lib").iterdir()] == ["rc.h5"]


def test_a_journal_of_another_plan_is_not_used_and_goes(tmp_path):
    interrupted(tmp_path)
    changed = rc_circuit(tmp_path, amplitudes=(0.2, 0.4, 0.6, 0.9))
    summary = characterize([changed], Library(tmp_path / "lib"), jobs=1, progress=False)
    assert (summary.resumed, summary.ran) == ({"rc": 0}, {"rc": 4})
    assert not journal_entries(tmp_path)


def test_two_processes_on_one_library_share_the_work(tmp_path):
    """The later one waits and finds the block done; together they measure every point once."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"
    ]
    outputs = [p.communicate(timeout=120) for p in both]
    assert [p.returncode for p in both] == [0, 0], outputs
    assert sum("ran={'rc': 60}" in text for text, _ in outputs) == 1
    assert sum("unchanged=('rc',)" in text for text, _ in outputs) == 1
    assert [p.name for p in (tmp_path / "lib").iterdir()] == ["rc.h5"]


def test_workers_end_with_their_parent(tmp_path):
    """A worker in the middle of a long run does not outlive a killed parent."""
    slow = "* slow\\nv1 a 0 sin(0 1 1g)\\nr1 a b 1k\\nc1 b 0 1p\\n.tran 1p 1 0 1p\\n.end\\n"
    code = (
        "from neuromorph.spice.workers import Job, WorkerPool\n"
        "pool = WorkerPool(1)\nprint(pool._workers[0].process.pid, flush=True)\n"
        f"list(pool.run([Job('a', '{slow}', 'slow', '')]))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while running(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running(pid):
    """Whether a process is there and no zombie."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_bar_counts_all_blocks(tmp_path, capsys):
    """One bar over everything that is to be measured, less what a journal holds."""
    other = tmp_path / "other"
    other.mkdir()
    circuits = [interrupted(tmp_path), rc_circuit(other, name="rc2", amplitudes=(0.1, 0.2))]
    characterize(circuits, Library(tmp_path / "lib"), jobs=1)
    error = capsys.readouterr().err
    assert "0/6" in error
    assert "3/3" in error
