"""Spread of a small plastic network over chips: drawn in the simulator, and drawn transistor by transistor in ngspice.

    python benchmarks/spread.py --draws 64                                 # ngspice, hours
    python benchmarks/spread.py --draws 64 --solver batch --referee 4      # minutes

A neuron with a line, its synapse, trace, weight update, shaper and the winners' line: a frame of a note.  Every draw is a
chip, of the same transistors on both sides: ngspice gets every transistor's own threshold, the simulator adds up what each
of them does to fitted parameters.  Compared are the spreads (half of the middle 68 %) of the neuron's rate and of its
weight's change, and both chip by chip.  With ``--solver batch`` the project's own transistor-level solver
takes ngspice's place, and ngspice is its referee on the first few chips.  What was answered is kept by the draw; the
command resumes.  Chips that cannot be finished are named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from neuromorph.characterization.decks import drawn_deck, drawn_shifts
from neuromorph.commands.variation import solver_of
from neuromorph.devices.variation import DeviceStatistics
from neuromorph.errors import SimulationFailed
from neuromorph.figures import Figure, record, table, write_json
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import chip_blocks
from neuromorph.models.mismatch import Chip, Sizes, read_variation
from neuromorph.spice.engine import Waveforms
from neuromorph.spice.netlist import digest
from neuromorph.spice.workers import Job, simulate_whole
from neuromorph.tasks.feature_network import Answer, Stimulus, deck, from_waves, stepped

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "variation.json"
WEIGHT = 0.35
TIMEOUT = 1800.0
PLACES = {
    "axon_hillock features": {"": "xa0.xneuron."},
    "excitatory_synapse": {"": "xs0_0."},
    "update_shaper": {"": "xh0."},
    "stdp_synapse": {"xt.": "xt0.", "xu.": "xu0_0."},
    "stdp_synapse traces": {"xt.": "xt0.", "xu.": "xu0_0."},
}
"""What the network draws: the beginnings of the paths in the block, and in the deck."""


def values(what: Stimulus, answer: Answer) -> dict[str, float]:
    """Rate of the neuron, 1/s, and what the frame did to its weight."""
    start = what.starts[0]
    times = answer.spikes[0]
    times = times[(times >= start) & (times < start + what.frame.seconds)]
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 2 else len(times) / what.frame.seconds
    return {"rate": float(rate), "weight": float(answer.weights[-1, 0, 0] - what.weights[0, 0])}


NONE = dict.fromkeys(("rate", "weight"), float("nan"))
"""Of a chip that could not be finished."""


class Transistors:
    """Chips drawn transistor by transistor, by either solver; a chip is kept in the folder."""

    def __init__(self, what: Stimulus, decks: list[str], folder: Path, jobs: int) -> None:
        self.what, self.decks, self.folder, self.jobs = what, decks, folder, jobs

    def in_ngspice(self, chips: range) -> list[dict[str, float]]:
        with ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(self._by_ngspice, chips))

    def side_by_side(self, chips: range) -> list[dict[str, float]]:
        kept = {chip: self._file(chip, "batch") for chip in chips}
        missing = [Job(str(chip), self.decks[chip], "spread", f"chip {chip}")
                   for chip, file in kept.items() if not file.exists()]  # fmt: skip
        with solver_of("batch")(self.jobs) as pool:
            for job, waves in pool.run(missing):
                write_json(kept[int(job.key)], self._values(waves))
        return [json.loads(file.read_text()) for file in kept.values()]

    def _by_ngspice(self, chip: int) -> dict[str, float]:
        file = self._file(chip, "ngspice")
        if not file.exists():
            try:
                waves = simulate_whole(self.decks[chip], f"chip {chip}", "spread", TIMEOUT)
            except SimulationFailed as error:
                waves = error
            write_json(file, self._values(waves))
        return json.loads(file.read_text())

    def _file(self, chip: int, solver: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{digest(self.decks[chip])[:16]}_{solver}.json"

    def _values(self, waves: Waveforms | SimulationFailed) -> dict[str, float]:
        if isinstance(waves, SimulationFailed):
            print(f"left out: {waves}", file=sys.stderr)
            return NONE
        return values(self.what, from_waves(self.what, waves))


def same_transistors(shifts: dict[str, float], mismatch: float) -> dict[str, np.ndarray]:
    """Standard normal numbers of the transistors that the network draws, from the deck's ``shifts``."""
    known = read_variation()

    def path(device: str, begins: dict[str, str]) -> str:
        old = next(begin for begin in begins if device.startswith(begin))
        return begins[old] + device[len(old) :]

    return {
        where: np.array(
            [shifts[path(device, begins)] / mismatch for device in known[where.split()[0]].devices]
        )
        for where, begins in PLACES.items()
    }


def spread(found: np.ndarray) -> float:
    """Half of the middle 68 %."""
    low, high = np.percentile(found, [16, 84])
    return 0.5 * float(high - low)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--mismatch", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument(
        "--solver", choices=("ngspice", "batch"), default="ngspice", help="of the transistors"
    )
    parser.add_argument(
        "--referee", type=int, default=0, metavar="N", help="with batch: chips that ngspice solves, too"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=Path("out/spread"), help="where answers are kept")
    args = parser.parse_args()
    library = Library.shipped()
    models, frame = library.models(), Frame()
    what = Stimulus(np.ones((1, 1)), np.array([[WEIGHT]]), 1)
    sizes, numbers = Sizes(notes=1, features=1, cells=1), range(args.draws)
    text, statistics = deck(what, models, ROOT / "netlists"), DeviceStatistics(mismatch=args.mismatch)
    chips = [
        Chip(
            args.mismatch,
            n,
            given=same_transistors(drawn_shifts(text, statistics, args.seed, n), args.mismatch),
        )
        for n in numbers
    ]
    drawn = [
        values(what, stepped(what, chip_blocks(chip, sizes, frame, library)[0], models)) for chip in chips
    ]
    decks = [drawn_deck(text, statistics, args.seed, n) for n in numbers]
    transistors = Transistors(what, decks, args.kept, args.jobs)
    batch = args.solver == "batch"
    theirs = transistors.side_by_side(numbers) if batch else transistors.in_ngspice(numbers)
    referee = transistors.in_ngspice(numbers[: args.referee]) if batch else []
    solver = "the transistors" if batch else "ngspice"
    name = f"a neuron and its synapse on {args.draws} chips of {100 * args.mismatch:g} %"
    rows = []
    for key, of in (("rate", "the neuron's rate"), ("weight", "the weight's change")):
        ours, measured = (np.array([found[key] for found in side]) for side in (drawn, theirs))
        good = np.isfinite(measured)
        if 2 * good.sum() < args.draws:
            raise SystemExit(f"{args.solver} answered for {good.sum()} of {args.draws} chips only")
        ours, measured = ours[good], measured[good]
        ratio = spread(ours) / spread(measured)
        details = {
            side: {"median": float(np.median(found)), "spread": spread(found), "chips": len(found)}
            for side, found in (("simulator", ours), (args.solver, measured))
        }
        rows += [
            Figure(f"{name}: spread of {of}, simulator over {solver}", ratio, "1", details=details),
            Figure(f"{name}: spread of {of}, the larger over the smaller", max(ratio, 1 / ratio), "1", 1.25, 1.1),
            Figure(f"{name}: {of}, correlation of the chips", float(np.corrcoef(ours, measured)[0, 1]), "1",
                   better="higher"),
        ]  # fmt: skip
        if referee:
            off = [abs(a[key] - b[key]) for a, b in zip(theirs, referee, strict=False)]
            what_for = f"{of}, the first {len(referee)} in ngspice, too: largest difference over the spread"
            rows.append(Figure(f"{name}: {what_for}", float(np.nanmax(off)) / spread(measured), "1", 0.1))
    print(table(rows))
    record(RESULTS, rows, " ".join(["python benchmarks/spread.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
