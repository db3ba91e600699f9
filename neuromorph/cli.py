"""The command line: a parser that loads a command's code only when it is called."""

from __future__ import annotations

import argparse
import importlib
import math
import os
import sys
from pathlib import Path

from neuromorph import __version__
from neuromorph.errors import InputError, NeuromorphError

_SHIPPED = str(Path(__file__).parent / "data" / "library")
_CHARACTERIZED = "out/library"


def _count(text: str) -> int:
    """A whole number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return int(text)


def _number(text: str) -> float:
    """A finite number, else NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _positive(text: str) -> float:
    """A finite number above zero."""
    value = _number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def _not_negative(text: str) -> float:
    """A finite number of at least zero."""
    value = _number(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return value


def _command(commands, name: str, target: str, help_: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=help_, description=help_, epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(target=target)
    return parser


def _hardware_commands(commands) -> None:
    p = _command(
        commands,
        "doctor",
        "hardware:doctor",
        "say what is installed and whether ngspice answers",
        "neuromorph doctor",
    )
    p.add_argument("--write-devices", metavar="FILE", help="write the generated CNFET subcircuits to a file")
    p = _command(commands, "characterize", "hardware:run_characterize", "measure recipes in ngspice; resumes",
                 "neuromorph characterize excitatory_synapse --library out/library")  # fmt: skip
    _recipes(p)
    p.add_argument("--force", action="store_true", help="measure again even where nothing changed")
    p = _command(
        commands,
        "fit",
        "hardware:run_fit",
        "fit the models of a library's blocks",
        "neuromorph fit --library out/library",
    )
    p.add_argument("recipes", nargs="*", help="recipe names or paths; all blocks of the library by default")
    p.add_argument("--library", default=_CHARACTERIZED)
    p.add_argument("--json", metavar="FILE")
    p = _command(commands, "verify", "hardware:run_verify", "score the models on held-out SPICE, measured now",
                 "neuromorph verify axon_hillock --json out/fidelity.json")  # fmt: skip
    _recipes(p, _SHIPPED)
    p.add_argument(
        "--references", metavar="FOLDER",
        help="keep the held-out curves there, and use them again while circuits and stimuli are the same",
    )  # fmt: skip
    p.add_argument("--corners", metavar="FOLDER", help="tables of neuromorph corners (those of the package)")
    p.add_argument(
        "--quick", action="store_true",
        help="score on the held-out curves that come with the package, and measure points of them again for two minutes",
    )  # fmt: skip
    p.add_argument("--json", metavar="FILE", help="merge the figures into this result file")
    spots = p.add_argument_group("spot check of a trained network: verify RUN --spots 8")
    spots.add_argument(
        "--spots",
        type=_count,
        metavar="N",
        help="replay N cells and synapses of a run, and some of its dendrites, in ngspice",
    )
    spots.add_argument("--frames", type=_count, default=6, help="frames that are replayed (%(default)s)")
    spots.add_argument("--data", help="what the run hears meanwhile; what it was trained on by default")
    spots.add_argument("--seed", type=int, default=0, help="of the choice (%(default)s)")
    spots.add_argument("--rate", type=_positive, default=0.03, help="learning rate meanwhile (%(default)s)")
    spots.add_argument("--out", default="out/spots.png", metavar="PNG", help="picture (%(default)s)")


def _device_command(commands) -> None:
    p = _command(commands, "device", "device:run_device", "fit the transistor to measured I-V curves",
                 "neuromorph device curves.csv --name mylab --polarity n --lg 100 --diameter 1.49 --tubes 8")  # fmt: skip
    p.add_argument("curves", help="CSV file with columns such as vgs_V,vds_V,id_uA")
    p.add_argument("--name", required=True, help="the subcircuits become nfet_NAME and pfet_NAME")
    p.add_argument("--polarity", required=True, choices=("n", "p"), help="which was measured")
    p.add_argument("--lg", required=True, type=_positive, metavar="NM", help="gate length, nm")
    p.add_argument("--diameter", required=True, type=_positive, metavar="NM", help="mean tube diameter, nm")
    p.add_argument("--tubes", type=_positive, default=1.0, help="conducting tubes in parallel (%(default)s)")
    p.add_argument("--tk", type=_positive, default=300.15, metavar="K", help="temperature (%(default)s)")
    p.add_argument(
        "--fix", action="append", default=[], metavar="NAME=VALUE",
        help="hold a parameter: one that is fitted otherwise (vfb, ssf, vsf, nsd, goff), or tox, kox, lcon, lext",
    )  # fmt: skip
    p.add_argument(
        "--floor", type=_positive, default=5e-11, metavar="A",
        help="current below which errors count absolutely: your noise divided by 2 %% (%(default)s)",
    )  # fmt: skip
    p.add_argument(
        "--replace", action="append", default=[], metavar="FLAVOUR",
        help="also write cnfet.lib, the shipped devices with this one in place of a flavour (analog, fast, ...)",
    )  # fmt: skip
    p.add_argument("--out", help="folder (out/NAME)")


def _design_command(commands) -> None:
    p = _command(commands, "design", "design:run_design", "knob settings for a wanted behaviour, confirmed by ngspice",
                 "neuromorph design axon_hillock refractory_period=6ns fi_slope=2e14")  # fmt: skip
    p.add_argument("block", nargs="?", help="axon_hillock, memory_cell, gate or eligibility_synapse")
    p.add_argument(
        "targets", nargs="*", metavar="NAME=VALUE", help="what is wanted; without any, what can be asked for"
    )
    p.add_argument("--library", default=_SHIPPED, help="library folder (%(default)s)")
    p.add_argument(
        "--corrections", type=int, default=2, choices=range(6), metavar="N",
        help="how often what ngspice measured corrects the setting (%(default)s)",
    )  # fmt: skip
    p.add_argument("--no-spice", action="store_true", help="the model's answer only")
    p.add_argument("--jobs", type=_count, help="ngspice processes, one a core by default")


def _variation_command(commands) -> None:
    p = _command(commands, "montecarlo", "variation:run_montecarlo", "spread of a block's fitted parameters; resumes",
                 "neuromorph montecarlo gate --mismatch 0.2 --samples 64 --points 4")  # fmt: skip
    _samples(p, "out/montecarlo")
    _solver(p)
    p.add_argument("--samples", type=_count, default=64, help="instances (%(default)s)")
    p.add_argument("--seed", type=int, default=0, help="of the draws (%(default)s)")
    spread = p.add_argument_group("spreads of the process")
    for name, unit, words in (
        ("mismatch", "", "log sd of the subthreshold current of a device of eight tubes"),
        ("diameter", "NM", "sd of the tubes' diameter"),
        ("threshold", "V", "sd of the devices' threshold"),
        ("missing", "P", "probability that a tube is missing"),
        ("metallic", "P", "probability that a tube is metallic"),
    ):
        spread.add_argument(f"--{name}", type=_not_negative, default=0.0, metavar=unit or "SD", help=words)
    p = _command(commands, "sensitivity", "variation:run_sensitivity",
                 "what each transistor does to a block's fitted parameters; resumes",
                 "neuromorph sensitivity gate --points 4")  # fmt: skip
    _samples(p, "out/sensitivity")
    _solver(p)
    p.add_argument(
        "--mismatch", type=_not_negative, default=0.2, metavar="SD", help="of the printed table (%(default)s)"
    )
    p = _command(commands, "corners", "variation:run_corners",
                 "a block's fitted parameters over temperature and supply; resumes",
                 "neuromorph corners gate")  # fmt: skip
    _samples(p, "out/corners")


def _samples(parser: argparse.ArgumentParser, folder: str) -> None:
    """Blocks that are measured and fitted again and again."""
    parser.add_argument("recipes", nargs="+", help="recipe names or paths")
    parser.add_argument(
        "--points",
        type=_count,
        metavar="N",
        help="values an axis of a sweep at most; the recipe's own by default",
    )
    parser.add_argument("--jobs", type=_count, help="ngspice processes, one a core by default")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--out", default=folder, help="folder (%(default)s)")


def _solver(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--solver", choices=("ngspice", "batch"), default="ngspice",
        help="ngspice point by point, or neuromorph's own solver, many instances side by side (%(default)s)",
    )  # fmt: skip


def _recipes(parser: argparse.ArgumentParser, library: str = _CHARACTERIZED) -> None:
    parser.add_argument("recipes", nargs="*", help="recipe names or paths; all by default")
    parser.add_argument("--library", default=library, help="library folder (%(default)s)")
    parser.add_argument("--jobs", type=_count, help="ngspice processes, one a core by default")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _data_options(parser: argparse.ArgumentParser, default: str = "what the run was trained on") -> None:
    parser.add_argument("--data", help=f"data set by name, file or folder ({default})")
    parser.add_argument("--limit", type=_count, help="only the first so many pieces of each part")
    parser.add_argument("--library", default=_SHIPPED, help="library of the hardware models")


def _held_out(parser: argparse.ArgumentParser) -> None:
    _data_options(parser)
    parser.add_argument(
        "--part", choices=("train", "valid", "test"), default="valid", help="%(default)s by default"
    )


def _learning_commands(commands) -> None:
    p = _command(commands, "train", "learning:run_train", "train a network online on a data set",
                 "neuromorph train --data chorales --fidelity nominal --head joint --run out/runs/hardware")  # fmt: skip
    _data_options(p, "chorales; with --resume what the run was trained on")
    p.add_argument("--run", required=True, help="folder of the run")
    p.add_argument("--fidelity", choices=("ideal", "nominal", "mismatch"), default="nominal")
    p.add_argument("--noise", action="store_true", help="hardware: thermal and shot noise on the state nodes")
    p.add_argument("--mismatch", type=_not_negative,
                   help="mismatch: log standard deviation of the current of a transistor of eight tubes (0.2)")  # fmt: skip
    p.add_argument("--chip", type=int, help="mismatch: number of the chip, a draw of all its transistors (0)")
    p.add_argument(
        "--celsius", type=float, metavar="C", help="mismatch: temperature of the chip, 0 to 85 (27)"
    )
    p.add_argument(
        "--supply", type=_positive, metavar="V", help="mismatch: supply of the chip, 0.72 to 0.88 (0.8)"
    )
    p.add_argument("--head", choices=("independent", "joint"), default="independent")
    p.add_argument("--control", choices=("none", "no_memory", "shuffled"), default="none")
    p.add_argument("--epochs", type=_count, help="passes over the pieces (16; spectrogram 8)")
    p.add_argument("--cells", type=_count, help="memory cells (128; spectrogram 64)")
    p.add_argument("--rate", type=_positive, help="learning rate of the first pass (0.1; spectrogram 0.01)")
    p.add_argument("--rate-decay", type=_positive, default=0.85)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--mode", choices=("notes", "spectrogram"), default="notes",
                   help="what it hears; in spectrogram mode sub-folders of --data are classes to recognise")  # fmt: skip
    p.add_argument("--frames-per-quarter", type=_positive, default=1.0,
                   help="notes: frames in a quarter note of a MIDI file; 2 hears eighth notes (%(default)g)")  # fmt: skip
    p.add_argument(
        "--frame-seconds", type=_positive, default=0.4, help="spectrogram: frame of music (%(default)s)"
    )
    p.add_argument("--bands", type=_count, default=32, help="spectrogram: mel bands (%(default)s)")
    p.add_argument("--levels", type=_count, default=6, help="spectrogram: thresholds a band (%(default)s)")
    p.add_argument("--gain-seconds", type=_not_negative, default=0.0,
                   help="spectrogram: time constant of gain control; 0 keeps loudness")  # fmt: skip
    p.add_argument("--from", dest="start", metavar="RUN",
                   help="start from the weights of another run, written into the hardware asked for")  # fmt: skip
    p.add_argument("--resume", action="store_true", help="go on where the run stopped")
    p.add_argument("--quiet", action="store_true")
    p = _command(commands, "evaluate", "learning:run_evaluate", "held-out figures of a run",
                 "neuromorph evaluate out/runs/hardware --data chorales --json out/evaluation.json")  # fmt: skip
    p.add_argument("run")
    _held_out(p)
    p.add_argument("--plastic-rate", type=float, default=0.0, help="also evaluate learning at this rate")
    p.add_argument("--json", metavar="FILE")
    p = _command(commands, "generate", "learning:run_generate", "continue a piece and render it",
                 "neuromorph generate out/runs/hardware --seconds 20 --out piece.wav --midi piece.mid")  # fmt: skip
    p.add_argument("run")
    _data_options(p)
    p.add_argument(
        "--prime", metavar="FILE", help="MIDI or sound file to continue; a held-out piece by default"
    )
    p.add_argument(
        "--prime-frames",
        type=_count,
        default=8,
        help="how many first frames of the prime are heard (%(default)s)",
    )
    p.add_argument("--seconds", type=_positive, default=20.0, help="length of the piece, its prime included")
    p.add_argument("--tempo", type=_positive, metavar="BPM", help="frames a minute; the run's own by default")
    p.add_argument("--temperature", type=_positive, default=1.0)
    p.add_argument(
        "--program", type=int, default=20, help="General MIDI instrument from 0 (%(default)s reed organ)"
    )
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", required=True, metavar="WAV")
    p.add_argument("--midi", metavar="FILE")
    p = _command(commands, "predict", "learning:run_predict", "what comes next in a sound or MIDI file",
                 "neuromorph predict out/runs/hardware song.wav --out next.png")  # fmt: skip
    p.add_argument("run")
    p.add_argument("file")
    p.add_argument("--out", default="out/prediction.png", metavar="PNG")
    p.add_argument("--library", default=_SHIPPED)
    p = _command(commands, "recognize", "hearing:run_recognize", "music, speech or noise, per second and per file",
                 "neuromorph recognize out/runs/ear song.wav voice.flac --seconds --json out/heard.json")  # fmt: skip
    p.add_argument("run", help="a run trained with --mode spectrogram on a folder with a sub-folder a class")
    p.add_argument("files", nargs="+", help="sound files")
    p.add_argument("--seconds", action="store_true", help="also say it for every second")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--library", default=_SHIPPED)
    p = _command(commands, "listen", "listening:run_listen", "adapt while listening; saves a new run",
                 "neuromorph listen out/runs/hardware song.mid --out out/runs/adapted --plot adaptation.png")  # fmt: skip
    p.add_argument("run")
    p.add_argument("files", nargs="+", help="MIDI or sound files, data sets, folders, heard in this order")
    p.add_argument(
        "--out", required=True, metavar="RUN", help="folder of the new run; RUN itself is left as it is"
    )
    p.add_argument(
        "--rate", type=_positive, default=0.1, help="learning rate where the music is new (%(default)s)"
    )
    p.add_argument("--quiet-rate", type=_positive, default=0.003, help="and where it is known (%(default)s)")
    p.add_argument("--unguarded", action="store_true", help="learn at --rate throughout, whatever it costs")
    p.add_argument("--resume", action="store_true", help="go on where listening stopped")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--plot", metavar="PNG", help="loss while listening")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--library", default=_SHIPPED)
    p.add_argument("--quiet", action="store_true")
    p = _command(commands, "compare", "learning:run_compare", "runs side by side on the same pieces",
                 "neuromorph compare out/runs/ideal out/runs/hardware --out out/compare")  # fmt: skip
    p.add_argument("runs", nargs="+")
    _held_out(p)
    p.add_argument("--out", default="out/compare")


def _inspection_commands(commands) -> None:
    p = _command(commands, "report", "inspection:run_report", "one HTML page for a library or a run",
                 "neuromorph report out/library --out out/report")  # fmt: skip
    p.add_argument("source")
    p.add_argument("--out", default="out/report")
    p.add_argument("--library", default=_SHIPPED)
    p = _command(commands, "info", "inspection:run_info", "what is in a library, block or run",
                 "neuromorph info out/runs/hardware --hardware")  # fmt: skip
    p.add_argument("file")
    p.add_argument("--hardware", action="store_true", help="which block realises each state and product")
    p.add_argument("--library", default=_SHIPPED)
    p = _command(
        commands, "data", "inspection:run_data", "which public data sets are present", "neuromorph data check"
    )
    p.add_argument("what", nargs="?", choices=("check",), default="check")
    p = _command(commands, "demo", "demo:run_demo", "the whole chain on real chorales, in minutes; resumes",
                 "neuromorph demo --out out/demo")  # fmt: skip
    p.add_argument("--out", default="out/demo")
    p.add_argument("--data", default="chorales")
    p.add_argument("--passes", type=_count, default=4, help="passes over the training pieces (%(default)s)")
    p.add_argument("--limit", type=_count, help="only the first so many pieces of each part")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--jobs", type=_count, default=2)


def build_parser() -> argparse.ArgumentParser:
    """Parser of every command."""
    parser = argparse.ArgumentParser(
        prog="neuromorph",
        description="Analog neuromorphic circuits, from a SPICE netlist to a network that learns music.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _hardware_commands(commands)
    _device_command(commands)
    _design_command(commands)
    _variation_command(commands)
    _learning_commands(commands)
    _inspection_commands(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 failed, 2 bad usage)."""
    args = build_parser().parse_args(argv)
    module, function = args.target.split(":")
    return _guarded(lambda: getattr(importlib.import_module(f"neuromorph.commands.{module}"), function)(args))


def recipe_main(path: str, argv: list[str] | None = None) -> None:
    """Entry of a recipe run as a script."""
    name = Path(path).stem
    parser = argparse.ArgumentParser(prog=f"circuits/{name}.py", description=f"Characterize and fit {name}.")
    parser.add_argument("--plot", action="store_true", help="write a PNG of every curve")
    parser.add_argument(
        "--knob", action="append", default=[], metavar="NAME=VALUE", help="change a knob's default"
    )
    parser.add_argument(
        "--devices", metavar="FILE", help="another device library, such as the cnfet.lib of neuromorph device"
    )
    parser.add_argument("--out", default="out/circuits", help="folder (%(default)s)")
    parser.add_argument("--jobs", type=_count)
    args = parser.parse_args(argv)

    def run() -> int:
        from neuromorph.characterization import load_recipe
        from neuromorph.commands.hardware import run_recipe

        return run_recipe(load_recipe(path), args)

    sys.exit(_guarded(run))


def _guarded(command) -> int:
    """A user's mistake is one message, never a traceback."""
    try:
        return int(command())
    except InputError as error:
        print(f"neuromorph: {error}", file=sys.stderr)
        return 2
    except NeuromorphError as error:
        print(f"neuromorph: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output left (| head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("neuromorph: interrupted; the same command resumes", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
