"""Hardware beside ideal neurons: what the circuits, their noise and their mismatch cost, and what they take. One page.

    python benchmarks/vs_ideal.py --quick                  # chorales, 3 passes, two chips: minutes, nothing recorded
    python benchmarks/vs_ideal.py --data jsb               # the full schedule; NEUROMORPH_DATA set
    python benchmarks/vs_ideal.py --data jsb --recognition # music, speech and noise, too (hours)

Trained from nothing with the same seed and budget: ideal, nominal, nominal with noise.  Then the ideal network's weights
are written into nominal hardware and into chips of growing mismatch (read-outs calibrated once), which listen without
learning, and at --learn-mismatch into one that learns on.  All predict held-out pieces, frozen and learning while they
listen, and continue pieces.  Leaves a page, its pictures and a JSON file in --out; trained networks are kept there and
used again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import recognition

from neuromorph.commands.inspection import network_budget
from neuromorph.errors import LearningDiverged
from neuromorph.figures import Figure, record, stamp, table, write_json
from neuromorph.library import Library
from neuromorph.models.mismatch import Chip
from neuromorph.music.datasets import load_dataset
from neuromorph.music.metrics import generation_metrics
from neuromorph.music.pianoroll import PianoRoll
from neuromorph.network.config import NetworkConfig
from neuromorph.network.energy import energy_per_frame
from neuromorph.reporting.music import plot_learning, plot_rolls
from neuromorph.reporting.page import Page
from neuromorph.tasks.evaluate import Evaluation, evaluate
from neuromorph.tasks.generate import generate
from neuromorph.tasks.hardware import blocks_of, network_blocks
from neuromorph.tasks.run import Run, RunFacts, Schedule, load_run, log_odds, new_run, read_facts
from neuromorph.tasks.train import train
from neuromorph.tasks.transfer import transferred

RESULTS = Path(__file__).parent / "results" / "variation.json"
LIBRARY = Library.shipped()
PLASTIC_RATE, PRIME, CONTINUED = 0.01, 8, 60
ADAPTATION = Schedule(2, 0.03, 0.85)


@dataclass
class Arm:
    """One network: what it is, where its weights came from, and what it does."""

    name: str
    run: Run
    frozen: Evaluation
    plastic: float
    music: dict[str, float]
    played: np.ndarray

    @property
    def row(self) -> tuple[Any, ...]:
        """A line of the page's table."""
        plastic = self.plastic if np.isfinite(self.plastic) else "diverges"
        return (self.name, self.frozen.nll, plastic, 100 * self.frozen.accuracy, self.music["interval_class_kl"],
                100 * self.music["consonance_share"], self.frozen.events["cell_spikes"])  # fmt: skip


HEAD = (
    "network", "NLL, nats a frame", "learning while it listens", "accuracy, %", "interval KL of what it plays",
    "consonant intervals, %", "cells' spikes a frame",
)  # fmt: skip


class Comparison:
    """The networks, their data, and where they are kept."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.out, data = args, args.out, load_dataset(args.data, args.limit)
        self.data = data
        self.pieces, self.valid = [r.frames for r in data.train], [r.frames for r in data.valid]
        self.config = NetworkConfig(joint=args.head == "joint")

    def trained(self, fidelity: str, noise: bool = False) -> Run:
        """A network that learned from nothing."""
        name = f"{fidelity}_noise" if noise else fidelity
        args = self.args
        limit = f"_limit{args.limit}" if args.limit else ""
        path = self.out / "runs" / f"{args.data}_{args.head}_{args.passes}_seed{args.seed}{limit}_{name}"
        blocks, digest = network_blocks(self.config, fidelity, LIBRARY, noise)
        if (path / "run.json").exists():
            return train(load_run(path, blocks, library_hash=digest), self.pieces, valid=self.valid)
        say(f"training: {name}")
        schedule, odds = Schedule(self.args.passes, 0.1, 0.85), log_odds(self.pieces).tolist()
        facts = RunFacts(self.config, self.args.seed, schedule, fidelity, odds, digest, noise=noise)
        return train(new_run(path, facts, blocks), self.pieces, valid=self.valid)

    def written(self, source: Run, fidelity: str, mismatch: float = 0.0, learn: bool = False) -> Run:
        """The weights of a network in other hardware; with ``learn`` it goes on learning there."""
        chip = Chip(mismatch, self.args.chip) if fidelity == "mismatch" else None
        blocks, digest = network_blocks(self.config, fidelity, LIBRARY, False, chip)
        place = f"{fidelity}_{mismatch:g}_{self.args.chip}" if chip else fidelity
        path = self.out / "runs" / f"{source.path.name}_on_{place}"
        moved = transferred(
            source, path, blocks, fidelity=fidelity, schedule=ADAPTATION, seed=self.args.seed, library_hash=digest,
            chip=chip, data=self.args.data,
        )  # fmt: skip
        if not learn:
            return moved
        if (path / "run.json").exists():
            moved = load_run(path, blocks_of(read_facts(path), LIBRARY)[0], library_hash=digest)
        say(f"learning on: {path.name}")
        return train(moved, self.pieces, valid=self.valid)

    def arm(self, name: str, run: Run) -> Arm:
        """What a network does with the held-out pieces."""
        say(name)
        frozen = evaluate(run.network, run.state, self.valid)
        try:
            plastic = evaluate(run.network, run.state, self.valid, plastic=True, rate=PLASTIC_RATE).nll
        except LearningDiverged:
            plastic = float("nan")
        long = [piece for piece in self.data.valid if len(piece) > 2 * PRIME][: self.args.continuations]
        played = [self._continued(run, piece, k) for k, piece in enumerate(long)]
        music = generation_metrics(played, self.data.valid, self.data.train)
        return Arm(name, run, frozen, plastic, music, played[0].frames)

    def _continued(self, run: Run, piece: PianoRoll, seed: int) -> PianoRoll:
        prime = piece.frames[:PRIME]
        frames = generate(run.network, run.state, prime, CONTINUED, seed=seed, temperature=1.0)
        return PianoRoll(np.vstack([prime, frames.astype(np.uint8)]), piece.frame_seconds, piece.name)


def say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


def compared(comparison: Comparison) -> tuple[list[Arm], list[Arm]]:
    """Networks that learned from nothing, and those that the ideal one's weights were written into."""
    args = comparison.args
    ideal = comparison.trained("ideal")
    learned = [
        comparison.arm("ideal", ideal),
        comparison.arm("nominal", comparison.trained("nominal")),
        comparison.arm("nominal with noise", comparison.trained("nominal", noise=True)),
    ]
    moved = [comparison.arm("ideal weights on nominal", comparison.written(ideal, "nominal"))]
    for mismatch in args.mismatch:
        run = comparison.written(ideal, "mismatch", mismatch)
        moved.append(comparison.arm(f"ideal weights on a chip of {100 * mismatch:g} %", run))
    if args.learn_mismatch:
        name = f"the same at {100 * args.learn_mismatch:g} %, learning on"
        try:
            moved.append(
                comparison.arm(name, comparison.written(ideal, "mismatch", args.learn_mismatch, learn=True))
            )
        except LearningDiverged as error:
            say(f"{name}: {error}")
    return learned, moved


def hardware(
    comparison: Comparison, nominal: Arm
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """What the hardware is, and joules of a listening and of a learning frame by part."""
    config, models = comparison.config, LIBRARY.models()
    whole = network_budget(config, LIBRARY)[-1]
    listening, learning = (
        energy_per_frame(nominal.frozen.events, models, config, on) for on in (False, True)
    )
    seconds = config.frame.music_seconds
    size = {
        "transistors": whole.transistors, "tubes": whole.tubes, "capacitance, F": whole.capacitance,
        "static power, W": whole.static_power, "energy a frame that it listens to, J": listening["total"],
        "energy a frame that it learns from, J": learning["total"],
        "energy a second of music, learning, J": learning["total"] / seconds,
        "energy a note, learning, J": learning["total"] / max(nominal.music["notes_per_frame"], 1e-9),
    }  # fmt: skip
    return size, listening, learning


def page_of(
    comparison: Comparison, learned: list[Arm], moved: list[Arm], recognised: dict[str, float]
) -> Path:
    """The page, its pictures beside it."""
    args, out = comparison.args, comparison.out
    page = Page("neuromorph: hardware beside ideal neurons")
    page.paragraph(
        f"{args.data}, {args.head} outputs, {args.passes} passes, seed {args.seed}, chip {args.chip}; held-out pieces. "
        "A chip's instances are drawn, of all blocks with a known sensitivity; its read-outs are calibrated once, when the "
        "weights are written."
    )
    page.heading("Learned from nothing")
    page.table(HEAD, [arm.row for arm in learned])
    curves = {arm.name: [note["valid_nll"] for note in arm.run.facts.history] for arm in learned}
    page.figure(plot_learning(curves, {}), "Held-out loss after each pass", out / "learning.png")
    page.heading("The ideal network's weights on hardware")
    page.table(HEAD, [arm.row for arm in moved])
    page.figure(
        plot_mismatch(learned[0], moved, args.mismatch), "Loss against mismatch", out / "mismatch.png"
    )
    size, listening, learning = hardware(comparison, learned[1])
    page.heading("What the hardware takes")
    page.table(("", ""), list(size.items()))
    page.figure(plot_energy(listening, learning), "Energy of a frame by part", out / "energy.png")
    if recognised:
        page.heading("Music, speech or noise")
        page.table(("network", "balanced accuracy of seconds, %"), list(recognised.items()))
    page.heading("What they play")
    rolls = {arm.name: arm.played for arm in (*learned, *moved)}
    page.figure(
        plot_rolls(rolls, PRIME), "Continuations of the same prime, which ends at the line", out / "rolls.png"
    )
    return page.write(out / "vs_ideal.html")


def plot_mismatch(ideal: Arm, moved: list[Arm], levels: list[float]) -> Any:
    """Loss over ideal against mismatch, frozen and learning while it listens."""
    arms = moved[: len(levels) + 1]
    x = 100 * np.array([0.0, *levels])
    figure, panel = plt.subplots(figsize=(6, 3.6))
    panel.plot(x, [arm.frozen.nll - ideal.frozen.nll for arm in arms], "o-", label="frozen")
    panel.plot(x, [arm.plastic - ideal.frozen.nll for arm in arms], "s--", label="learning while it listens")
    panel.set_xlabel("mismatch, % (log current of eight tubes)")
    panel.set_ylabel("loss over ideal, nats a frame")
    panel.set_yscale("symlog", linthresh=0.1)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
    figure.tight_layout()
    return figure


def plot_energy(listening: dict[str, float], learning: dict[str, float]) -> Any:
    """Joules a frame by part."""
    names = sorted((n for n in learning if n != "total"), key=lambda n: learning[n])
    figure, panel = plt.subplots(figsize=(8, 0.28 * len(names) + 1))
    y = np.arange(len(names))
    panel.barh(y + 0.2, [1e12 * learning[n] for n in names], 0.4, label="learning")
    panel.barh(y - 0.2, [1e12 * listening.get(n, 0.0) for n in names], 0.4, label="listening")
    panel.set_yticks(y, names, fontsize=8)
    panel.set_xlabel("pJ a frame")
    panel.legend(fontsize=8)
    figure.tight_layout()
    return figure


def figures_of(
    comparison: Comparison, learned: list[Arm], moved: list[Arm], recognised: dict[str, float]
) -> list[Figure]:
    args, ideal = comparison.args, learned[0]
    what = f"vs ideal, {args.data}, {args.head}, {args.passes} passes"
    more = {"seeds": (args.seed,)}
    made = [Figure(f"{what}: ideal, NLL", round(ideal.frozen.nll, 4), "nats per frame", **more)]
    for arm in (*learned[1:], *moved):
        gain = round(arm.plastic - arm.frozen.nll, 4) if np.isfinite(arm.plastic) else None
        details = {"accuracy": round(arm.frozen.accuracy, 4), "music": {k: round(v, 5) for k, v in arm.music.items()},
                   "plastic_over_frozen": gain}  # fmt: skip
        made.append(Figure(f"{what}: {arm.name}, NLL over ideal", round(arm.frozen.nll - ideal.frozen.nll, 4),
                           "nats per frame", better="lower", details=details, **more))  # fmt: skip
    size, _, _ = hardware(comparison, learned[1])
    made += [Figure(f"{what}: {name}", float(f"{value:.4g}"), "1", **more) for name, value in size.items()]
    made += [
        Figure(f"{what}: recognition, {name}", round(v, 2), "%", **more) for name, v in recognised.items()
    ]
    return made


def recognised_by(args: argparse.Namespace) -> dict[str, float]:
    """Balanced accuracy of seconds, % (:mod:`recognition`)."""
    if not args.recognition:
        return {}
    levels, classes = recognition.sounds()
    found = {}
    for fidelity in ("ideal", "nominal"):
        say(f"recognition: {fidelity}")
        asked = argparse.Namespace(fidelity=fidelity, runs=Path("out/runs/recognition"))
        found[fidelity] = recognition.network(asked, args.seed, levels, classes)["seconds"]
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="chorales", help="chorales, or jsb with NEUROMORPH_DATA (%(default)s)"
    )
    parser.add_argument("--head", choices=("independent", "joint"), default="joint")
    parser.add_argument("--passes", type=int, default=16)
    parser.add_argument("--limit", type=int, help="training pieces at most")
    parser.add_argument("--mismatch", type=float, nargs="+", default=[0.02, 0.05, 0.1, 0.2, 0.3])
    parser.add_argument("--learn-mismatch", type=float, default=0.05, help="0: none learns on (%(default)s)")
    parser.add_argument("--chip", type=int, default=0)
    parser.add_argument("--continuations", type=int, default=40)
    parser.add_argument("--recognition", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/vs_ideal"))
    parser.add_argument("--quick", action="store_true", help="60 pieces, 3 passes, 5 and 20 %%, no rows")
    args = parser.parse_args()
    if args.quick:
        args.limit, args.passes, args.continuations, args.out = 60, 3, 4, args.out / "quick"
        args.mismatch = [0.05, 0.2]
    return args


def main() -> None:
    args = arguments()
    comparison = Comparison(args)
    learned, moved = compared(comparison)
    recognised = recognised_by(args)
    figures = figures_of(comparison, learned, moved, recognised)
    command = " ".join(["python benchmarks/vs_ideal.py", *sys.argv[1:]])
    rows = [figure.row(command) for figure in figures]
    write_json(args.out / "vs_ideal.json", {"figures": rows, **stamp()})
    print(table(figures))
    print(page_of(comparison, learned, moved, recognised))
    if not args.quick:
        record(RESULTS, figures, command)


if __name__ == "__main__":
    main()
