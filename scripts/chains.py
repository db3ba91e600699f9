"""Run the chains of netlists/chains, plot them and write docs/chains.md.

    python scripts/chains.py              all chains
    python scripts/chains.py NAME ...     only these
    python scripts/chains.py --check      fail where the page and the netlists disagree; runs nothing

Waveforms come from the project's engine, results from ``ngspice -b`` of the unchanged file. Of the page only
what stands between ``<!-- generated: NAME DIGEST -->`` and ``<!-- /generated -->`` is written; a new chain is
put at its end. DIGEST is that of the expanded netlist.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from neuromorph.reporting.transient import plot_transient
from neuromorph.spice.bench import (
    engine_netlist,
    expectations,
    panels,
    phases,
    quantities,
    remarks,
    results,
    title,
)
from neuromorph.spice.netlist import digest, load_netlist
from neuromorph.spice.structure import read_structure
from neuromorph.spice.workers import simulate
from neuromorph.units import format_quantity

ROOT = Path(__file__).resolve().parent.parent
CHAINS = ROOT / "netlists" / "chains"
PAGE = ROOT / "docs" / "chains.md"
IMAGES = ROOT / "docs" / "images"
TIMEOUT = 1800.0
"""Seconds a chain may take."""
DPI, COLOURS = 90, 64
_GENERATED = re.compile(r"<!-- generated: (\w+) (\w+) -->\n.*?<!-- /generated -->", re.S)


def chain_digest(chain: Path) -> str:
    """Short hash of the expanded netlist and of what the page takes from its comments."""
    said = [text for key in ("shows", "expect", "quantity", "phase", "panel") for text in remarks(chain, key)]
    return digest(load_netlist(chain), title(chain), *said)[:12]


def heading(chain: Path) -> str:
    """The chain's title with a capital."""
    return title(chain)[:1].upper() + title(chain)[1:]


def blocks(chain: Path) -> Counter[str]:
    """Instances of blocks on the chain's top level."""
    found: Counter[str] = Counter()
    inside = False
    for line in load_netlist(chain).lower().splitlines():
        inside = line.startswith(".subckt") or (inside and not line.startswith(".ends"))
        if line.startswith("x") and not inside:
            found[next(word for word in reversed(line.split()) if "=" not in word)] += 1
    return found


def measured(chain: Path) -> dict[str, float]:
    """``.meas`` results of the unchanged file under bare ngspice."""
    program = shutil.which("ngspice")
    if not program:
        sys.exit("the program ngspice is not installed: apt-get install ngspice")
    done = subprocess.run(
        [program, "-b", str(chain)], capture_output=True, text=True, check=True, timeout=TIMEOUT
    )
    return results(done.stdout)


def draw(chain: Path) -> None:
    """Run a chain in the engine and write its picture."""
    from PIL import Image

    waves = simulate(engine_netlist(chain), chain.stem, timeout=TIMEOUT)
    figure = plot_transient(waves, panels(chain), phases(chain), heading(chain))
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI)
    image = Image.open(buffer).convert("RGB").quantize(COLOURS)
    image.save(IMAGES / f"chain_{chain.stem}.png", optimize=True)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ("---",) * len(header), *rows))


def _block_table(chain: Path) -> tuple[str, int]:
    """Table of a chain's blocks and its transistors in all."""
    structure = read_structure([CHAINS.parent / "devices" / "cnfet.lib", *_included(chain)])
    found = blocks(chain)
    counts = {name: structure.transistors(name) for name in found}
    rows = [(f"`{name}`", str(n), str(counts[name])) for name, n in found.items()]
    total = sum(n * counts[name] for name, n in found.items())
    return _table(("block", "instances", "transistors each"), rows), total


def _included(chain: Path) -> list[Path]:
    """Blocks that a chain includes."""
    words = re.findall(r"^\.include (\S+)", chain.read_text(), re.M)
    return [(chain.parent / word).resolve() for word in words if "/blocks/" in word]


def section(chain: Path, values: dict[str, float]) -> str:
    """The generated part of a chain's section."""
    limits, meanings = expectations(chain), quantities(chain)
    table, total = _block_table(chain)
    rows = []
    for name, (low, high) in limits.items():
        unit, meaning = meanings[name]
        cells = [format_quantity(x, unit) for x in (values[name.lower()], low, high)]
        rows.append((f"`{name}`", meaning, cells[0], f"{cells[1]} to {cells[2]}"))
    return "\n\n".join(
        [
            f"<!-- generated: {chain.stem} {chain_digest(chain)} -->\n{' '.join(remarks(chain, 'shows'))}",
            f"![transient of {chain.stem}](images/chain_{chain.stem}.png)",
            f"{total} transistors; `ngspice -b netlists/chains/{chain.name}`",
            table,
            f"{_table(('result', 'meaning', 'measured', 'limits of the test'), rows)}\n<!-- /generated -->",
        ]
    )


def rewritten(text: str, chain: Path, part: str) -> str:
    """The page with a chain's generated part made anew, or put at its end."""
    for match in _GENERATED.finditer(text):
        if match[1] == chain.stem:
            return text[: match.start()] + part + text[match.end() :]
    return f"{text.rstrip()}\n\n## {heading(chain)}\n\n{part}\n"


def stale(text: str) -> list[str]:
    """Chains that the page lacks or shows by another netlist, and pictures that are missing."""
    shown = {match[1]: match[2] for match in _GENERATED.finditer(text)}
    chains = {path.stem: path for path in sorted(CHAINS.glob("*.cir"))}
    wrong = [name for name, path in chains.items() if shown.get(name) != chain_digest(path)]
    missing = [name for name in chains if not (IMAGES / f"chain_{name}.png").is_file()]
    return sorted({*wrong, *missing, *(shown.keys() - chains.keys())})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="chains; all by default")
    parser.add_argument("--check", action="store_true", help="compare only")
    arguments = parser.parse_args()
    if arguments.check:
        names = stale(PAGE.read_text())
        print("".join(f"out of date: {name} (python scripts/chains.py {name})\n" for name in names), end="")
        return 1 if names else 0
    chosen = arguments.names or [path.stem for path in sorted(CHAINS.glob("*.cir"))]
    for name in chosen:
        chain = CHAINS / f"{name}.cir"
        with ThreadPoolExecutor(1) as pool:  # the slowest takes a quarter of an hour either way
            values = pool.submit(measured, chain)
            draw(chain)
            part = section(chain, values.result())
        PAGE.write_text(rewritten(PAGE.read_text(), chain, part))
        print(f"written: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
