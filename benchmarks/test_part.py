"""The test part, read by this command alone: trained networks, frozen and plastic; every reading is counted.

    python benchmarks/test_part.py --data jsb --head joint --fidelity nominal --seeds 0 1 2

Set NEUROMORPH_DATA to the folder that holds polyphonic/*.mat.  Evaluates the run folders that
``benchmarks/prediction.py`` has left; nothing is trained or chosen here.  The rate of the plastic reading is the one
that was best on the valid part.  ``readings`` in a row says how often its networks have been read on the test part.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from prediction import NAMES, network_arguments, run_path, subject_of
from shipped_models import blocks_for, library_hash

from neuromorph.errors import RunError
from neuromorph.figures import Figure, record, table
from neuromorph.music.datasets import load_dataset
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import Run, load_run, read_facts

FOLDER = Path(__file__).parent / "results"
VALID, TEST = FOLDER / "music.json", FOLDER / "test.json"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    network_arguments(parser)
    return parser.parse_args()


def finished(args: argparse.Namespace, seed: int) -> Run:
    """A run that has been trained to the end of its schedule."""
    path = run_path(args, seed)
    facts = read_facts(path)
    if facts.position["epoch"] < facts.schedule.epochs:
        raise RunError(
            f"it stands at pass {facts.position['epoch']} of {facts.schedule.epochs}", where=path,
            remedy="finish it with benchmarks/prediction.py",
        )  # fmt: skip
    blocks = blocks_for(args.fidelity, facts.config.frame, noise=args.noise)
    return load_run(path, blocks, library_hash=library_hash(args.fidelity))


def rows(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text()) if path.exists() else []


def best_rate(subject: str, data: str) -> float:
    """Rate of the plastic reading that was chosen on the valid part."""
    claim = f"{NAMES[data]} valid NLL, plastic while it listens, {subject}"
    found = [row["rate"] for row in rows(VALID) if row["claim"] == claim]
    if not found:
        raise SystemExit(f"no row {claim!r} in {VALID.name}: run benchmarks/prediction.py first")
    return found[-1]


def main() -> None:
    args = arguments()
    subject = subject_of(args)
    control = "" if args.control == "none" else f", control {args.control}"
    runs = [finished(args, seed) for seed in args.seeds]
    rate = best_rate(subject, args.data) if not control else 0.0
    pieces = [roll.frames for roll in load_dataset(args.data).test]
    claims = {False: f"{NAMES[args.data]} test NLL, {subject}{control}"}
    if not control:
        claims[True] = f"{NAMES[args.data]} test NLL, plastic while it listens, {subject}"
    figures = []
    for plastic, claim in claims.items():
        read = max((row["readings"] for row in rows(TEST) if row["claim"] == claim), default=0)
        values = [
            evaluate(
                run.network, run.state, pieces, plastic=plastic, **({"rate": rate} if plastic else {})
            ).nll
            for run in runs
        ]
        details = {"readings": read + 1, **({"rate": rate} if plastic else {})}
        figures.append(Figure.over_seeds(claim, values, args.seeds, "nats per frame", details=details))
    record(TEST, figures, "python benchmarks/test_part.py " + " ".join(sys.argv[1:]))
    print(table(figures))


if __name__ == "__main__":
    main()
