"""Rewrite the figure tables of README and docs from benchmarks/results.

    python scripts/figures.py            rewrite
    python scripts/figures.py --check    fail where text and results disagree

A table stands between ``<!-- figures: AREA [PREFIX] -->`` and ``<!-- /figures -->``;
it lists the claims of ``benchmarks/results/AREA.json`` that begin with PREFIX.
``<!-- figures across: AREA PREFIX -->`` makes one row of claims that are alike up to their last colon, a column of what
stands behind it, and leaves PREFIX and the command out; claims measured with several seeds have a row each.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
_TABLE = re.compile(r"(<!-- figures(| across): (\w+) ?(.*?) ?-->\n).*?(<!-- /figures -->)", re.S)


def pages() -> list[Path]:
    """Texts that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def rows(area: str, prefix: str) -> list[dict[str, Any]]:
    """Claims of an area, in the order of the file."""
    path = RESULTS / f"{area}.json"
    found = json.loads(path.read_text()) if path.exists() else []
    return [row for row in found if row["claim"].startswith(prefix)]


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}"


def table(area: str, prefix: str) -> str:
    """Markdown of one table."""
    lines = ["| claim | seeds | value | must | goal | holds | command |", "|---|---|---|---|---|---|---|"]
    for row in rows(area, prefix):
        holds = "" if row["must"] is None else ("yes" if row["holds"] else "**no**")
        unit = "" if row["unit"] in ("", "1") else f" {row['unit']}"
        spread = f" +- {_number(row['spread'])}" if row.get("spread") is not None else ""
        value = f"{_number(row['value'])}{spread}{unit}"
        seeds = ", ".join(map(str, row["seeds"]))
        cells = (
            row["claim"],
            seeds,
            value,
            _number(row["must"]),
            _number(row["goal"]),
            holds,
            f"`{row['command']}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def across(area: str, prefix: str) -> str:
    """Markdown of one table, a row for claims that are alike up to their last colon."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in rows(area, prefix):
        whose, what = row["claim"].removeprefix(prefix).rsplit(": ", 1)
        found.setdefault((whose.strip(), ", ".join(map(str, row["seeds"]))), {})[what] = row
    seen = Counter(whose for whose, _ in found)
    columns = {what: row for claims in found.values() for what, row in claims.items()}
    head = [f"{what}{_limits(row)}" for what, row in columns.items()]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for (whose, seeds), claims in sorted(found.items()):
        cells = [_cell(claims[what]) if what in claims else "" for what in columns]
        named = f"{whose}, seed{'s' * (',' in seeds)} {seeds}" if seen[whose] > 1 else whose
        lines.append(f"| {named} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _limits(row: dict[str, Any]) -> str:
    """Unit and limits of a column."""
    known = [f"{name} {_number(row[name])}" for name in ("must", "goal") if row[name] is not None]
    unit = [] if row["unit"] in ("", "1") else [row["unit"]]
    return f" ({', '.join([*unit, *known])})" if unit or known else ""


def _cell(row: dict[str, Any]) -> str:
    fails = row["must"] is not None and not row["holds"]
    return f"**{_number(row['value'])}: no**" if fails else _number(row["value"])


def rewritten(text: str) -> str:
    """A page with every table made anew."""
    return _TABLE.sub(lambda m: m[1] + (across if m[2] else table)(m[3], m[4]) + m[5], text)


def main() -> int:
    stale = []
    for page in pages():
        text = page.read_text()
        if rewritten(text) != text:
            stale.append(page)
            if "--check" not in sys.argv:
                page.write_text(rewritten(text))
    for page in stale:
        print(f"{'out of date' if '--check' in sys.argv else 'rewritten'}: {page.relative_to(ROOT)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
