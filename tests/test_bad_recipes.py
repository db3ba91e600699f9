"""Recipes as people write them at night: every mistake is one message that says where, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from neuromorph.characterization import load_recipe, measure
from neuromorph.circuit import Axis
from neuromorph.cli import main, recipe_main
from neuromorph.library import Library

ROOT = Path(__file__).parent.parent
NETLIST = ".subckt low_pass in out vdd vbias\nr1 in out 1k\nc1 out 0 1p\nr2 vbias 0 1k\nr3 vdd 0 1k\n.ends\n"
RECIPE = """
from pathlib import Path
from neuromorph.circuit import Axis, Circuit, Knob, Sweep, linear

def bench(circuit, point):
    cards = f"vin in 0 pwl(0 0 1n 0 1.001n {point['amplitude']:g})"
    return circuit.testbench(point, cards, ".tran 20p 4n 0 20p", "v(out)")

def measure(waves, point):
    return {"final": waves["out"][-1]}

AXES = {"amplitude": Axis((0.5, 1.0), "V")}
CIRCUIT = Circuit(
    name="low_pass", summary="an RC", netlists=(Path(__file__).parent / "low_pass.cir",), subcircuit="low_pass",
    knobs=(Knob("vbias", 0.0, 1.0, 0.5, "nothing"),), states=("out",), transistors=0,
    sweeps=(Sweep("step", AXES, bench, measure, {"final": "V"}),),
)
if __name__ == "__main__":
    from neuromorph.cli import recipe_main
    recipe_main(__file__)
"""

# what is changed in the recipe (or netlist), and what the message must say
STATIC = {
    "unknown pin": ('Knob("vbias"', 'Knob("vbais"', ("vbais", "not a pin", "in out vdd vbias")),
    "missing state": ('states=("out",)', 'states=("membrane",)', ("membrane", "not a node", "its nodes are")),
    "empty range": ("0.0, 1.0, 0.5", "1.0, 1.0, 1.0", ("vbias", "empty range 1.0..1.0")),
    "default outside": ("0.0, 1.0, 0.5", "0.0, 1.0, 2.0", ("vbias", "default 2.0 outside")),
    "wrong unit of a knob": ('"nothing")', '"nothing", "mV")', ("knob vbias", "'mV'", "without prefix")),
    "wrong unit of an axis": ('1.0), "V")', '1.0), "volt")', ("sweep step, axis amplitude", "'volt'")),
    "wrong unit of an output": ('{"final": "V"}', '{"final": "ns"}', ("output final", "'ns'", "s, not ns")),
    "nan on an axis": ("Axis((0.5, 1.0)", 'Axis((0.5, float("nan"))', ("all finite", "nan")),
    "no value on an axis": ("Axis((0.5, 1.0)", "Axis(()", ("at least one value", "none")),
    "sweep leaves a knob's range": (
        'AXES = {"amplitude"', 'AXES = {"vbias": Axis((3.0,), "V"), "amplitude"', ("sweep step", "vbias = 3 V"),
    ),
    "missing netlist": ('"low_pass.cir"', '"high_pass.cir"', ("high_pass.cir", "not found")),
    "missing subcircuit": ('subcircuit="low_pass"', 'subcircuit="lowpass"', ("lowpass", "they have: low_pass")),
    "bench raises": ("point['amplitude']", "point['height']", ("sweep step", "bench fails at amplitude=0.5", "height")),
    "bench returns nothing": ("return circuit", "circuit", ("bench returns NoneType",)),
    "source on no pin": ("vin in 0", "vin inn 0", ("sweep step", "'inn', which nothing else touches", "in out")),
    "no sweeps": ("sweeps=(Sweep(", "sweeps=() and (Sweep(", ("no sweep to measure",)),
    "bad name": ('name="low_pass"', 'name="low/pass"', ("'low/pass'",)),
    "two knobs of a name": (
        "knobs=(", 'knobs=(Knob("vbias", 0.0, 1.0, 0.5, "twice"), ', ("two knobs are named 'vbias'",),
    ),
    "no such value": ("states=", "sates=", ("does not run", "sates", "mine.py:")),
    "syntax": ("AXES =", "AXES ==", ("does not run", "mine.py:")),
}  # fmt: skip
BROKEN_NETLISTS = {
    "missing subcircuit": ("r2 vbias 0 1k", "x2 vbias 0 ota", ("low_pass.cir:4", "'ota'", "missing")),
    "missing model": ("r2 vbias 0 1k", "m2 vbias 0 0 0 nch", ("low_pass.cir:4", "'nch'", "missing")),
    "no end": (".ends", "", ("low_pass.cir:1", "no .ends")),
    "too few nodes": ("r1 in out 1k", "r1 in", ("low_pass.cir:2", "too few nodes")),
    "command": ("r1 in out 1k", "shell rm", ("low_pass.cir:2", "refused")),
}


def written(folder: Path, old: str = "", new: str = "", where: str = "mine.py") -> Path:
    (folder / "low_pass.cir").write_text(NETLIST)
    (folder / "mine.py").write_text(RECIPE)
    if old:
        text = (folder / where).read_text()
        assert old in text
        (folder / where).write_text(text.replace(old, new, 1))
    return folder / "mine.py"


def characterize(folder: Path, *recipes: Path) -> int:
    names = [str(recipe) for recipe in recipes or (folder / "mine.py",)]
    return main(["characterize", *names, "--library", str(folder / "library"), "--jobs", "1", "--quiet"])


def one_line(capsys, *words: str) -> str:
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1, error
    for word in ("neuromorph: ", *words):
        assert word in error, error
    return error


@pytest.mark.parametrize("name", sorted(STATIC))
def test_a_mistake_in_a_recipe_is_found_before_ngspice_runs(tmp_path, capsys, monkeypatch, name):
    monkeypatch.setenv("NEUROMORPH_NGSPICE", "/nowhere/libngspice.so")
    old, new, words = STATIC[name]
    written(tmp_path, old, new)
    assert characterize(tmp_path) == 2
    one_line(capsys, *words)
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize("name", sorted(BROKEN_NETLISTS))
def test_a_broken_netlist_names_recipe_file_and_line(tmp_path, capsys, monkeypatch, name):
    monkeypatch.setenv("NEUROMORPH_NGSPICE", "/nowhere/libngspice.so")
    old, new, words = BROKEN_NETLISTS[name]
    recipe = written(tmp_path, old, new, "low_pass.cir")
    assert characterize(tmp_path) == 2
    one_line(capsys, str(recipe), *words)


def test_two_recipes_of_one_name_are_refused(tmp_path, capsys):
    first = written(tmp_path)
    (tmp_path / "copy").mkdir()
    second = written(tmp_path / "copy")
    assert characterize(tmp_path, first, second) == 2
    one_line(capsys, str(first), str(second), "'low_pass'")


def test_a_library_that_cannot_be_written(tmp_path, capsys):
    recipe = written(tmp_path)
    (tmp_path / "library").write_text("a file, not a folder")
    assert characterize(tmp_path, recipe) == 2
    one_line(capsys, "library", "cannot be written")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs", "0"], ("--jobs", "0 is not")),
        (["--jobs", "abc"], ("--jobs", "abc is not")),
        (["--knob", "vbais=0.3"], ("--knob vbais=0.3", "no knob 'vbais'", "vbias 0..1 V")),
        (["--knob", "vbias"], ("--knob vbias", "not NAME=VALUE", "vbias 0..1 V")),
        (["--knob", "vbias="], ("--knob vbias=", "not NAME=VALUE")),
        (["--knob", "vbias=much"], ("--knob vbias=much", "'much' is not a quantity in V")),
        (["--knob", "vbias=3 A"], ("--knob vbias=3 A", "not a quantity in V")),
        (["--knob", "vbias=7"], ("--knob vbias=7", "7 V is outside 0..1 V")),
        (["--knob", "vbias=-1 mV"], ("--knob vbias=-1 mV", "-0.001 V is outside")),
    ],
)
def test_arguments_of_a_recipe(tmp_path, capsys, arguments, words):
    with pytest.raises(SystemExit) as done:
        recipe_main(str(written(tmp_path)), [*arguments, "--out", str(tmp_path / "out")])
    assert done.value.code == 2
    error = capsys.readouterr().err
    for word in words:
        assert word in error, error
    assert "default" not in error.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_recipe_run_as_a_script_is_no_traceback_either(tmp_path):
    old, new, words = STATIC["unknown pin"]
    recipe = written(tmp_path, old, new)
    done = subprocess.run(
        [sys.executable, str(recipe)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode in (1, 2)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert all(word in done.stderr for word in (str(recipe), *words))


MEASURED = {
    "undeclared output": (
        '{"final": waves',
        '{"extra": 1.0, "final": waves',
        ("step", "measures 'extra'", "outputs"),
    ),
    "missing output": (
        '{"final": waves["out"][-1]}',
        "{}",
        ("step", "declares the output 'final'", "measure"),
    ),
    "wrong shape": ('waves["out"][-1]', 'waves["out"]', ("step", "'final'", "shape", "inner axes have ()")),
    "measure raises": (
        'waves["out"]',
        'waves["out_"]',
        ("low_pass, sweep step", "no 'out_'", "it saved: out, time"),
    ),
    "measure divides by zero": (
        'waves["out"][-1]',
        "1 / 0",
        ("every point", "ZeroDivisionError", "(mine.py, line "),
    ),
}


@pytest.mark.ngspice
@pytest.mark.parametrize("name", sorted(MEASURED))
def test_what_is_measured_must_be_what_is_declared(tmp_path, capsys, name):
    old, new, words = MEASURED[name]
    written(tmp_path, old, new)
    assert characterize(tmp_path) == 2
    one_line(capsys, "low_pass", *words)


@pytest.mark.ngspice
def test_failed_points_are_listed_and_the_exit_status_is_1(tmp_path, capsys):
    """One point asks ngspice for the logarithm of a negative number; its words are kept, also the second time."""
    cards = "vin in 0 pwl(0 0 1n 0 1.001n {point['amplitude']:g})"
    bad = (
        cards + "\\nb9 bad 0 i=1e-3*ln({1.2 - 1.0 * point['amplitude']:g}-v(out))\\nr9 bad 0 1k\\nc9 bad 0 1f"
    )
    written(tmp_path, cards, bad)
    assert characterize(tmp_path) == 1
    error = capsys.readouterr().err
    assert "failed: low_pass/step, amplitude = " in error
    assert "Traceback" not in error
    assert list(Library(tmp_path / "library").read("low_pass")["step"].status) == [1, 2]
    assert characterize(tmp_path) == 1
    again = capsys.readouterr()
    assert "low_pass: unchanged" in again.out
    assert "failed: low_pass/step, amplitude = " in again.err
    assert "--force" in again.err


@pytest.mark.ngspice
def test_characterize_says_what_it_did(tmp_path, capsys):
    recipe = written(tmp_path)
    assert characterize(tmp_path, recipe, recipe) == 0
    assert "low_pass: 2 points measured" in capsys.readouterr().out
    assert characterize(tmp_path) == 0
    assert "low_pass: unchanged" in capsys.readouterr().out


@pytest.mark.ngspice
def test_a_neuron_that_never_spikes_says_what_to_do():
    """With the leak at its strongest 50 nA does not fire; with the usual one it does."""
    circuit = load_recipe("axon_hillock")
    axes = {"i_in": Axis((5e-8,), "A"), "vleak": Axis((0.30, 0.15), "V")}
    tonic = measure(circuit, [replace(circuit.sweep("tonic"), axes=axes)], jobs=1)["tonic"]
    assert list(tonic.reasons) == [(0, 0)]
    assert "0 spikes at 5e-08 A: 3 are needed" in tonic.reasons[0, 0]
    assert "raise the current, lower vleak" in tonic.reasons[0, 0]
