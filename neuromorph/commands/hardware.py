"""Commands of the SPICE side: doctor, characterize, fit, verify, and a recipe run as a script."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
from dataclasses import replace
from pathlib import Path

from neuromorph import __version__
from neuromorph.characterization import Summary, characterize, find_recipe, load_recipe, recipe_names
from neuromorph.circuit import Circuit, Knob
from neuromorph.errors import CircuitError, EngineUnavailable, InputError, NeuromorphError, OutOfRange
from neuromorph.figures import record, table, write_json
from neuromorph.fitting import fit, verify, verify_quickly
from neuromorph.fitting.device import device_figure
from neuromorph.library import BlockData, FittedModel, Library
from neuromorph.units import format_quantity, parse_quantity

_RC = """* rc
v1 in 0 pwl(0 0 1n 0 1.001n 1)
r1 in out 1k
c1 out 0 1p
.save v(out)
.tran 10p 2n
.end
"""


SPOT_CIRCUITS = ("memory_cell", "axon_hillock", "eligibility_synapse", "gate_synapse", "dendritic_adder")
"""What a spot check of a network replays."""


def chosen(names: list[str]) -> list[Circuit]:
    """Circuits by name or path, each once; all of the project's when none is named.

    Raises
    ------
    CircuitError
        When two files define circuits of the same name.
    """
    paths = dict.fromkeys(find_recipe(name).resolve() for name in names or recipe_names())
    circuits: dict[str, tuple[Path, Circuit]] = {}
    for path in paths:
        circuit = load_recipe(str(path))
        known = circuits.setdefault(circuit.name, (path, circuit))
        if known[0] != path:
            raise CircuitError(
                f"its circuit is named {circuit.name!r}, as that of {known[0]}", where=path,
                remedy="give each Circuit a name of its own, or measure them into different libraries",
            )  # fmt: skip
    return [circuit for _, circuit in circuits.values()]


def doctor(args: argparse.Namespace) -> int:
    """Say what is installed, run one RC circuit, and say what to do where something is missing."""
    print(f"neuromorph {__version__}, Python {platform.python_version()}")
    for package in ("numpy", "scipy", "jax", "h5py", "matplotlib", "PySpice", "soundfile", "music21"):
        try:
            found = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found = "missing: pip install 'neuromorph[spice,music]'"
        print(f"  {package:12s} {found}")
    if args.write_devices:
        from neuromorph.devices.netlist import device_library

        Path(args.write_devices).write_text(device_library())
        print(f"  wrote {args.write_devices}")
    print(f"  {'library':12s} {', '.join(Library.shipped().blocks())}")
    return _check_engine()


def _check_engine() -> int:
    import numpy as np

    from neuromorph.spice.workers import Job, WorkerPool

    try:
        with WorkerPool(1, timeout=30) as pool:
            (_, waves), *_ = pool.run([Job("rc", _RC, "doctor", "rc")])
            if isinstance(waves, NeuromorphError):
                raise waves
            at = float(np.interp(2e-9, waves.time, waves["out"]))
            error = abs(at / (1 - np.exp(-1)) - 1)
            print(f"  {'ngspice':12s} {pool.version}, RC circuit within {100 * error:.2g} % of theory")
            return 0 if error < 0.01 else 1
    except EngineUnavailable as problem:
        print(f"  {'ngspice':12s} {problem}")
        print("  without it: everything but characterize and verify works, on the shipped library")
        return 1


def run_characterize(args: argparse.Namespace) -> int:
    """Measure recipes into the library."""
    library = Library(args.library)
    summary = characterize(chosen(args.recipes), library, args.jobs, args.force, progress=not args.quiet)
    for block, count in summary.ran.items():
        kept = f", {summary.resumed[block]} kept from an interrupted run" if summary.resumed[block] else ""
        print(f"{block}: {count} points measured{kept} -> {library.file(block)}")
    for block in summary.unchanged:
        print(f"{block}: unchanged, {library.file(block)} is up to date")
    return _print_failures(summary)


def _print_failures(summary: Summary) -> int:
    """List the points without a result, in ngspice's own words; returns the exit status."""
    for point, reason in summary.failed.items():
        print(f"failed: {point}: {reason}", file=sys.stderr)
    old = sorted({point.split("/")[0] for point in summary.failed} & set(summary.unchanged))
    if old:
        print(f"{', '.join(old)}: these failures were found before; --force measures again", file=sys.stderr)
    return 1 if summary.failed else 0


def run_fit(args: argparse.Namespace) -> int:
    """Fit the blocks' models and print them with their errors."""
    library = Library(args.library)
    models = fit(chosen(args.recipes or list(library.blocks())), library)
    for name, model in models.items():
        _print_model(name, model)
    if args.json:
        content = {
            n: {"form": m.form, "parameters": m.parameters, "errors": m.errors} for n, m in models.items()
        }
        write_json(Path(args.json), content)
    return 0


def _print_model(name: str, model: FittedModel) -> None:
    print(f"{name}: {model.form}")
    for parameter, value in model.parameters.items():
        unit = model.units.get(parameter, "")
        spread = model.deviation.get(parameter, 0.0)
        text = format_quantity(value, "" if unit in ("1", "") else unit, 4)
        more = f"  +- {format_quantity(spread, '' if unit in ('1', '') else unit, 2)}" if spread else ""
        print(f"  {parameter:18s} {text}{more}")
    for metric, error in model.errors.items():
        print(f"  fit: {metric} {error:.3g}")


def run_verify(args: argparse.Namespace) -> int:
    """Score the stored models on held-out SPICE, measured now or kept from a run on the same circuits."""
    if args.spots:
        from neuromorph.commands.spots import run_spots

        return run_spots(args, {circuit.name: circuit for circuit in chosen(list(SPOT_CIRCUITS))})
    library = Library(args.library)
    if args.quick:
        return _verify_quickly(args, library)
    references = Library(args.references) if args.references else None
    if references and references.path.resolve() == library.path.resolve():
        raise InputError(
            "--references is the library of the models; their curves would be overwritten", where=references.path,
            remedy="name a folder of its own",
        )  # fmt: skip
    figures = [] if args.recipes else [device_figure(args.jobs)]
    figures += verify(
        chosen(args.recipes), library, args.jobs, progress=not args.quiet, references=references,
        tables=Path(args.corners) if args.corners else None,
    )  # fmt: skip
    print(table(figures))
    if args.json:
        record(Path(args.json), figures, " ".join(["neuromorph", *sys.argv[1:]]))
    return 0 if all(figure.holds for figure in figures) else 1


def _verify_quickly(args: argparse.Namespace, library: Library) -> int:
    if args.references:
        raise InputError(
            "--quick with --references", remedy="leave one out: --quick uses the package's own curves"
        )
    figures = verify_quickly(
        chosen(args.recipes),
        library,
        Library.held_out(),
        seed=args.seed,
        jobs=args.jobs,
        progress=not args.quiet,
    )
    print(table(figures))
    points = sum(int(figure.details.get("points", 0)) for figure in figures)
    print(f"{points} kept points measured again; seed {args.seed} drew them")
    if args.json:
        record(Path(args.json), figures, " ".join(["neuromorph", *sys.argv[1:]]))
    return 0 if all(figure.holds for figure in figures) else 1


def run_recipe(circuit: Circuit, args: argparse.Namespace) -> int:
    """A recipe run as a script: measure, fit, print, plot."""
    circuit = _with_knobs(circuit, args.knob)
    if args.devices:
        circuit = circuit.with_devices(Path(args.devices))
    for knob in circuit.knobs:
        print(f"{knob.name} = {knob.default:g} {knob.unit} ({knob.low:g}..{knob.high:g}): {knob.meaning}")
    folder = Path(args.out) / circuit.name
    library = Library(folder / "library")
    summary = characterize([circuit], library, args.jobs, progress=True)
    status = _print_failures(summary)
    try:
        if circuit.fit:
            _print_model(circuit.name, fit([circuit], library)[circuit.name])
    finally:  # the curves are what one looks at when a fit fails
        for file in plot_block(circuit, library.read(circuit.name), folder) if args.plot else ():
            print(file)
    return status


def _with_knobs(circuit: Circuit, settings: list[str]) -> Circuit:
    """The circuit with some knobs' defaults changed (``NAME=VALUE``)."""
    knobs = {knob.name: knob for knob in circuit.knobs}
    known = f"knobs: {', '.join(f'{k.name} {k.low:g}..{k.high:g} {k.unit}' for k in circuit.knobs) or 'none'}"
    for setting in settings:
        name, _, text = setting.partition("=")
        where = f"{circuit.name}, --knob {setting}"
        if not text:
            raise InputError("this is not NAME=VALUE", where=where, remedy=known)
        if name not in knobs:
            raise InputError(f"it has no knob {name!r}", where=where, remedy=known)
        value = _knob_value(text, knobs[name], where)
        knobs[name] = replace(knobs[name], default=value)
    return replace(circuit, knobs=tuple(knobs.values()))


def _knob_value(text: str, knob: Knob, where: str) -> float:
    try:
        value = parse_quantity(text, knob.unit)
    except InputError as error:
        raise InputError(error.what, where=where, remedy=error.remedy) from error
    if not knob.low <= value <= knob.high:
        raise OutOfRange(
            f"{value:g} {knob.unit} is outside {knob.low:g}..{knob.high:g} {knob.unit}", where=where
        )
    return value


def plot_block(circuit: Circuit, data: BlockData, folder: Path) -> list[Path]:
    """PNG of every sweep (and of the neuron's fit); returns the files."""
    import matplotlib.pyplot as plt

    from neuromorph.reporting.curves import plot_neuron_fit, plot_sweep

    captions = {sweep.name: sweep.caption or sweep.name for sweep in circuit.sweeps}
    figures = {n: plot_sweep(s, f"{circuit.name}: {captions.get(n, n)}") for n, s in data.sweeps.items()}
    if data.fit and data.fit.form == "clamped_integrate_and_fire":
        figures["fit"] = plot_neuron_fit(data)
    files = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        files.append(folder / f"{name}.png")
        figure.savefig(files[-1], dpi=110)
        plt.close(figure)
    return files
