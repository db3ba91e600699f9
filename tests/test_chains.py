"""Chains of blocks: they run unchanged, stay within their limits and are shown on their page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from neuromorph.spice.bench import expectations, panels, phases, quantities
from tests.benches import assert_within_limits

ROOT = Path(__file__).parent.parent
CHAINS = sorted((ROOT / "netlists" / "chains").glob("*.cir"))
MAXIMUM_PICTURE = 120_000
"""Bytes of a chain's picture."""

each_chain = pytest.mark.parametrize("chain", CHAINS, ids=lambda p: p.stem)


@pytest.mark.ngspice
@pytest.mark.slow
@each_chain
def test_chain_runs_under_bare_ngspice(chain, ngspice_program):
    assert_within_limits(chain, ngspice_program, timeout=1800)


@each_chain
def test_chain_uses_blocks_and_devices_only(chain):
    included = re.findall(r"^\.inc\w*\s+(\S+)", chain.read_text(), re.M | re.I)
    assert "../devices/cnfet.lib" in included
    assert all(name.startswith(("../devices/", "../blocks/")) for name in included)


@each_chain
def test_chain_says_what_it_shows(chain):
    """Every limit has a measurement and a meaning, every drawn vector is saved."""
    text = chain.read_text().lower()
    measured = set(re.findall(r"^\.meas tran (\w+)", text, re.M))
    assert expectations(chain).keys() <= measured
    assert expectations(chain).keys() == quantities(chain).keys()
    saved = set(" ".join(re.findall(r"^\.save (.*)", text, re.M)).split())
    drawn = {f"i({v[:-7]})" if v.endswith("#branch") else f"v({v})" for p in panels(chain) for v in p.vectors}
    assert drawn
    assert drawn <= saved
    ends = [t for phase in phases(chain) for t in (phase.start, phase.stop)]
    assert ends == sorted(ends)


def test_page_agrees_with_the_netlists():
    """After a change of a chain or its blocks: python scripts/chains.py NAME."""
    command = [sys.executable, str(ROOT / "scripts" / "chains.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_chain
def test_picture_is_small(chain):
    assert (ROOT / "docs" / "images" / f"chain_{chain.stem}.png").stat().st_size < MAXIMUM_PICTURE
