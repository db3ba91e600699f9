"""Transistors of their own: as many as the circuit has, the same currents unchanged, different ones where asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization import load_recipe
from neuromorph.circuit import Axis
from neuromorph.errors import CircuitError
from neuromorph.spice.instances import devices, individualised
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.structure import read_structure

CELL = load_recipe("memory_cell")


def test_every_transistor_has_a_path_of_its_own():
    found = devices(CELL.structure(), "memory_cell")
    assert len(found) == len({device.path for device in found}) == CELL.transistors
    assert {"xin.xg.xtail", "xin.xo.xtail", "xog.xtail", "xp1"} <= {device.path for device in found}


def written(circuit):
    """Parameters on the device lines of the block's own copies, by their number."""
    values = {device.path: k for k, device in enumerate(devices(circuit.structure(), circuit.subcircuit))}
    text = individualised(
        circuit.netlist_text(), circuit.structure(), circuit.subcircuit,
        lambda device: {"vfb": values.get(device.path, -1)},
    )  # fmt: skip
    inside, found = False, []
    for line in text.splitlines():
        if line.startswith(".subckt"):
            name = line.split()[1]
            inside = name == circuit.subcircuit or name.startswith(f"{circuit.subcircuit}__")
        elif inside and " vfb=" in line:
            found.append(int(line.rsplit("vfb=", 1)[1]))
    return text, found


def test_the_copy_writes_each_devices_own_parameters_and_keeps_names():
    text, found = written(CELL)
    assert sorted(found) == list(range(CELL.transistors))
    assert text.count(".subckt memory_cell ") == 1
    assert ".subckt memory_cell__xin__xo " in text


def test_a_part_by_its_own_name_is_its_first_instance_in_the_block():
    """The bench of a gate measures the gate that the product has."""
    block = load_recipe("gate")
    seen = {}
    individualised(
        block.netlist_text(), block.structure(), block.subcircuit,
        lambda device: seen.setdefault(device.path, {}),
    )  # fmt: skip
    assert {"xg.xtail", "xo.xtail", "splitter:xtail"} <= set(seen)
    assert not any(path.startswith(("gate:", "ota:", "gated_product:")) for path in seen)


OWN = """\
.subckt nfet_own d g s dia=1 tubes=8 vfb=0 goff=0
r1 d s 1k
.ends
.subckt Part a b n=3
x1 a b 0 nfet_own ; tubes=5 in a comment
x2 a b
+ 0 nfet_own tubes={n} vfb=0.1 $ another
vb b 0 0.3
.ends
.subckt own a b wide=6
xp a b part
xq a b Part n={wide}
.ends
"""


def own(tmp_path, text=OWN):
    file = tmp_path / "own.cir"
    file.write_text(text)
    return read_structure([file]), load_netlist(file)


def test_comments_continuations_capitals_and_braces_are_read_as_ngspice_reads_them(tmp_path):
    structure, text = own(tmp_path)
    seen = {}

    def parameters(device):
        seen[device.path] = dict(device.given)
        return {"vfb": len(seen), "tubes": 2}

    copy = individualised(text, structure, "own", parameters)
    assert {path: given for path, given in seen.items() if path.startswith(("xp.", "xq."))} == {
        "xp.x1": {}, "xp.x2": {"tubes": "3", "vfb": "0.1"}, "xq.x1": {}, "xq.x2": {"tubes": "6", "vfb": "0.1"},
    }  # fmt: skip
    lines = [line for line in copy.splitlines() if line.split()[0] in ("x1", "x2")]
    assert len({line.split("vfb=")[1].split()[0] for line in lines}) == len(set(seen))
    for line in lines:
        assert line.count("tubes=") == line.count("vfb=") == 1
        assert ";" not in line
    assert "xq a b own__xq n={wide}" in copy


def test_a_block_with_sources_varies_too(tmp_path):
    structure, text = own(tmp_path)
    assert individualised(text, structure, "Part", lambda _: {"vfb": 7}).count("vfb=7") >= 2


def test_a_missing_top_is_named():
    with pytest.raises(CircuitError, match=r"no \.subckt 'nothing'"):
        individualised(CELL.netlist_text(), CELL.structure(), "nothing", lambda _: {})


@pytest.mark.ngspice
def test_unchanged_devices_give_the_same_currents_and_a_shifted_one_does_not(tmp_path):
    """A gate's plateau falls by what the threshold of its tail rises, an e-fold of current per n Vt."""
    from neuromorph.characterization import measure

    gate = load_recipe("gate")
    sweep = replace(gate.sweep("sigmoid"), axes={"vb": Axis((0.24, 0.28), "V")})

    def measured(shift):
        text = individualised(
            gate.netlist_text(), gate.structure(), gate.subcircuit,
            lambda device: {"vfb": 0.25 + shift} if device.path.endswith("xtail") else {},
        )  # fmt: skip
        file = tmp_path / f"gate_{shift:g}.cir"
        file.write_text(text + "\n")
        data = measure(replace(gate, netlists=(file,)), [sweep])
        return data[sweep.name]

    plain = measure(gate, [sweep])[sweep.name]
    same, higher = measured(0.0), measured(5e-3)
    for name in sweep.outputs:
        np.testing.assert_allclose(same[name], plain[name], rtol=1e-6, atol=1e-15)
    ratio = np.log(plain["tail"] / higher["tail"])
    slope = 1.15 * 8.617e-5 * 300.15  # swing factor of the device times kT/q; the channel adds to it
    assert np.all(ratio < 5e-3 / slope)
    assert np.all(ratio > 0.6 * 5e-3 / slope)
