"""The example of docs/your_circuit.md is what a reader pastes: it must run, and follow an inverter's physics."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from neuromorph.characterization import characterize, load_recipe
from neuromorph.library import Library

PAGE = Path(__file__).parent.parent / "docs" / "your_circuit.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    blocks = re.findall(r"(?:^(?:    .*)?\n)+", PAGE.read_text(), re.MULTILINE)
    netlist, recipe = [textwrap.dedent(b).strip("\n") + "\n" for b in blocks if len(b.split()) > 10][:2]
    (folder / "inverter.cir").write_text(netlist)
    (folder / "inverter.py").write_text(recipe)
    return folder


@pytest.mark.ngspice
def test_the_example_runs_and_inverts(folder):
    library = Library(folder / "library")
    characterize([load_recipe(str(folder / "inverter.py"))], library, progress=False)
    data = library.read("inverter")
    out, v_in = data["transfer"]["v_out"], data["transfer"]["v_in"]
    assert np.all(np.diff(out, axis=-1) < 1e-6)
    middle = [np.interp(-supply / 2, -curve, v_in) for supply, curve in zip((0.6, 0.8), out, strict=True)]
    assert middle == pytest.approx([0.3, 0.4], abs=0.01)  # both transistors alike
    fall = data["step"]["fall_delay"]
    assert np.all(np.diff(fall) > 0)
    assert (fall[2] - fall[1]) / (fall[1] - fall[0]) == pytest.approx(10, rel=0.2)  # delay grows as the load


@pytest.mark.ngspice
def test_the_example_is_a_script(folder):
    done = subprocess.run(
        [sys.executable, "inverter.py"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
