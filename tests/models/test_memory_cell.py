"""The cell's rails against SPICE."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from neuromorph.fitting.memory_cell import RAIL

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
