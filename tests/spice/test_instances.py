"""Transistors of their own: as many as the circuit has, the same currents unchanged, different ones where asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization import load_recipe
from neuromorph.circuit import Axis
from neuromorph.errors import CircuitError
from neuromorph.spice.instances import devices, individualised

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
