"""Netlists taken apart: pins, parts, what is missing and on which line."""

from __future__ import annotations

import pytest

from neuromorph.errors import CircuitError
from neuromorph.spice.structure import port_meanings, read_structure

DEVICE = ".subckt nfet d g s tubes=8\nr1 d s 1k\n.ends nfet\n"


def structure(folder, text, device=DEVICE):
    (folder / "device.lib").write_text(device)
    (folder / "block.cir").write_text(text)
    return read_structure([folder / "device.lib", folder / "block.cir"])


def test_parameters_are_not_pins(tmp_path):
    found = structure(
        tmp_path, ".subckt amp in out vdd\n+ vb gain=2 c=1f\n.ends\n.subckt n d g s params: l=1\n.ends"
    )
    assert found["AMP"].ports == ("in", "out", "vdd", "vb")
    assert found["n"].ports == ("d", "g", "s")


def test_transistors_and_tubes_are_counted_through_nested_blocks(tmp_path):
    text = (
        ".subckt pair a b\nx1 a b 0 nfet\nx2 b a 0 nfet tubes = 128\n.ends\n"
        ".subckt top a b\nxp a b pair\nxq b a pair\nx3 a a 0 nfet\n.ends\n"
    )
    found = structure(tmp_path, text)
    assert found.transistors("top") == 5
    assert found.tubes("top") == 2 * (8 + 128) + 8


BROKEN = {
    "missing subcircuit": (".subckt b a\n* line\nx1 a a ota\n.ends\n", r"block\.cir:3.*'ota'.*missing.*nfet"),
    "missing model": (".subckt b a\nm1 a a 0 0 nch\n.ends\n", r"block\.cir:2.*'nch'.*missing"),
    "wrong number of nodes": (".subckt b a\nx1 a 0 nfet\n.ends\n", r"block\.cir:2.*2 nodes.*3 pins.*d g s"),
    "no end": (".subckt b a\nr1 a 0 1\n", r"block\.cir:1.*no \.ends"),
    "nested": (".subckt b a\n.subckt c a\n.ends\n.ends\n", r"block\.cir:2.*inside another"),
    "end without begin": ("* b\n.ends\n", r"block\.cir:2.*without"),
    "no element": (".subckt b a\n%1 a 0 1\n.ends\n", r"block\.cir:2.*no SPICE element"),
    "too few nodes": (".subckt b a\nr1 a\n.ends\n", r"block\.cir:2.*too few nodes"),
    "defined twice": (".subckt nfet a\nr1 a 0 1\n.ends\n", r"block\.cir:1.*again.*device\.lib:1"),
    "no pins": (".subckt b\n.ends\n", r"block\.cir:1.*no pins"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_netlist_names_file_and_line(tmp_path, name):
    text, message = BROKEN[name]
    with pytest.raises(CircuitError, match=message):
        structure(tmp_path, text)


def test_an_unknown_subcircuit_lists_those_there(tmp_path):
    with pytest.raises(CircuitError, match="they have: amp, nfet"):
        structure(tmp_path, ".subckt amp a b\n.ends\n")["amplifier"]


def test_the_header_says_what_a_pin_is(tmp_path):
    text = (
        "* amp: an amplifier\n* ports : a b inputs, out output (sources for a > b, else sinks),\n"
        "*         vdd\n* knobs : vb  bias, 0.2..0.3 V\n* state : out\n.subckt amp a b out vdd vb\nr1 a b 1\n.ends\n"
    )
    assert port_meanings(structure(tmp_path, text)["amp"]) == {
        "a": "inputs", "b": "inputs", "out": "output (sources for a > b, else sinks)", "vdd": "",
        "vb": "bias, 0.2..0.3 V",
    }  # fmt: skip


def test_ranges_semicolons_and_sums_in_a_header(tmp_path):
    text = (
        "* ports : in1..in3 membranes, vref\n* knobs : va vb decay; vc rate, vref +- 10 mV\n"
        ".subckt amp in1 in2 in3 vref va vb vc\nr1 in1 in2 1\n.ends\n"
    )
    assert port_meanings(structure(tmp_path, text)["amp"]) == {
        "in1": "membranes", "in2": "membranes", "in3": "membranes", "vref": "", "va": "decay", "vb": "decay",
        "vc": "rate, vref +- 10 mV",
    }  # fmt: skip
