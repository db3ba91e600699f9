"""Spread of a small plastic network over chips: drawn in the simulator, and drawn transistor by transistor in ngspice.

    python benchmarks/spread.py --draws 64

A neuron with a line, its synapse, trace, weight update, shaper and the winners' line: a frame of a note.  Every draw is a
chip, of the same transistors on both sides: ngspice gets every transistor's own threshold, the simulator adds up what each
of them does to fitted parameters.  Compared are the spreads (half of the middle 68 %) of the neuron's rate and of its
weight's change, and both chip by chip.  What ngspice answered is kept by the draw; the command resumes.  Chips that ngspice
cannot finish are named and left out.
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
from neuromorph.devices.variation import DeviceStatistics
from neuromorph.errors import SimulationFailed
from neuromorph.figures import Figure, record, table
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import chip_blocks
from neuromorph.models.mismatch import Chip, Sizes, read_variation
from neuromorph.spice.netlist import digest
from neuromorph.spice.workers import simulate_whole
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


def in_ngspice(
    what: Stimulus, text: str, statistics: DeviceStatistics, seed: int, number: int, folder: Path
) -> dict[str, float]:
    """One chip, from the folder where it is there."""
    own = drawn_deck(text, statistics, seed, number)
    file = folder / f"{digest(own)[:16]}.json"
    if not file.exists():
        try:
            found = values(what, from_waves(what, simulate_whole(own, f"chip {number}", "spread", TIMEOUT)))
        except SimulationFailed as error:
            print(f"left out: {error}", file=sys.stderr)
            found = dict.fromkeys(("rate", "weight"), float("nan"))
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(found))
        partial.replace(file)
    return json.loads(file.read_text())


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
    parser.add_argument("--seed", type=int, default=0, help="of ngspice's draws")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--kept", type=Path, default=Path("out/spread"), help="where answers are kept")
    args = parser.parse_args()
    library = Library.shipped()
    models, frame = library.models(), Frame()
    what = Stimulus(np.ones((1, 1)), np.array([[WEIGHT]]), 1)
    sizes, numbers = Sizes(notes=1, features=1, cells=1), range(args.draws)
    text, statistics = deck(what, models, ROOT / "netlists"), DeviceStatistics(mismatch=args.mismatch)
    with ThreadPoolExecutor(args.jobs) as pool:
        answers = [pool.submit(in_ngspice, what, text, statistics, args.seed, n, args.kept) for n in numbers]
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
        theirs = [answer.result() for answer in answers]
    name = f"a neuron and its synapse on {args.draws} chips of {100 * args.mismatch:g} %"
    rows = []
    for key, of in (("rate", "the neuron's rate"), ("weight", "the weight's change")):
        ours, measured = (np.array([found[key] for found in side]) for side in (drawn, theirs))
        good = np.isfinite(measured)
        if 2 * good.sum() < args.draws:
            raise SystemExit(f"ngspice answered for {good.sum()} of {args.draws} chips only")
        ours, measured = ours[good], measured[good]
        ratio = spread(ours) / spread(measured)
        details = {
            side: {"median": float(np.median(found)), "spread": spread(found), "chips": len(found)}
            for side, found in (("simulator", ours), ("ngspice", measured))
        }
        rows += [
            Figure(f"{name}: spread of {of}, simulator over ngspice", ratio, "1", details=details),
            Figure(f"{name}: spread of {of}, the larger over the smaller", max(ratio, 1 / ratio), "1", 1.25, 1.1),
            Figure(f"{name}: {of}, correlation of the chips", float(np.corrcoef(ours, measured)[0, 1]), "1",
                   better="higher"),
        ]  # fmt: skip
    print(table(rows))
    record(RESULTS, rows, " ".join(["python benchmarks/spread.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
