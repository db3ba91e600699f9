"""Whether a change has made the music network slower: quick ratios beside those of the last release.

    python benchmarks/guard.py                         # fails where a ratio is worse by more than SLACK
    python benchmarks/guard.py --record                # keeps them, for the next release's history

Seconds differ from machine to machine; ratios of times taken in turn on one core hardly do.  Compared are hardware fidelity
with everything on over ideal, and the plain JAX form of the ideal network over the event-driven one; medians of rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from history import HISTORY, releases
from simulator_speed import variants  # pins the core before jax counts them

from neuromorph.figures import Figure, record, table

RESULTS = Path(__file__).parent / "results" / "guard.json"
SLACK = 1.4
"""Times by which a ratio may be worse than in the last release's history."""
FRAMES = LEARNED = 512  # as many blocks: each step is compiled once
CELLS = 128
RATIOS = {
    "everything over ideal": ("everything", "ideal", "lower"),
    "ideal, plain over ideal": ("ideal, plain", "ideal", "higher"),
}


def measured(rounds: int) -> list[Figure]:
    """The ratios now."""
    names = tuple(dict.fromkeys(name for pair in RATIOS.values() for name in pair[:2]))
    timed = variants(FRAMES, LEARNED, CELLS, names)
    for n in range(rounds + 1):
        for v in timed:
            v.run()
            if not n:  # compiles
                v.seconds.clear()
                v.cpu.clear()
    cpu: dict[str, Any] = {v.name: np.array(v.cpu) for v in timed}
    return [
        Figure(f"guard, {CELLS} cells: {claim}", round(float(np.median(cpu[name] / cpu[over])), 3), "x",
               better=better, spread=round(float(np.std(cpu[name] / cpu[over])), 3))
        for claim, (name, over, better) in RATIOS.items()
    ]  # fmt: skip


def worse(now: Figure, before: float) -> bool:
    """Beyond the slack."""
    return now.value > SLACK * before if now.better == "lower" else now.value < before / SLACK


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    made = measured(args.rounds)
    print(table(made))
    if args.record:
        record(RESULTS, made, "python benchmarks/guard.py --record")
        return 0
    found = releases()
    if not found:
        print(f"no history in {HISTORY}: nothing to compare with")
        return 0
    rows = {row["claim"]: row["value"] for row in json.loads(found[-1].read_text())["figures"]}
    bad = [f for f in made if f.claim in rows and worse(f, rows[f.claim])]
    for figure in bad:
        print(
            f"{figure.claim}: {figure.value:g}, in {found[-1].stem} it was {rows[figure.claim]:g}",
            file=sys.stderr,
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
