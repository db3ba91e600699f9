import pytest

from neuromorph.errors import CircuitError
from neuromorph.spice.netlist import load_netlist


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
    with pytest.raises(CircuitError, match="lies outside"):
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
