"""Commands of the network: train, evaluate, generate, predict, compare."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.errors import InputError, RunError
from neuromorph.figures import stamp, write_json
from neuromorph.library import Library

if TYPE_CHECKING:
    from neuromorph.models.mismatch import Chip
    from neuromorph.music.datasets import Grid
    from neuromorph.music.pianoroll import PianoRoll
    from neuromorph.tasks.run import Run


def open_run(path: str, library: Library) -> Run:
    """Load a run with the blocks of its fidelity; a mismatched library is refused by name."""
    from neuromorph.tasks.hardware import blocks_of
    from neuromorph.tasks.run import load_run, read_facts

    facts = read_facts(Path(path))
    blocks, digest = blocks_of(facts, library)
    return load_run(Path(path), blocks, library_hash=digest)


def chip_of(args: argparse.Namespace) -> Chip | None:
    """The chip that ``train`` is asked for.

    Raises
    ------
    InputError
        When one is described for a network whose transistors are all alike.
    """
    from neuromorph.models.mismatch import Chip

    if args.fidelity != "mismatch":
        said = [
            f"--{name}"
            for name in ("mismatch", "chip", "celsius", "supply")
            if getattr(args, name) is not None
        ]
        if said:
            raise InputError(
                f"{' and '.join(said)} with --fidelity {args.fidelity}", remedy="give --fidelity mismatch"
            )
        return None
    return Chip(
        0.2 if args.mismatch is None else args.mismatch,
        args.chip or 0,
        celsius=Chip.celsius if args.celsius is None else args.celsius,
        supply=Chip.supply if args.supply is None else args.supply,
    )


OUTSIDE_LIMIT = 1e-3
"""Share of steps outside the characterized range over which a figure fails."""
SPECTROGRAM = {"data": "chorales", "cells": 64, "rate": 0.01, "epochs": 8}
NOTES = {"data": "chorales", "cells": 128, "rate": 0.1, "epochs": 16}
"""What ``train`` takes where the user says nothing."""


def run_train(args: argparse.Namespace) -> int:
    """Train a network online on notes or on sound; interrupted, the same command with --resume goes on."""
    path = Path(args.run)
    if args.resume:
        run = _resumed(args)
        args = argparse.Namespace(**vars(args) | {"data": data_of(run, args.data)})
        return _train_on_sound(args, run) if run.facts.front_end else _train_on_notes(args, run)
    if (path / "run.json").exists():
        raise RunError(
            "there is a run here already", where=path, remedy="continue it with --resume or name another"
        )
    if args.start:
        return _train_from(args)
    defaults = SPECTROGRAM if args.mode == "spectrogram" else NOTES
    unsaid = {name: value for name, value in defaults.items() if getattr(args, name) is None}
    args = argparse.Namespace(**vars(args) | unsaid)
    return _train_on_sound(args) if args.mode == "spectrogram" else _train_on_notes(args)


ADAPTATION = {"epochs": 2, "rate": 0.03}
"""Passes and first rate of a run that starts from another one's weights."""


def _train_from(args: argparse.Namespace) -> int:
    """Weights of another run on the hardware asked for, then passes over its data or over others."""
    from neuromorph.tasks.hardware import blocks_of, network_blocks
    from neuromorph.tasks.run import Schedule, load_run, read_facts
    from neuromorph.tasks.transfer import transferred

    library, facts, chip = Library(args.library), read_facts(Path(args.start)), chip_of(args)
    source = load_run(Path(args.start), blocks_of(facts, library)[0])
    given = {
        "--cells": args.cells, "--control": args.control != "none",
        "--head": args.head == "joint" and not facts.config.joint,
        "--mode": args.mode == "spectrogram" and not facts.front_end, "--frames-per-quarter": args.frames_per_quarter != 1,
    }  # fmt: skip
    if any(given.values()):
        raise InputError(
            f"a run that starts from another is built as that one: {', '.join(n for n, said in given.items() if said)}",
            where=args.start, remedy="leave that out",
        )  # fmt: skip
    data = data_of(source, args.data)
    unsaid = {name: value for name, value in ADAPTATION.items() if getattr(args, name) is None}
    args = argparse.Namespace(**vars(args) | unsaid | {"data": data})
    blocks, digest = network_blocks(facts.config, args.fidelity, library, args.noise, chip)
    run = transferred(
        source, Path(args.run), blocks, fidelity=args.fidelity, library_hash=digest, noise=args.noise, chip=chip,
        data=str(data),
        schedule=Schedule(args.epochs, args.rate, args.rate_decay, shuffled=facts.schedule.shuffled), seed=args.seed,
    )  # fmt: skip
    return _train_on_sound(args, run) if facts.front_end else _train_on_notes(args, run)


def _train_on_notes(args: argparse.Namespace, run: Run | None = None) -> int:
    from neuromorph.music.datasets import Grid, load_dataset
    from neuromorph.music.pianoroll import FRAME_SECONDS

    per_quarter = run.facts.frames_per_quarter if run else args.frames_per_quarter
    grid = Grid(per_quarter, FRAME_SECONDS / per_quarter)
    data = load_dataset(args.data, args.limit, grid)
    pieces = {name: [roll.frames for roll in part] for name, part in data.parts().items()}
    _trained(args, run or _fresh(args, pieces["train"]), pieces, f"pieces of {data.name}")
    return 0


def _train_on_sound(args: argparse.Namespace, run: Run | None = None) -> int:
    from neuromorph.commands import hearing

    if args.control != "none":
        raise InputError(f"--control {args.control} is for notes", remedy="leave it out in spectrogram mode")
    run, sounds = (run, hearing.sounds_of(run, args.data, args.limit)) if run else hearing.fresh_run(args)
    run = _trained(args, run, hearing.pieces_of(run, sounds), f"sounds of {sounds.name}")
    told = hearing.train_recognition(run, sounds)
    if told:
        print(f"{args.run}: {told}")
    return 0


def _trained(args: argparse.Namespace, run: Run, pieces: dict[str, list[np.ndarray]], what: str) -> Run:
    from neuromorph.tasks.train import noted, train

    began = time.monotonic()
    if args.start and not args.resume:
        run = noted(run, pieces["valid"], -1)
        loss = run.facts.history[-1].get("valid_nll", float("nan"))
        print(f"{args.run}: held-out NLL with the weights of {args.start}: {loss:.3f}")
    run = train(run, pieces["train"], valid=pieces["valid"], progress=_show(began, args.quiet))
    last = run.facts.history[-1]
    nll, seconds = last.get("valid_nll", float("nan")), time.monotonic() - began
    print(f"{args.run}: {run.facts.hardware}, {int(last['epoch'])} passes over {len(pieces['train'])} {what}, "
          f"held-out NLL {nll:.3f} nats per frame, {seconds:.0f} s")  # fmt: skip
    return run


def _fresh(args: argparse.Namespace, pieces: list[np.ndarray]) -> Run:
    from neuromorph.models.frame import Frame
    from neuromorph.network.config import NetworkConfig
    from neuromorph.tasks.hardware import network_blocks
    from neuromorph.tasks.run import RunFacts, Schedule, chip_facts, log_odds, new_run

    path = Path(args.run)
    frame = Frame(music_seconds=Frame.music_seconds / args.frames_per_quarter)
    memory, joint = args.control != "no_memory", args.head == "joint"
    config = NetworkConfig(joint=joint, memory=memory, cells=args.cells, frame=frame)
    chip = chip_of(args)
    blocks, digest = network_blocks(config, args.fidelity, Library(args.library), args.noise, chip)
    schedule = Schedule(args.epochs, args.rate, args.rate_decay, shuffled=args.control == "shuffled")
    phases = [{"phase": "train", "fidelity": args.fidelity, "data": str(args.data)}]
    facts = RunFacts(config, args.seed, schedule, args.fidelity, log_odds(pieces).tolist(), digest, phases,
                     frames_per_quarter=args.frames_per_quarter, noise=args.noise, **chip_facts(chip))  # fmt: skip
    return new_run(path, facts, blocks)


def _resumed(args: argparse.Namespace) -> Run:
    """The run where it stopped; ``--epochs`` may ask for more passes than it was begun with."""
    run = open_run(args.run, Library(args.library))
    passes = args.epochs or run.facts.schedule.epochs
    schedule = replace(run.facts.schedule, epochs=max(passes, run.facts.position["epoch"]))
    return replace(run, facts=replace(run.facts, schedule=schedule))


def _show(began: float, quiet: bool) -> Any:
    """Progress on a terminal; elsewhere a line for each pass."""
    terminal, said = sys.stderr.isatty(), {"epoch": -1}

    def show(progress: Any) -> None:
        if not terminal and progress.epoch == said["epoch"]:
            return
        said["epoch"] = progress.epoch
        spent = time.monotonic() - began
        left = spent * (progress.total_frames / max(progress.frames, 1) - 1)
        text = (
            f"pass {progress.epoch + 1}: {progress.frames} of {progress.total_frames} frames, "
            f"{progress.nll:.2f} nats, {left:.0f} s left"
        )
        start, end = ("\r", "   ") if terminal else ("", "\n")
        print(start + text, end=end, file=sys.stderr, flush=True)

    return (lambda _: None) if quiet else show


def run_evaluate(args: argparse.Namespace) -> int:
    """Held-out figures of a run, frozen and (with --plastic) learning while it listens."""
    library = Library(args.library)
    run = open_run(args.run, library)
    pieces = _held_out_pieces(run, args)
    result = evaluation(run, pieces, library, args.plastic_rate)
    for name, value in result["figures"].items():
        print(f"{name:28s} {value:.4g}")
    _print_outside(result.get("outside", {}))
    if args.json:
        about = {"run": args.run, "data": data_of(run, args.data), "part": args.part}
        write_json(Path(args.json), {**result, **about, **stamp()})
    return 0


def _print_outside(shares: dict[str, float]) -> None:
    """Where the models were used beyond what SPICE has seen; over a thousandth, figures are not to be trusted."""
    for name, share in shares.items():
        doubt = (
            ""
            if share <= OUTSIDE_LIMIT
            else f"; over {100 * OUTSIDE_LIMIT:g} %: fidelity is not stated there"
        )
        print(f"{name + ' outside their range':36s} {100 * share:.2g} %{doubt}")


def data_of(run: Run, given: str | None) -> str:
    """The data set that was asked for, else the one that the run was last trained on."""
    if given:
        return given
    trained = [phase for phase in run.facts.phases if phase["phase"] in ("train", "transfer")]
    if not trained:
        raise RunError("it does not say what it was trained on", where=run.path, remedy="give --data")
    return str(trained[-1]["data"])


def _held_out_pieces(run: Run, args: argparse.Namespace) -> list[np.ndarray]:
    """Frames of one part of a data set, as the run hears them."""
    if run.facts.front_end:
        from neuromorph.commands import hearing

        return hearing.pieces_of(run, hearing.sounds_of(run, data_of(run, args.data), args.limit))[args.part]
    from neuromorph.music.datasets import load_dataset

    return [
        roll.frames
        for roll in load_dataset(data_of(run, args.data), args.limit, grid_of(run)).parts()[args.part]
    ]


def evaluation(
    run: Run, pieces: list[np.ndarray], library: Library, plastic_rate: float = 0.0
) -> dict[str, Any]:
    """Figures of a run on pieces: NLL, accuracy, events and energy per frame."""
    from neuromorph.network.energy import energy_per_frame
    from neuromorph.network.stream import shuffled_frames
    from neuromorph.tasks.evaluate import evaluate

    if run.facts.schedule.shuffled:
        pieces = shuffled_frames(pieces, run.facts.seed)
    frozen = evaluate(run.network, run.state, pieces)
    figures = {
        "nll": frozen.nll,
        "accuracy": frozen.accuracy,
        "threshold": frozen.threshold,
        "frames": frozen.frames,
    }
    if plastic_rate:
        plastic = evaluate(run.network, run.state, pieces, plastic=True, rate=plastic_rate)
        figures["nll_plastic"] = plastic.nll
    result: dict[str, Any] = {"figures": figures, "events_per_frame": frozen.events}
    if run.facts.fidelity != "ideal":
        result["outside"] = frozen.outside
        models, config = library.models(), run.facts.config
        energy = energy_per_frame(frozen.events, models, config)
        result["energy_per_frame_joule"] = energy
        learning = energy_per_frame(frozen.events, models, config, learning=True)
        result["energy_per_learning_frame_joule"] = learning
        figures["energy_per_frame_joule"] = energy["total"]
        figures["energy_per_learning_frame_joule"] = learning["total"]
    return result


def grid_of(run: Run) -> Grid:
    """How MIDI files and transcribed sound become frames of a run."""
    from neuromorph.music.datasets import Grid

    return Grid(run.facts.frames_per_quarter, run.facts.config.frame.music_seconds)


def _prime(run: Run, args: argparse.Namespace) -> PianoRoll:
    from neuromorph.music.datasets import load_dataset, read_piece

    if args.prime:
        return read_piece(Path(args.prime), grid_of(run))
    held_out = load_dataset(data_of(run, args.data), grid=grid_of(run)).valid
    return held_out[args.seed % len(held_out)]


def run_generate(args: argparse.Namespace) -> int:
    """Continue a prime and render the result to WAV (and MIDI)."""
    run = open_run(args.run, Library(args.library))
    frame_seconds = run.facts.config.frame.music_seconds
    if args.seconds <= 0 or args.seconds > 600:
        raise InputError(f"--seconds {args.seconds:g} is outside 0..600")
    if run.facts.front_end:
        from neuromorph.commands import hearing

        hearing.generate_sound(run, args)
        return 0
    prime = _prime(run, args)[: args.prime_frames]
    beat = 60.0 / args.tempo if args.tempo else frame_seconds
    piece = continued(run, prime, round(args.seconds / beat), args.seed, args.temperature, beat)
    written = save_piece(piece, Path(args.out), Path(args.midi) if args.midi else None, args.program)
    print(f"primed with {len(prime)} frames of {prime.name}; " + ", ".join(map(str, written)))
    return 0


def continued(
    run: Run, prime: PianoRoll, frames: int, seed: int, temperature: float = 1.0, frame_seconds: float = 0.0
) -> PianoRoll:
    """What the network plays after a prime: ``frames`` frames, the prime included, at the run's own pace by default."""
    from neuromorph.music.pianoroll import PianoRoll
    from neuromorph.tasks.generate import generate

    played = generate(
        run.network, run.state, prime.frames, max(1, frames - len(prime)), seed=seed, temperature=temperature
    )
    whole = np.vstack([prime.frames, played.astype(np.uint8)])
    pace = frame_seconds or run.facts.config.frame.music_seconds
    return PianoRoll(whole, pace, f"{run.path.name} after {prime.name}")


def save_piece(piece: PianoRoll, wav: Path, midi: Path | None = None, program: int = 20) -> list[Path]:
    """Render a piano roll to WAV and write it as MIDI."""
    from neuromorph.music.audio import write_wav
    from neuromorph.music.midi import write_midi
    from neuromorph.music.rendering import render

    wav.parent.mkdir(parents=True, exist_ok=True)
    written = [write_wav(render(piece, program), wav)]
    if midi:
        midi.parent.mkdir(parents=True, exist_ok=True)
        written.append(write_midi(piece, midi, program=program))
    return written


def run_predict(args: argparse.Namespace) -> int:
    """What comes next in a sound or MIDI file: a picture, and the notes expected after its end."""
    import matplotlib

    matplotlib.use("Agg")
    from neuromorph.music.datasets import read_piece
    from neuromorph.reporting.music import plot_prediction
    from neuromorph.tasks.predict import predict_frames

    run = open_run(args.run, Library(args.library))
    if run.facts.front_end:
        from neuromorph.commands import hearing

        hearing.predict_sound(run, args.file, Path(args.out))
        return 0
    piece = read_piece(Path(args.file), grid_of(run))
    expected = predict_frames(run.network, run.state, piece.frames)
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    plot_prediction(piece.frames, expected, f"{piece.name}: expected and heard").savefig(out, dpi=110)
    following = expected[-1]
    likely = [(int(note) + 21, float(following[note])) for note in np.argsort(-following)[:8]]
    print("next frame: " + ", ".join(f"MIDI {note} ({100 * p:.0f} %)" for note, p in likely))
    print(out)
    return 0


def _alike(runs: dict[str, Run]) -> Run:
    """One of the runs, all of which must hear alike, or their losses are of different things."""
    (first, one), *others = runs.items()
    for path, run in others:
        heard = [(facts.front_end, facts.frames_per_quarter) for facts in (run.facts, one.facts)]
        if heard[0] != heard[1]:
            raise InputError(
                f"{path} does not hear as {first} does",
                remedy="compare runs of notes on the same grid, or of the same thresholds",
            )
    return one


def run_compare(args: argparse.Namespace) -> int:
    """Runs side by side on the same held-out pieces: NLL, accuracy, energy; one page."""
    from neuromorph.reporting.page import Page

    library = Library(args.library)
    page = Page("neuromorph: runs compared")
    runs = {path: open_run(path, library) for path in args.runs}
    first = _alike(runs)
    data = data_of(first, args.data)
    about = f"{data}, {args.part} part; weights frozen"
    page.paragraph(f"Data: {about}.")
    pieces = _held_out_pieces(first, args)
    rows, results = [], {}
    header = ("run", "fidelity", "outputs", "seed", "NLL, nats per frame", "accuracy, %", "energy per frame")
    print(f"on {about}")
    print("  ".join(header))
    for path, run in runs.items():
        results[path] = evaluation(run, pieces, library)
        figures = results[path]["figures"]
        energy = figures.get("energy_per_frame_joule")
        facts = run.facts
        rows.append((path, facts.hardware, "joint" if facts.config.joint else "independent", facts.seed, figures["nll"],
                     100 * figures["accuracy"], f"{energy * 1e12:.3g} pJ" if energy else "not defined"))  # fmt: skip
    page.table(header, rows)
    for row in rows:
        print("  ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    out = Path(args.out)
    print(page.write(out / "report.html"))
    write_json(out / "compare.json", {"runs": results, "data": data, "part": args.part, **stamp()})
    return 0
