"""Keep the speed figures of a release, so that the next one can be compared with it.

python benchmarks/history.py 0.1.0                 # writes benchmarks/history/0.1.0.json from benchmarks/results
python benchmarks/history.py                       # figures of all releases, side by side
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from neuromorph.errors import InputError
from neuromorph.figures import write_json

RESULTS = Path(__file__).parent / "results"
HISTORY = Path(__file__).parent / "history"
SPEED = ("scaling.json", "peers.json", "guard.json", "spice_speed.json")
"""Results that are about time and memory."""
KEPT = ("claim", "value", "unit", "better", "spread", "machine", "date", "command")


def number(release: str) -> tuple[int, ...]:
    """Of a release such as 0.1.0, to be ordered by."""
    if not re.fullmatch(r"\d+(\.\d+)*", release):
        raise InputError(f"{release!r} is no release", remedy="numbers with dots, as 0.1.0")
    return tuple(int(part) for part in release.split("."))


def releases() -> list[Path]:
    """Files of all releases, oldest first."""
    return sorted(HISTORY.glob("*.json"), key=lambda file: number(file.stem))


def figures() -> list[dict[str, object]]:
    """The figures as they stand."""
    rows = [row for name in SPEED for row in json.loads((RESULTS / name).read_text())]
    return [{key: row[key] for key in KEPT} for row in rows]


def side_by_side() -> str:
    """Values by claim, a column a release."""
    found = releases()
    values = [{row["claim"]: row["value"] for row in json.loads(f.read_text())["figures"]} for f in found]
    claims = sorted({claim for value in values for claim in value})
    lines = [" ".join([f"{'claim':100s}", *(f"{file.stem:>10s}" for file in found)])]
    for claim in claims:
        lines.append(
            " ".join([f"{claim:100s}", *(f"{v[claim]:10.4g}" if claim in v else " " * 10 for v in values)])
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release", nargs="?")
    args = parser.parse_args()
    if args.release is None:
        print(side_by_side())
        return 0
    try:
        number(args.release)
    except InputError as problem:
        print(problem, file=sys.stderr)
        return 2
    file, rows = HISTORY / f"{args.release}.json", figures()
    HISTORY.mkdir(exist_ok=True)
    write_json(file, {"release": args.release, "figures": rows})
    print(f"{file}: {len(rows)} figures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
