"""Measured curves: what is refused while reading, what is recovered, what is not determined, what netlists get."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.characterization import load_recipe, measure
from neuromorph.cli import main
from neuromorph.devices.cnfet import PRESETS, CnfetParameters, drain_current
from neuromorph.devices.netlist import device_library
from neuromorph.devices.preset import load_preset
from neuromorph.errors import FitFailed, InputError
from neuromorph.fitting.iv_curves import read_curves
from neuromorph.fitting.iv_fit import FITTED, fit_device
from neuromorph.spice.workers import simulate

TRUE = PRESETS["analog"].with_(vfb=0.12, ssf=1.3, vsf=0.6, nsd=0.5, goff=3e-12)
TRANSFER = [(g, d) for d in (0.05, 0.4, 0.8) for g in np.linspace(-0.1, 0.8, 37)]
OUTPUT = [(g, d) for g in (0.4, 0.5, 0.6, 0.7, 0.8) for d in np.linspace(0.04, 0.8, 20)]


def points(bias, polarity="n", seed=None, device=TRUE):
    """``vgs, vds, id`` of a device: 2 % and 1 pA of noise where a seed is given."""
    sign = 1 if polarity == "n" else -1
    vgs, vds = sign * np.array(bias).T
    current = drain_current(device, polarity, vgs, vds, 0.0)
    if seed is not None:
        noise = np.random.default_rng(seed).standard_normal((2, len(current)))
        current = current * (1 + 0.02 * noise[0]) + 1e-12 * noise[1]
    return vgs, vds, current


def written(path, columns, header="vgs_V,vds_V,id_A"):
    rows = [",".join(f"{value:.8g}" for value in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def known():
    """All that a laboratory knows of the device beforehand."""
    return CnfetParameters(dia=TRUE.dia, lg=TRUE.lg)


@pytest.fixture
def curves(tmp_path):
    return read_curves(written(tmp_path / "lab.csv", points(TRANSFER + OUTPUT, seed=0)), "n", 8)


@pytest.mark.parametrize("seed", range(6))
def test_known_parameters_come_back(tmp_path, seed):
    """Within 4 standard deviations, either polarity; chance lets 1 of 500 such tests fail, and seeds are fixed."""
    polarity = "np"[seed % 2]
    file = written(tmp_path / "lab.csv", points(TRANSFER + OUTPUT, polarity, seed))
    preset = fit_device(read_curves(file, polarity, 8), "lab", known())
    assert set(preset.deviation) == set(FITTED)
    for name, spread in preset.deviation.items():
        assert abs(getattr(preset.parameters, name) - getattr(TRUE, name)) < 4 * spread, name
    # 2 % of noise is what remains, to the 5 % by which 211 values estimate it
    assert preset.residual_rms == pytest.approx(0.02, rel=0.15)
    assert abs(preset.residual_correlation) < 4 / np.sqrt(190)


def test_deviations_are_those_of_repeated_measurements(tmp_path):
    """Errors over their deviations scatter by 1; 150 of them estimate that to 6 %, twice that for correlations."""
    pulls = []
    for seed in range(30):
        file = written(tmp_path / "lab.csv", points(TRANSFER + OUTPUT, seed=100 + seed))
        preset = fit_device(read_curves(file, "n", 8), "lab", known())
        pulls += [(getattr(preset.parameters, n) - getattr(TRUE, n)) / d for n, d in preset.deviation.items()]
    # more extension doping, less resistance: as more velocity does, so the two trade against each other
    order = list(preset.deviation)
    assert preset.correlation[order.index("vsf")][order.index("nsd")] < -0.5
    assert 0.75 < np.sqrt(np.mean(np.square(pulls))) < 1.25


def test_units_and_opposite_directions_are_the_same_curves(tmp_path):
    vgs, vds, current = points(TRANSFER, "p")
    first = read_curves(written(tmp_path / "a.csv", (vgs, vds, current)), "p", 8)
    other = (-vgs * 1e3, -current * 1e6, -vds)
    second = read_curves(written(tmp_path / "b.csv", other, "vsg_mV,isd_uA,vsd_V"), "p", 8)
    np.testing.assert_allclose(second.vgs, first.vgs, atol=1e-12)
    np.testing.assert_allclose(second.vds, first.vds)
    np.testing.assert_allclose(second.current, first.current, rtol=1e-7)


@pytest.mark.parametrize(
    ("bias", "parameter"),
    [
        # below threshold the contacts cost nothing; the on-state says nothing of the off-state
        ([p for p in TRANSFER if p[0] < 0.25], "nsd"),
        ([p for p in TRANSFER + OUTPUT if p[0] > 0.35], "goff"),
    ],
)
def test_what_the_curves_do_not_determine_is_refused(tmp_path, bias, parameter):
    file = written(tmp_path / "lab.csv", points(bias, seed=1))
    with pytest.raises(FitFailed, match=rf"determine {parameter} \(.*--fix"):
        fit_device(read_curves(file, "n", 8), "lab", known())


def test_a_held_parameter_is_kept_and_not_fitted(curves):
    preset = fit_device(curves, "lab", known(), {"nsd": 0.5})
    assert preset.parameters.nsd == 0.5
    assert "nsd" not in preset.deviation
    assert np.shape(preset.correlation) == (4, 4)


def test_a_wrong_number_of_tubes_or_model_is_not_fitted_silently(curves):
    """Eight tubes with the current of 320; a contact that rectifies, which the model lacks."""
    with pytest.raises(FitFailed, match="--tubes"):
        fit_device(replace(curves, current=40 * curves.current), "lab", known())
    schottky = replace(curves, current=curves.current * (curves.vds / 0.8) ** 3)
    with pytest.raises(FitFailed, match="misses the curves by a factor"):
        fit_device(schottky, "lab", known())


def test_a_swing_below_the_thermal_limit_is_refused(tmp_path):
    steep = PRESETS["analog"].with_(ssf=1.1, tk=220.0)
    file = written(tmp_path / "lab.csv", points(TRANSFER + OUTPUT, seed=2, device=steep))
    with pytest.raises(FitFailed, match="thermal limit"):
        fit_device(read_curves(file, "n", 8), "lab", known())


def edited(row, column, cell):
    """Text of a good file with one cell changed; ``row`` counts from the header, line 1."""
    lines = [
        ["vgs_V", "vds_V", "id_A"],
        *([f"{v:.6g}" for v in p] for p in zip(*points(TRANSFER), strict=True)),
    ]
    lines[row - 1][column] = cell
    return "\n".join(",".join(line) for line in lines)


GOOD = edited(1, 0, "vgs_V")
BAD = {
    "empty": ("", ("empty", "vgs_V,vds_V,id_A")),
    "comments": ("# nothing\n\n", ("no header",)),
    "binary": ("\x00\x01\udcff", ("CSV",)),
    "no unit": (GOOD.replace("id_A", "id"), ("'id'", "no unit", "id_A")),
    "wrong unit": (GOOD.replace("id_A", "id_V"), ("'id_V'", "unknown unit", "id_A")),
    "unknown prefix": (GOOD.replace("id_A", "id_kA"), ("'id_kA'", "unknown unit")),
    "missing": (GOOD.replace("vds_V", "drain"), ("no column vds", "drain")),
    "twice": (GOOD.replace("vds_V", "vgs_mV"), ("two columns give vgs",)),
    "semicolons": (GOOD.replace(",", ";"), ("no column vgs, vds, id",)),
    "decimal comma": (GOOD.replace("\n0.05,", "\n0,05,"), ("4 cells", "decimal point")),
    "nan": (edited(7, 2, "nan"), (":7:", "id_A", "'nan'", "remove")),
    "infinite": (edited(7, 1, "inf"), (":7:", "vds_V", "'inf'")),
    "word": (edited(9, 0, "overload"), (":9:", "vgs_V", "'overload'")),
    "few": ("\n".join(GOOD.splitlines()[:8]), ("7 points", "too few")),
    "swapped current": (GOOD.replace("vgs_V,vds_V,id_A", "vgs_V,id_A,vds_V"), ("swapped",)),
    "wrong scale": (GOOD.replace("id_A", "id_nA"), ("id_nA", "stays below")),
    "millivolts": (GOOD.replace("vgs_V", "vgs_mV"), ("vgs_mV", "800 uV", "swapped")),
    "against": (edited(40, 2, "-2e-6"), (":40:", "id_A", "-2 uA", "flows against")),
    "outlier": (edited(34, 2, "1e-9"), (":34:", "id_A", "1 nA", "outliers")),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_error(tmp_path, capsys, case):
    text, words = BAD[case]
    path = tmp_path / "lab.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    arguments = ["device", str(path), "--name", "lab", "--polarity", "n", "--lg", "100", "--diameter", "1.49"]
    assert main([*arguments, "--tubes", "8", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "lab.csv" in error
    for word in words:
        assert word in error, error
    assert not (tmp_path / "out").exists()


def test_the_other_polarity_and_swapped_voltages_are_noticed(tmp_path):
    vgs, vds, current = points(TRANSFER, "p")
    with pytest.raises(InputError, match=r"turns a n device on.*--polarity"):
        read_curves(written(tmp_path / "lab.csv", (vgs, vds, current)), "n", 8)
    with pytest.raises(InputError, match="flows against"):
        read_curves(written(tmp_path / "lab.csv", (vgs, vds, -current)), "p", 8)
    vgs, vds, current = points([p for p in TRANSFER + OUTPUT if p[0] >= 0])
    swapped = read_curves(written(tmp_path / "lab.csv", (vds, vgs, current)), "n", 8)
    with pytest.raises(FitFailed, match="swapped columns"):
        fit_device(swapped, "lab", known())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.binary(max_size=12))
def test_no_garbage_gets_past_the_reader_as_anything_but_an_input_error(tmp_path_factory, seed, garbage):
    """A good file with some bytes overwritten: curves with finite values, or one error that names the file."""
    text = bytearray(GOOD.encode())
    at = seed % len(text)
    text[at : at + len(garbage)] = garbage
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(bytes(text))
    try:
        curves = read_curves(path, "n", 8)
    except InputError as error:
        message = str(error)
    else:
        message = "fuzz.csv"
        assert np.all(np.isfinite([curves.vgs, curves.vds, curves.current]))
    assert "fuzz.csv" in message


def test_a_wrong_diameter_is_taken_up_by_the_rest_but_shows_in_the_residuals(tmp_path):
    """Without noise, so that what is left is the form: 1.49 nm curves fitted as 1.3 nm."""
    curves = read_curves(written(tmp_path / "lab.csv", points(TRANSFER + OUTPUT)), "n", 8)
    right = fit_device(curves, "lab", known())
    wrong = fit_device(curves, "lab", known().with_(dia=1.3), {"nsd": 0.8, "goff": 3e-12})
    assert right.residual_rms < 1e-6
    assert wrong.residual_rms > 100 * right.residual_rms
    assert wrong.residual_correlation > 0.5


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "gone.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_curves(path, "n")


ARGUMENTS = {"--name": "lab", "--polarity": "n", "--lg": "100", "--diameter": "1.49", "--tubes": "8"}


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--name", "My Lab", "lower-case"), ("--name", "analog", "--replace analog"), ("--name", "x\n.end", "letters"),
        ("--diameter", "14.9", "0.5..4"), ("--lg", "1", "5..10000"), ("--tubes", "0.01", "1..100000"),
        ("--tk", "3000", "50..500"), ("--fix", "mass=1", "vfb, ssf"), ("--fix", "nsd=few", "few"),
        ("--fix", "nsd=-1", "nsd"), ("--replace", "heavy", "low_leakage"), ("--out", "{file}/x", "--out"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_one_message(tmp_path, capsys, option, value, word):
    file = written(tmp_path / "lab.csv", points(TRANSFER + OUTPUT, seed=0))
    given = {**ARGUMENTS, "--out": str(tmp_path / "out"), option: value.replace("{file}", str(file))}
    assert main(["device", str(file), *(w for pair in given.items() for w in pair)]) == 2
    error = capsys.readouterr().err
    assert word in error
    assert "Traceback" not in error
    assert [p.name for p in tmp_path.iterdir()] == ["lab.csv"]


def test_an_undetermined_parameter_exits_with_one(tmp_path, capsys):
    file = written(tmp_path / "lab.csv", points(TRANSFER[:37], seed=1))
    given = [w for pair in ARGUMENTS.items() for w in pair]
    assert main(["device", str(file), *given, "--out", str(tmp_path / "out")]) == 1
    assert "do not determine" in capsys.readouterr().err


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Folder that the command wrote, the device in place of the analog flavour."""
    folder = tmp_path_factory.mktemp("device")
    file = written(folder / "curves.csv", points(TRANSFER + OUTPUT, seed=0))
    given = {**ARGUMENTS, "--replace": "analog", "--out": str(folder / "lab")}
    assert main(["device", str(file), *(w for pair in given.items() for w in pair)]) == 0
    return folder / "lab"


def test_the_command_writes_preset_library_and_picture(fitted):
    assert {p.name for p in fitted.iterdir()} == {"preset.json", "lab.lib", "cnfet.lib", "fit.png"}
    preset = load_preset(fitted / "preset.json")
    assert preset.parameters.vfb == pytest.approx(0.12, abs=4 * preset.deviation["vfb"])
    assert len(preset.sha256) == 64
    np.testing.assert_allclose(np.diag(preset.correlation), 1.0)
    again = fitted / "again.json"
    preset.save(again)
    assert again.read_bytes() == (fitted / "preset.json").read_bytes()
    again.unlink()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"}, {"parameters": {}}, {"deviation": 1}, {"correlation": [[1, 0]]}, {"colour": "red"},
        {"parameters": {**TRUE.values(), "vfb": "high", "stands_for": ""}},
    ],
)  # fmt: skip
def test_a_damaged_preset_is_refused(fitted, tmp_path, change):
    content = json.loads((fitted / "preset.json").read_text())
    path = tmp_path / "preset.json"
    path.write_text(json.dumps({**content, **change}))
    with pytest.raises(InputError, match=r"preset\.json"):
        load_preset(path)
    path.write_text("{")
    with pytest.raises(InputError, match="JSON"):
        load_preset(path)


def test_shipped_devices_carry_no_velocity_factor():
    """Left out where it is one, so that the shipped library keeps its text and hash."""
    assert "vsf" not in device_library()
    assert "vsf=0.6" in device_library({"lab": TRUE})


@pytest.mark.ngspice
@pytest.mark.parametrize("polarity", ["n", "p"])
def test_ngspice_carries_the_fitted_current(fitted, polarity):
    """The library's subcircuits against the preset's parameters, to 1e-5."""
    preset, sign = load_preset(fitted / "preset.json"), 1 if polarity == "n" else -1
    waves = simulate(
        f"* lab\n{(fitted / 'lab.lib').read_text()}\n.options reltol=1e-7 abstol=1e-18 vntol=1e-10 gmin=1e-18\n"
        f"vg g 0 0\nvd d 0 {sign * 0.6}\nvs s 0 0\nx1 d g s {polarity}fet_lab\n"
        f".save i(vd)\n.dc vg 0 {sign * 0.8} {sign * 0.05}\n.end\n"
    )
    gates = sign * np.linspace(0, 0.8, 17)
    expected = drain_current(preset.parameters, polarity, gates, sign * 0.6, 0.0)
    np.testing.assert_allclose(-waves["vd#branch"], expected, rtol=1e-5, atol=1e-15)


@pytest.mark.ngspice
def test_a_block_runs_on_the_measured_device(fitted):
    """The gate with its pair replaced: its width is the pair's e-fold voltage, ssf kT/q, 13 % above the shipped."""
    shipped = load_recipe("gate")
    sweep = shipped.sweep("sigmoid")
    sweep = replace(sweep, axes={"vb": replace(sweep.axes["vb"], values=(0.264,))})
    width = {}
    for name, circuit in (("shipped", shipped), ("lab", shipped.with_devices(fitted / "cnfet.lib"))):
        data = measure(circuit, [sweep])["sigmoid"]
        curve = data["current"][0] / data["current"][0].max()
        width[name] = np.interp(0.75, curve, data["v"]) - np.interp(0.25, curve, data["v"])
    assert width["lab"] / width["shipped"] == pytest.approx(1.3 / 1.15, rel=0.02)
