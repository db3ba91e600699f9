"""Schematics: every element is placed once, wires never touch another net, odd netlists are drawn too."""

from __future__ import annotations

import itertools

import pytest

from neuromorph.characterization import load_recipe, recipe_names
from neuromorph.reporting.schematic import Schematic, draw
from neuromorph.reporting.schematic_layout import lay_out
from neuromorph.reporting.schematic_routing import Obstacle, Segment, Terminal, Wiring, _touches, route
from neuromorph.spice.structure import Structure, read_structure

ODD = {
    "passive": ".subckt b in out vdd\nr1 in out 1k\nc1 out 0 1p\nr2 vdd out 1k\n.ends\n",
    "transmission gate": ".subckt b a y en\nxn a en y nfet\nxp a en y pfet\n.ends\n",
    "latch": ".subckt b q nq vdd\nx1 q nq 0 nfet\nx2 q nq vdd pfet\nx3 nq q 0 nfet\nx4 nq q vdd pfet\n.ends\n",
    "n over p": ".subckt b a y vdd\nx1 vdd a y nfet\nx2 0 a y pfet\n.ends\n",
    "loop of channels": ".subckt b a y z\nx1 a z y nfet\nx2 y a z nfet\nx3 z y a nfet\n.ends\n",
    "gate on a rail": ".subckt b a vdd\nx1 a vdd 0 nfet\nx2 a 0 vdd pfet\n.ends\n",
    "behavioural": ".subckt b a y vdd\nb1 y 0 i=1e-9*v(a)\ne1 y 0 a 0 2\nx1 a y 0 nfet\n.ends\n",
    "boxes in a loop": ".subckt inner i o\nx1 o i 0 nfet\n.ends\n.subckt b a y\nx1 a y inner\nx2 y a inner\n.ends\n",
}
DEVICES = "".join(f".subckt {kind} d g s tubes=8\nr1 d s 1k\n.ends\n" for kind in ("nfet", "pfet"))


def odd(folder, name) -> Structure:
    (folder / "odd.cir").write_text(DEVICES + ODD[name])
    return read_structure([folder / "odd.cir"])


@pytest.mark.parametrize("name", sorted(ODD))
def test_odd_netlists_are_drawn_whole(tmp_path, name):
    structure = odd(tmp_path, name)
    layout = lay_out(structure["b"], structure)
    placed = [item.element.name for item in layout.items] + [box.element.name for box in layout.boxes]
    assert sorted(placed) == sorted(e.name for e in structure["b"].elements)
    assert len({(item.column, item.row) for item in layout.items}) == len(layout.items)
    draw(structure, "b", tmp_path / "b.svg")
    text = (tmp_path / "b.svg").read_text()
    assert all(f">{e.name}<" in text for e in structure["b"].elements)


@pytest.mark.parametrize("name", recipe_names())
def test_every_block_has_its_ports_in_the_picture(tmp_path, name):
    circuit = load_recipe(name)
    structure = circuit.structure()
    draw(structure, circuit.subcircuit, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    used = {n.lower() for e in structure[circuit.subcircuit].elements for n in e.nodes}
    shown = [port.lower() for port in circuit.ports() if port.lower() in used - {"0", "vdd"}]
    # a stack of like boxes shows its numbered pins once, without the number
    assert all(f">{port}<" in text or f">{port.rstrip('0123456789')}<" in text for port in shown)
    draw(structure, circuit.subcircuit, tmp_path / "b.svg")
    assert (tmp_path / "b.svg").read_text() == text


@pytest.mark.parametrize("name", recipe_names())
def test_wires_of_different_nets_never_touch(name, monkeypatch):
    """Two nets that touch in the picture would read as one."""
    circuit = load_recipe(name)
    structure = circuit.structure()
    seen = []
    monkeypatch.setattr("neuromorph.reporting.schematic.Wiring", lambda o: seen.append(Wiring(o)) or seen[-1])
    blocks = [b for b in structure.subcircuits.values() if any(e.is_transistor for e in b.elements)]
    for block in blocks:
        Schematic(structure, block.name).figure()
    assert len(seen) == len(blocks)
    for wiring in seen:
        for a, b in itertools.combinations(wiring.segments, 2):
            assert a.net == b.net or not _touches(a, b), (a, b)


def test_a_mirror_and_a_pair_look_as_usual(tmp_path):
    """Mirror gates face each other, the pair's gates look outwards."""
    circuit = load_recipe("gate")
    items = {i.element.name: i for i in lay_out(circuit.structure()["ota"], circuit.structure()).items}
    left, right = sorted((items["xa"], items["xb"]), key=lambda i: i.column)
    assert (left.side, right.side) == (-1, 1)
    assert items["xna1"].side == (1 if items["xna2"].column > items["xna1"].column else -1)
    assert items["xpa1"].row == 0
    assert items["xtail"].row == 2


def test_a_wire_that_does_not_fit_becomes_a_name():
    ends = [Terminal("a", 0.0, 1.0, 2.0, 1.0, 2.0), Terminal("a", 4.0, 1.0, 2.0, 1.0, 2.0)]
    free = Wiring([])
    route(ends, [1.5], free)
    assert free.groups == {"a": [(tuple(ends), 1.5)]}
    blocked = Wiring([Obstacle(1.0, 0.0, 3.0, 3.0)])
    route(ends, [1.5], blocked)
    assert blocked.groups == {"a": [((end,), None) for end in ends]}
    assert not blocked.segments
    assert not free.is_free(Segment("b", 1.0, 1.5, 2.0, 1.5))
    assert free.is_free(Segment("b", 1.0, 0.0, 1.0, 3.0))
