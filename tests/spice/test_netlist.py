import pytest

from neuromorph.errors import CircuitError
from neuromorph.spice.netlist import load_netlist, subcircuit_ports


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_includes_are_expanded(tmp_path):
    write(tmp_path, "lib/device.lib", ".model nn nmos\n")
    block = write(
        tmp_path, "blocks/block.cir", ".include ../lib/device.lib\n.subckt b a c\nr1 a c 1k\n.ends b\n"
    )
    text = load_netlist(block)
    assert ".model nn nmos" in text
    assert ".include" not in text
    assert subcircuit_ports(text, "B") == ("a", "c")


def test_parameters_are_not_pins():
    text = ".subckt amp in out vdd\n+ vb gain=2 c=1f\n.ends\n.subckt n d g s params: l=1\n.ends"
    assert subcircuit_ports(text, "amp") == ("in", "out", "vdd", "vb")
    assert subcircuit_ports(text, "n") == ("d", "g", "s")


@pytest.mark.parametrize(
    "line",
    [
        ".control",
        "  .CONTROL",
        "shell rm -rf x",
        ".exec x",
        "a1 [x] filesrc\n.model filesrc filesource (file=x)",
    ],
)
def test_commands_are_refused_with_the_line(tmp_path, line):
    path = write(tmp_path, "evil.cir", f"* title\n{line}\n")
    with pytest.raises(CircuitError, match=r"evil\.cir:[23].*refused"):
        load_netlist(path)


def test_includes_stay_in_their_tree(tmp_path):
    outside = write(tmp_path, "secret.txt", "r1 a b 1\n")
    path = write(tmp_path, "a/b/c/block.cir", f".include {outside}\n")
    with pytest.raises(CircuitError, match="--allow-include"):
        load_netlist(path)
    assert "r1 a b 1" in load_netlist(path, allowed=(tmp_path,))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(CircuitError, match=r"none\.cir"):
        load_netlist(tmp_path / "none.cir")
    path = write(tmp_path, "block.cir", ".include gone.lib\n")
    with pytest.raises(CircuitError, match=r"block\.cir:1.*gone\.lib"):
        load_netlist(path)


def test_a_file_that_includes_itself(tmp_path):
    path = write(tmp_path, "loop.cir", ".include loop.cir\n")
    with pytest.raises(CircuitError, match="includes itself"):
        load_netlist(path)


def test_an_unknown_subcircuit_lists_those_there():
    with pytest.raises(CircuitError, match="it has: amp"):
        subcircuit_ports(".subckt amp a b\n.ends", "amplifier")
