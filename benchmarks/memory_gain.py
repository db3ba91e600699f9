"""What memory and recurrence are worth: each network against its twin without them, same seed and budget.

    python benchmarks/memory_gain.py

Reads the rows that ``benchmarks/jsb.py`` wrote (with and without ``--control no_memory``)
and refuses pairs that were not trained for the same number of passes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from neuromorph.figures import Figure, record, table

RESULTS = Path(__file__).parent / "results" / "music.json"
SUFFIX = ", control no_memory"


def gain(row: dict[str, Any], twin: dict[str, Any]) -> Figure:
    """Nats per frame gained by memory; must be positive."""
    if row["epochs"] != twin["epochs"]:
        raise SystemExit(f"{row['claim']}: {row['epochs']} passes against {twin['epochs']}; train both alike")
    claim = row["claim"].replace("JSB valid NLL", "JSB valid, gain by memory and recurrence")
    value = round(twin["value"] - row["value"], 4)
    return Figure(claim, value, "nats per frame", 0.0, 0.1, better="higher", seeds=tuple(row["seeds"]))


def main() -> int:
    rows = json.loads(RESULTS.read_text())
    twins = {(r["claim"], tuple(r["seeds"])): r for r in rows if r["claim"].endswith(SUFFIX)}
    pairs = [
        (r, twins.get((r["claim"] + SUFFIX, tuple(r["seeds"]))))
        for r in rows
        if r["claim"].startswith("JSB valid NLL")
    ]
    figures = [gain(row, twin) for row, twin in pairs if twin]
    record(RESULTS, figures, "python benchmarks/memory_gain.py")
    print(table(figures))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
