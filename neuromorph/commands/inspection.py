"""Commands that look: info, report, data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.characterization import load_recipe, recipe_names
from neuromorph.commands.hardware import plot_block
from neuromorph.errors import InputError
from neuromorph.library import Library, failed_points
from neuromorph.spice.structure import read_structure
from neuromorph.units import format_quantity

OCTAVE, A0_OVER_C = 12, 9
"""Semitones of an octave, and from C to the lowest piano key."""
_PART_OF = {
    "weight_cell": "weight_store",
    "dendrite_column": "gate_synapse",
    "feedback_column": "feedback_synapse",
    "weight_refresh": "weight_store",
    "slope_unit_unsigned": "slope_unit",
    "eligibility_trace": "eligibility_synapse",
    "stdp_trace": "stdp_synapse",
    "stdp_update": "stdp_synapse",
}
"""Subcircuits that the network counts apart from the recipe that holds them."""


def run_info(args: argparse.Namespace) -> int:
    """What is in a library, a block's file or a run."""
    path = Path(args.file)
    if (path / "run.json").exists():
        return _run_info(path, args)
    if path.suffix == ".h5" and path.exists():
        return _block_info(Library(path.parent), path.stem)
    if path.is_dir() and list(path.glob("*.h5")):
        for block in Library(path).blocks():
            _block_info(Library(path), block)
        return 0
    if args.file in Library.shipped().blocks():
        return _block_info(Library.shipped(), args.file)
    raise InputError(
        "this is neither a library, a block's file nor a run", where=path,
        remedy=f"shipped blocks are: {', '.join(Library.shipped().blocks())}",
    )  # fmt: skip


def _block_info(library: Library, block: str) -> int:
    data = library.read(block)
    print(f"{block}: ngspice {data.attributes['ngspice_version']}, measured {data.attributes['created']}, "
          f"netlist {data.attributes['netlist_sha256'][:12]}")  # fmt: skip
    for name, sweep in data.sweeps.items():
        outputs = ", ".join(f"{o} ({sweep.units[o]})" for o in sweep.outputs)
        print(
            f"  {name}: {' x '.join(map(str, sweep.status.shape))} points over {', '.join(sweep.axes)}; {outputs}"
        )
    for point, reason in failed_points(data).items():
        print(f"  failed: {point}: {reason}")
    if data.fit:
        print(f"  fitted: {data.fit.form}; " + ", ".join(f"{k} {v:.3g}" for k, v in data.fit.errors.items()))
    return 0


def _run_info(path: Path, args: argparse.Namespace) -> int:
    from neuromorph.commands.learning import open_run

    run = open_run(str(path), Library(args.library))
    facts = run.facts
    frame = facts.config.frame
    print(f"{path}: {facts.hardware}, {'joint' if facts.config.joint else 'independent'} outputs, "
          f"{facts.config.cells} cells, seed {facts.seed}, {facts.position['epoch']} passes")  # fmt: skip
    print(f"  frame_seconds_hardware {frame.seconds:g}, frame_seconds_music {frame.music_seconds:g}, "
          f"time scale {frame.music_seconds / frame.seconds:.3g}")  # fmt: skip
    print(f"  library {facts.library_hash or 'not used (ideal)'}")
    if facts.drawn:
        from neuromorph.models.library_blocks import BLOCKS
        from neuromorph.models.mismatch import read_variation

        drawn = read_variation()
        print(f"  drawn, instance by instance: {', '.join(sorted(drawn))}")
        print(f"  all instances alike: {', '.join(sorted(set(BLOCKS) - set(drawn)))}")
    for note in facts.history:
        print(f"  pass {int(note['epoch'])}: held-out NLL {note.get('valid_nll', float('nan')):.4f}")
    if args.hardware:
        _print_hardware(run, Library(args.library))
    return 0


def _print_hardware(run: Any, library: Library) -> None:
    """Which block realises what, and what the network is made of."""
    from neuromorph.network.hardware import hardware_listing

    for row in hardware_listing(run.network, fidelity=run.facts.fidelity):
        print(f"  {row.kind:8s} {row.name:48s} {row.block:20s} {row.note}")
    if run.facts.fidelity == "ideal":
        return
    print(
        f"  {'block':20s} {'instances':>12s} {'transistors':>12s} {'tubes':>12s} {'capacitance':>12s} {'static':>10s}"
    )
    for line in network_budget(run.facts.config, library):
        print(
            f"  {line.block:20s} {line.count:12,.0f} {line.transistors:12,.0f} {line.tubes:12,.0f} "
            f"{format_quantity(line.capacitance, 'F', 3):>12s} {format_quantity(line.static_power, 'W', 3):>10s}"
        )


def network_budget(config: Any, library: Library) -> list[Any]:
    """Instances, transistors, tubes, capacitance and static power by block, the total last."""
    from neuromorph.network.budget import budget, instances, total

    sizes = {block: _size(block) for block in instances(config)}
    lines = budget(config, sizes, library.models())
    return [*lines, total(lines)]


def _size(block: str) -> tuple[float, float, float]:
    """Transistors, tubes and explicit capacitance of a block; a part of a recipe by its subcircuit's name."""
    circuit = load_recipe(_PART_OF.get(block, block))
    name = block if block in _PART_OF else circuit.subcircuit
    structure = read_structure(circuit.netlists)
    return structure.transistors(name), structure.tubes(name), structure.capacitance(name)


def run_report(args: argparse.Namespace) -> int:
    """One HTML page for a library (curves, fits) or a run (learning, hardware)."""
    path, out = Path(args.source), Path(args.out)
    page = _run_page(path, args) if (path / "run.json").exists() else _library_page(path, out)
    print(page.write(out / "report.html"))
    return 0


def _library_page(path: Path, out: Path) -> Any:
    from neuromorph.reporting.page import Page

    library = Library(path)
    if not library.blocks():
        raise InputError(
            "neither a run nor a library with blocks", where=path,
            remedy="give a folder that train or characterize has made",
        )  # fmt: skip
    page = Page("neuromorph: characterization library")
    for block in library.blocks():
        add_block(page, library, block, out / "curves")
    return page


def add_block(page: Any, library: Library, block: str, folder: Path) -> None:
    """A block's section: provenance, fitted parameters, every curve."""
    from matplotlib import image
    from matplotlib import pyplot as plt

    data = library.read(block)
    page.heading(block)
    if block in recipe_names():
        circuit = load_recipe(block)
        page.paragraph(f"{circuit.summary}. {circuit.transistors} transistors. {circuit.literature}.")
        page.table(("knob", "from", "to", "default", "meaning"),
                   [(k.name, k.low, k.high, k.default, f"{k.meaning} ({k.unit})") for k in circuit.knobs])  # fmt: skip
        for file in plot_block(circuit, data, folder / block):
            figure, panel = plt.subplots(figsize=(9, 9 * _aspect(file)))
            panel.imshow(image.imread(file))
            panel.axis("off")
            page.figure(figure, file.stem)
    if data.fit:
        rows = [
            (n, v, data.fit.units.get(n, ""), data.fit.deviation.get(n, 0.0))
            for n, v in data.fit.parameters.items()
        ]
        page.table(("parameter", "value", "unit", "standard deviation"), rows)
        page.table(("error on the curves it was fitted to", "value"), list(data.fit.errors.items()))
    page.paragraph(f"ngspice {data.attributes['ngspice_version']}, options {data.attributes['options']}, "
                   f"netlist sha256 {data.attributes['netlist_sha256']}.")  # fmt: skip


def _aspect(file: Path) -> float:
    from matplotlib import image

    height, width = image.imread(file).shape[:2]
    return height / width


def _run_page(path: Path, args: argparse.Namespace) -> Any:
    from neuromorph.commands.learning import open_run
    from neuromorph.network.hardware import hardware_listing
    from neuromorph.reporting.music import plot_learning
    from neuromorph.reporting.page import Page

    run = open_run(str(path), Library(args.library))
    page = Page(f"neuromorph: run {path.name}")
    notes = [note["valid_nll"] for note in run.facts.history if "valid_nll" in note]
    if notes:
        page.figure(plot_learning({run.facts.fidelity: notes}, {}), "Held-out NLL after each pass")
    page.figure(receptive_fields(run), "Receptive fields of the feature layer")
    page.heading("Which block realises what")
    rows = [
        (r.kind, r.name, r.block, r.note) for r in hardware_listing(run.network, fidelity=run.facts.fidelity)
    ]
    page.table(("kind", "quantity", "block", "note"), rows)
    return page


def receptive_fields(run: Any) -> Any:
    """Feature weights over keys (an octave a row, C at the left) or over bands and thresholds."""
    from neuromorph.reporting.music import plot_receptive_fields

    weights = np.asarray(run.state.features.weights)
    if run.facts.front_end:
        levels = run.facts.config.notes // run.facts.front_end["bands"]
        return plot_receptive_fields(weights, "bands from below, thresholds from left to right", levels)
    keys = np.concatenate([np.zeros((len(weights), A0_OVER_C)), weights], axis=1)
    return plot_receptive_fields(keys, "octaves from below, C to B from left to right", OCTAVE)


def run_data(args: argparse.Namespace) -> int:
    """Which public data sets are present, where they come from, how to get the others."""
    from neuromorph.music.datasets import dataset_status

    for name, status in dataset_status().items():
        print(name)
        for key, value in status.items():
            print(f"  {key}: {value}")
    return 0
