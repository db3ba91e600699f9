import pytest

from neuromorph.characterization import load_recipe, recipe_names
from neuromorph.circuit import Axis, Knob, linear
from neuromorph.errors import CircuitError, OutOfRange

from .characterization.recipes_for_tests import rc_circuit


def test_a_knob_that_is_no_pin_lists_the_pins(tmp_path):
    with pytest.raises(CircuitError, match="its pins are: in out vdd vbias"):
        rc_circuit(tmp_path, knobs=(Knob("vgain", 0, 1, 0.5, ""),))


def test_a_missing_state_is_named(tmp_path):
    with pytest.raises(CircuitError, match="membrane"):
        rc_circuit(tmp_path, states=("membrane",))


@pytest.mark.parametrize(("low", "high", "default"), [(1, 1, 1), (0, 1, 2), (2, 1, 1.5)])
def test_an_empty_range_is_refused(low, high, default):
    with pytest.raises(CircuitError, match="vbias"):
        Knob("vbias", low, high, default, "")


def test_a_knob_outside_its_range_says_which(tmp_path):
    with pytest.raises(OutOfRange, match=r"vbias = 3 V is outside 0\.\.1 V"):
        rc_circuit(tmp_path).knob_values({"vbias": 3.0})


def test_an_axis_needs_finite_values():
    with pytest.raises(CircuitError):
        Axis((), "V")
    with pytest.raises(CircuitError):
        Axis((float("nan"),), "V")
    assert linear(0, 1, 3).values == (0, 0.5, 1)


def test_every_pin_is_wired(tmp_path):
    circuit = rc_circuit(tmp_path)
    text = circuit.deck(circuit.sweeps[0], {"amplitude": 1.0})
    assert "xdut in out vdd vbias rc" in text
    assert "v_vbias vbias 0 0.5" in text
    assert text.rstrip().endswith(".end")


@pytest.mark.parametrize(
    ("text", "message"),
    [("x = 1\n", "defines no CIRCUIT"), ("import nothing_there\n", "does not run"), ("def", "does not run")],
)
def test_a_recipe_that_is_none(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(CircuitError, match=message):
        load_recipe(str(path))


def test_an_unknown_recipe_lists_the_names():
    with pytest.raises(CircuitError, match=", ".join(recipe_names())):
        load_recipe("heart")


def test_another_device_library_takes_the_place_of_the_shipped_one(tmp_path):
    other = tmp_path / "lab.lib"
    flavours = ("nfet_analog", "nfet_low_leakage", "pfet_low_leakage")
    other.write_text("".join(f".subckt {name} d g s\nr1 d s 1k\n.ends\n" for name in flavours))
    gate = load_recipe("gate").with_devices(other)
    assert other in gate.netlists
    assert "r1 d s 1k" in gate.netlist_text()
    assert not any(path.name == "cnfet.lib" for path in gate.netlists)
    with pytest.raises(CircuitError, match=r"cnfet\.lib"):
        rc_circuit(tmp_path).with_devices(other)
