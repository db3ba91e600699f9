"""The command ``listen``: a run adapts to what it hears and is saved as a new run."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromorph.commands.learning import grid_of, open_run
from neuromorph.errors import RunError
from neuromorph.figures import stamp, write_json
from neuromorph.library import Library

if TYPE_CHECKING:
    from neuromorph.tasks.run import Run

CURVE_FRAMES = 256


def run_listen(args: argparse.Namespace) -> int:
    """Adapt while listening; the run itself is left as it is."""
    from neuromorph.tasks.listen import Listening, listen

    run = _opened(args)
    pieces = _pieces(run, args.files)
    how = Listening(rate=args.rate, quiet_rate=args.quiet_rate, guarded=not args.unguarded)
    run, heard = listen(run, pieces, how, seed=args.seed, progress=_show(args.quiet))
    if not len(heard.nll):
        print(f"{args.out}: everything was heard before; nothing to do")
        return 0
    quarter = max(1, len(heard.nll) // 4)
    first, last = float(heard.nll[:quarter].mean()), float(heard.nll[-quarter:].mean())
    print(f"{args.out}: {len(heard.nll)} frames heard, NLL {first:.3f} in the first quarter, {last:.3f} in the last; "
          f"weights set back {heard.recalls} times")  # fmt: skip
    if args.plot:
        print(_plotted(heard.nll, heard.slow_nll, Path(args.plot)))
    if args.json:
        figures = {"first_quarter_nll": first, "last_quarter_nll": last, "recalls": heard.recalls}
        series = {"nll": heard.nll, "rate": heard.rates} | (
            {} if args.unguarded else {"slow_nll": heard.slow_nll}
        )
        by_frame = {name: [round(float(v), 5) for v in values] for name, values in series.items()}
        write_json(
            Path(args.json),
            {
                "run": args.run,
                "out": args.out,
                "files": args.files,
                **figures,
                "by_frame": by_frame,
                **stamp(),
            },
        )
    return 0


def _opened(args: argparse.Namespace) -> Run:
    """The run to start from, renamed; with --resume the new one where it stopped."""
    library, out = Library(args.library), Path(args.out)
    if args.resume:
        return open_run(args.out, library)
    if (out / "run.json").exists():
        raise RunError(
            "there is a run here already", where=out, remedy="continue it with --resume or name another"
        )
    run = open_run(args.run, library)
    phase = {"phase": "listen", "fidelity": run.facts.fidelity, "data": args.files, "from": args.run}
    return replace(run, path=out, facts=replace(run.facts, phases=[*run.facts.phases, phase], listening={}))


def _pieces(run: Run, files: list[str]) -> list[np.ndarray]:
    """Everything to hear, in the order given: files of notes or sound, data sets, folders."""
    if run.facts.front_end:
        from neuromorph.commands import hearing

        return [piece for file in files for piece in hearing.whole_pieces(run, file)]
    from neuromorph.music.datasets import PIECE_SUFFIXES, load_dataset, read_piece

    grid, rolls = grid_of(run), []
    for file in files:
        if Path(file).suffix.lower() in PIECE_SUFFIXES:
            rolls.append(read_piece(Path(file), grid))
        else:
            rolls += [roll for part in load_dataset(file, grid=grid).parts().values() for roll in part]
    return [roll.frames for roll in rolls]


def _show(quiet: bool) -> Callable[[int, int, float], None]:
    began = time.monotonic()

    def show(done: int, frames: int, nll: float) -> None:
        left = (time.monotonic() - began) * (frames / done - 1)
        print(
            f"\r{done} of {frames} frames, {nll:.2f} nats, {left:.0f} s left   ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    return (lambda *_: None) if quiet or not sys.stderr.isatty() else show


def _plotted(nll: np.ndarray, slow: np.ndarray, path: Path) -> Path:
    from neuromorph.reporting.music import plot_adaptation

    path.parent.mkdir(parents=True, exist_ok=True)
    compared = {} if np.isnan(slow).any() else {"as it was (slow weights)": slow}
    plot_adaptation({"adapting": nll, **compared}, CURVE_FRAMES).savefig(path, dpi=110)
    return path
