"""The pages of circuits: up to date, complete, small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neuromorph.characterization import load_recipe, recipe_names

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "circuits"


def test_pages_agree_with_recipes_netlists_and_library():
    """After a change of any: python scripts/circuit_pages.py."""
    command = [sys.executable, str(ROOT / "scripts" / "circuit_pages.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pictures_are_shown_and_small():
    """64 KB a picture (the schematic of 45 transistors is the largest), 4 MB for the folder: a clone stays small."""
    text = "".join(p.read_text() for p in PAGES.glob("*.md"))
    sizes = {p: p.stat().st_size for p in (PAGES / "images").iterdir()}
    assert not [p.name for p in sizes if f"images/{p.name}" not in text]
    assert max(sizes.values()) <= 64_000
    assert sum(sizes.values()) + len(text) < 4_000_000


@pytest.mark.parametrize("name", recipe_names())
def test_every_block_says_what_it_is_and_where_it_stops(name):
    circuit = load_recipe(name)
    assert circuit.literature
    assert circuit.description
    assert circuit.limits
