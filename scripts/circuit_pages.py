"""Write docs/circuits: a page for every recipe and a table of them all.

    python scripts/circuit_pages.py                 write all pages and pictures
    python scripts/circuit_pages.py gate ...        only these pages, and the table
    python scripts/circuit_pages.py --check         fail where text and recipes or library disagree

A page is generated whole.  Of docs/circuits/README.md only what stands between
``<!-- generated: NAME -->`` and ``<!-- /generated -->`` is; the rest is written by hand.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from neuromorph.characterization import load_recipe, recipe_names
from neuromorph.circuit import Circuit, Sweep
from neuromorph.library import BlockData, FittedModel, Library, failed_points
from neuromorph.spice.structure import Subcircuit, port_meanings
from neuromorph.units import format_quantity

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "circuits"
MAXIMUM_CURVES = 9
"""Curves shown on a page; the others are in the library."""
CURVE_DPI, CURVE_COLOURS = 68, 64
_GENERATED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.S)


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A value with its unit; pure numbers bare."""
    if unit in ("", "1"):
        return f"{value:.{digits}g}"
    return format_quantity(value, unit, digits)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in escaped)])


def _sentence(text: str) -> str:
    """A text that ends with a full stop and begins with a capital."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".!?" else ".")


# parts of a page


def blocks(circuit: Circuit) -> list[Subcircuit]:
    """The block and those it is built from, itself first, each once."""
    structure = circuit.structure()
    found: dict[str, Subcircuit] = {}

    def add(name: str) -> None:
        block = structure[name]
        if block.name.lower() in found:
            return
        found[block.name.lower()] = block
        for element in block.elements:
            if element.kind == "x" and not element.is_transistor:
                add(element.model)

    add(circuit.subcircuit)
    for sweep in circuit.sweeps:
        for extra in re.findall(r"^xdut .* (\S+)$", _first_bench(circuit, sweep), re.M):
            add(extra)
    return list(found.values())


def _first_bench(circuit: Circuit, sweep: Sweep) -> str:
    _, point = next(sweep.points())
    return circuit.bench(sweep, point)


def schematic_name(block: Subcircuit) -> str:
    """File of a block's schematic."""
    return f"images/schematic_{block.name.lower()}.svg"


def _link(where: str) -> str:
    """A link to a netlist from ``file:line``."""
    path = Path(where.rsplit(":", 1)[0])
    try:
        inside = path.relative_to(ROOT)
    except ValueError:
        return path.name
    return f"[{inside}](../../{inside})"


def _schematics(circuit: Circuit) -> str:
    structure = circuit.structure()
    parts = []
    for block in blocks(circuit):
        count, tubes = structure.transistors(block.name), structure.tubes(block.name)
        parts.append(
            f"**{block.name}**: {count} transistor{'s' if count != 1 else ''}, {tubes} tubes ({_link(block.where)})\n\n"
            f"![schematic of {block.name}]({schematic_name(block)})"
        )
    note = (
        "Drawn from the netlist. Blue: ports; orange: knobs; green: states; grey: inner nets. "
        "Nets of one name are one net. Under a device's name stands its flavour, `n t` its tubes where not 8."
    )
    return "\n\n".join([note, *parts])


def _ports(circuit: Circuit) -> str:
    block = circuit.structure()[circuit.subcircuit]
    meanings = port_meanings(block)
    knobs = {knob.name: knob for knob in circuit.knobs}
    rows = []
    for port in block.ports:
        role = (
            "knob"
            if port in knobs
            else "state"
            if port in circuit.states
            else "supply"
            if port == "vdd"
            else "port"
        )
        meaning = knobs[port].meaning if port in knobs else meanings.get(port, "")
        rows.append((f"`{port}`", role, meaning or ("supply, 0.8 V" if port == "vdd" else "")))
    return _table(("pin", "role", "meaning"), rows)


def _knobs(circuit: Circuit) -> str:
    rows = [
        (f"`{k.name}`", f"{k.low:g} to {k.high:g} {k.unit}", f"{k.default:g} {k.unit}", k.meaning)
        for k in circuit.knobs
    ]
    return _table(("knob", "range", "default", "effect"), rows)


def shown(circuit: Circuit, data: BlockData) -> list[str]:
    """Names of the curves on the page: those with a caption first, in the recipe's order; none over numbers of settings
    drawn at random, unless a caption says what is seen there."""
    names = [
        sweep.name
        for sweep in circuit.sweeps
        if sweep.name in data.sweeps and not sweep.held_out and (sweep.caption or "setting" not in sweep.axes)
    ]
    chosen = sorted(names, key=lambda name: not circuit.sweep(name).caption)[:MAXIMUM_CURVES]
    return [name for name in names if name in chosen]


def curve_name(circuit: Circuit, sweep: str) -> str:
    """File of a curve's picture."""
    return f"images/{circuit.name}_{sweep}.png"


def _curves(circuit: Circuit, data: BlockData) -> str:
    parts = []
    for name in shown(circuit, data):
        sweep = data.sweeps[name]
        points = " x ".join(map(str, sweep.status.shape))
        caption = circuit.sweep(name).caption or name
        parts.append(f"**{caption}** (sweep `{name}`, {points} points over {', '.join(sweep.axes)})\n\n"
                     f"![{caption}]({curve_name(circuit, name)})")  # fmt: skip
    left = [name for name in data.sweeps if name not in shown(circuit, data)]
    if left:
        parts.append(f"Further curves in the library: {', '.join(f'`{name}`' for name in left)}.")
    return "\n\n".join(parts)


def _model(fit: FittedModel) -> str:
    rows = []
    for name, value in fit.parameters.items():
        unit, spread = fit.units.get(name, ""), fit.deviation.get(name, 0.0)
        rows.append((f"`{name}`", quantity(value, unit, 4), quantity(spread, unit, 2) if spread else ""))
    errors = [(f"`{name}`", f"{value:.3g}") for name, value in fit.errors.items()]
    box = ", ".join(f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in fit.box.items())
    return "\n\n".join(
        [
            f"Form `{fit.form}`. A standard deviation is given for parameters that were fitted; the others are read off.",
            _table(("parameter", "value", "standard deviation"), rows),
            _table(("error on the curves it was fitted to", "value"), errors),
            f"Valid for (SI): {box}." if box else "",
            "Errors on held-out stimuli: [stated errors](../hardware.md#stated-errors), measured by `neuromorph verify`.",
        ]
    )


def energies(fit: FittedModel | None) -> list[tuple[str, str]]:
    """Energies and powers among a model's parameters, in words."""
    if fit is None:
        return []
    names = [n for n in fit.parameters if fit.units.get(n) in ("J", "W")]
    return [
        (n.removeprefix("energy_").replace("_", " "), quantity(fit.parameters[n], fit.units[n]))
        for n in names
    ]


def _published(circuit: Circuit, fit: FittedModel | None) -> str:
    rows = []
    for entry in circuit.published:
        rows.append((entry.quantity, _ours(entry.parameter, fit), entry.value, entry.source))
    return _table(("quantity", "here", "published", "source"), rows)


def _ours(parameter: str, fit: FittedModel | None) -> str:
    """A fitted parameter as text; what is not one stands as it is."""
    if fit is None or parameter not in fit.parameters:
        return parameter
    return quantity(fit.parameters[parameter], fit.units.get(parameter, ""))


def _provenance(circuit: Circuit, data: BlockData) -> str:
    a = data.attributes
    return (
        f"Measured {str(a['created'])[:10]} with ngspice {a['ngspice_version']}, options `{a['options']}`; netlist sha256 "
        f"`{str(a['netlist_sha256'])[:16]}`.\n\n"
        f"```\npython circuits/{circuit.name}.py --plot          # the curves again, from nothing\n"
        f"neuromorph verify {circuit.name}                  # held-out errors\n```"
    )


def page(circuit: Circuit, data: BlockData | None) -> str:
    """Text of a block's page."""
    structure = circuit.structure()
    counts = (
        f"{circuit.transistors} transistors, {structure.tubes(circuit.subcircuit)} nanotubes; "
        f"states {', '.join(f'`{s}`' for s in circuit.states) or 'none'}; "
        f"recipe [circuits/{circuit.name}.py](../../circuits/{circuit.name}.py)."
    )
    parts = [f"# {circuit.name}", _sentence(circuit.summary), counts]
    if circuit.literature:
        parts += ["## What it emulates", _sentence(circuit.literature)]
    if circuit.description:
        parts += ["## How it works", circuit.description.strip()]
    parts += ["## Schematic", _schematics(circuit), "## Pins", _ports(circuit)]
    if circuit.knobs:
        parts += ["## Knobs", _knobs(circuit)]
    if data is None:
        parts += ["## Curves", "Not in the shipped library."]
    else:
        parts += ["## Curves", _curves(circuit, data)]
        if data.fit:
            parts += ["## Fitted model", _model(data.fit)]
        if energies(data.fit):
            parts += ["## Energy", _table(("of", "value"), energies(data.fit))]
    if circuit.published:
        parts += ["## Beside the literature", _published(circuit, data.fit if data else None)]
    failed = failed_points(data) if data else {}
    if circuit.limits or failed:
        parts += ["## Limits", circuit.limits.strip()]
        parts += [f"- no solution at `{point}`: {reason}" for point, reason in failed.items()]
    if data:
        parts += ["## Provenance", _provenance(circuit, data)]
    return "\n\n".join(part for part in parts if part) + "\n"


# the table of all blocks


def _row(circuit: Circuit, data: BlockData | None) -> tuple[str, ...]:
    structure, fit = circuit.structure(), data.fit if data else None
    key = ", ".join(f"{name} {_ours(name, fit)}" for name in _key_figures(circuit, fit))
    events = ", ".join(f"{value} {name}" for name, value in energies(fit))
    beside = "; ".join(
        f"{p.quantity}: {_ours(p.parameter, fit)} here, {p.value} published" for p in circuit.published
    )
    return (
        f"[{circuit.name}]({circuit.name}.md)", circuit.summary, str(circuit.transistors),
        str(structure.tubes(circuit.subcircuit)), ", ".join(circuit.states), key, events, beside,
    )  # fmt: skip


def _key_figures(circuit: Circuit, fit: FittedModel | None) -> list[str]:
    if fit is None:
        return []
    chosen = [name for name in circuit.figures if name in fit.parameters]
    return chosen or [name for name, spread in fit.deviation.items() if spread][:4]


def overview(text: str, everything: list[tuple[Circuit, BlockData | None]]) -> str:
    """README of the folder with its table made anew."""
    header = ("block", "what", "transistors", "tubes", "states", "fitted", "energy", "beside the literature")
    tables = {"blocks": _table(header, [_row(circuit, data) for circuit, data in everything]) + "\n"}
    return _GENERATED.sub(lambda m: m[1] + tables[m[2]] + m[3], text)


# pictures


def owners(circuits: list[Circuit]) -> dict[str, str]:
    """By schematic: the recipe that draws it, its own or the first that uses the block."""
    found: dict[str, str] = {}
    for circuit in circuits:
        for block in blocks(circuit):
            found.setdefault(schematic_name(block), circuit.name)
    found.update({schematic_name(c.structure()[c.subcircuit]): c.name for c in circuits})
    return found


def draw_block(circuit: Circuit, data: BlockData | None, owner: dict[str, str]) -> None:
    """Schematics and curves of a page."""
    from neuromorph.reporting.schematic import draw

    (FOLDER / "images").mkdir(parents=True, exist_ok=True)
    for block in blocks(circuit):
        if owner[schematic_name(block)] != circuit.name:
            continue
        itself = block.name.lower() == circuit.subcircuit.lower()
        knobs = [k.name for k in circuit.knobs if k.name in block.ports]
        draw(
            circuit.structure(),
            block,
            FOLDER / schematic_name(block),
            knobs,
            circuit.states if itself else (),
        )
    for name in shown(circuit, data) if data else ():
        _draw_curve(data, name, circuit)


def _draw_curve(data: BlockData | None, name: str, circuit: Circuit) -> None:
    import matplotlib.pyplot as plt

    from neuromorph.reporting.curves import plot_sweep

    assert data is not None
    figure = plot_sweep(data.sweeps[name], circuit.sweep(name).caption or name)
    stored = io.BytesIO()
    figure.savefig(stored, dpi=CURVE_DPI)
    plt.close(figure)
    _write_small(stored, FOLDER / curve_name(circuit, name))


def _write_small(png: io.BytesIO, path: Path) -> None:
    """A PNG with a small palette where Pillow is present."""
    try:
        from PIL import Image
    except ImportError:
        path.write_bytes(png.getvalue())
        return
    image = Image.open(png).convert("RGB").quantize(CURVE_COLOURS, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


def _write(path: Path, text: str, check: bool) -> bool:
    """Write a page unless only checking; whether it was out of date."""
    stale = not path.exists() or path.read_text() != text
    if stale and not check:
        path.write_text(text)
    return stale


def missing_pictures(text: str) -> list[str]:
    """Pictures a page shows that are not there."""
    return [name for name in re.findall(r"!\[.*?\]\((.*?)\)", text) if not (FOLDER / name).exists()]


def _remove_unused(texts: list[str]) -> None:
    """Pictures that no page shows any more."""
    for picture in (FOLDER / "images").iterdir():
        if not any(f"images/{picture.name}" in text for text in texts):
            picture.unlink()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Write docs/circuits from recipes, netlists and the shipped library."
    )
    parser.add_argument("recipes", nargs="*", help="recipe names; all by default")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail where a page is out of date"
    )
    args = parser.parse_args(argv)
    library = Library.shipped()
    everything = [
        (load_recipe(n), library.read(n) if n in library.blocks() else None) for n in recipe_names()
    ]
    problems, owner = [], owners([circuit for circuit, _ in everything])
    for circuit, data in everything:
        if args.recipes and circuit.name not in args.recipes:
            continue
        text = page(circuit, data)
        if not args.check:
            draw_block(circuit, data, owner)
        if _write(FOLDER / f"{circuit.name}.md", text, args.check):
            problems.append(f"{circuit.name}.md")
        problems += [f"{circuit.name}.md: no picture {name}" for name in missing_pictures(text)]
    table = FOLDER / "README.md"
    if _write(table, overview(table.read_text(), everything), args.check):
        problems.append("README.md")
    known = {f"{circuit.name}.md" for circuit, _ in everything} | {"README.md"}
    problems += [f"{p.name}: no such recipe, delete it" for p in FOLDER.glob("*.md") if p.name not in known]
    if not args.check and not args.recipes:
        _remove_unused([page(circuit, data) for circuit, data in everything])
    for problem in problems:
        print(f"{'out of date' if args.check else 'written'}: docs/circuits/{problem}")
    return 1 if problems and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
