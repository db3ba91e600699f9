"""This library beside Brian2, NEST and BrainPy on the same work.

    sh benchmarks/peers/setup.sh                  # once: an environment a peer, in out/peers
    python benchmarks/vs_peers.py w1                # a row a workload; or w2, w3, w3x2, w3x4, w4, w4x2
    python benchmarks/vs_peers.py w1 --quick        # one round, beside Brian2's fastest form; not recorded

All simulators get the same spike lists, weights and initial state (``benchmarks/workloads.py`` and ``music_workload.py``,
which also fix the order inside a step, the coincidence rule and the decay of traces).  Every process is pinned to one core;
rounds interleave the simulators, a round's time is the median of its runs, and the medians over rounds are compared.  A
peer's time is that of its simulation loop, ours that of the whole call.  A time counts only if the run's statistics agree
with those of our reference, the JAX loop (W4: its plain form); what does not agree, or is not installed, is said and left
out.  Our JAX loops compile anew in every process; the native engine is built once on a machine and read from the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuromorph.errors import InputError, NeuromorphError
from neuromorph.figures import Figure, record, table

sys.path.insert(0, str(Path(__file__).resolve().parent))
from workloads import MAKE

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "peers.json"
MUSIC = ("w4", "w4x2")
"""Workloads of ``music_workload.py``; a process of its own makes their files: this one has no JAX, and starts others."""
WORKLOADS = (*MAKE, *MUSIC)
LIMITS = {
    "w1": (2.0, 3.3, None), "w2": (2.5, 6.0, None), "w3": (1.2, 5.0, 0.6), "w3x2": (1.2, 4.0, 0.6),
    "w3x4": (1.2, 3.0, 0.6), "w4": (3.0, 10.0, None), "w4x2": (3.0, 10.0, None),
}  # fmt: skip
"""Must and goal of our quickest form over the best Brian2, and what the JAX loop alone must reach."""
PLAIN_MUST, PLAIN_GOAL = 3.0, 6.0
"""W4: event-driven over plain JAX."""
_AS_MUSIC = {"cells": 2.0, "features": 2.0, "loss": 1.0, "gates": 1.0, "readout": 1.0, "layer": 1.0}
AGREE = {
    "w1": {"E": 0.5, "I": 0.5, "w": 0.5}, "w2": {"A": 0.5, "R": 5.0, "w": 1.0, "r": 1.0},
    "w3": {"all": 7.0}, "w3x2": {"all": 4.0}, "w3x4": {"all": 2.0}, "w4": _AS_MUSIC, "w4x2": _AS_MUSIC,
}  # fmt: skip
"""Largest difference of counts, loss and mean weights, %."""
OTHERS_MUST, OTHERS_GOAL = 5.0, 10.0
COMPILE_MUST, COMPILE_GOAL = 10.0, 20.0
EQUATIONS = "events"
"""Idiom of W4 without C++ functions of the user."""
FAR = 1.3
"""Times Brian2's fastest form in the first round, beyond which a form of it is not run again."""


@dataclass(frozen=True)
class Contender:
    """A simulator, its way of writing the workload, and the command that times it."""

    name: str
    command: tuple[str, ...]


@dataclass
class Timed:
    """Median seconds by round, and the last report of the simulator."""

    seconds: list[float]
    report: dict[str, Any]

    @property
    def median(self) -> float:
        """Over rounds."""
        return statistics.median(self.seconds)


def ours(workload: str, file: Path, runs: int) -> list[Contender]:
    """Our quickest form, then the one that the others are held to."""
    ask = ("--runs", str(runs))
    if workload in MUSIC:
        script, forms = (
            "neuromorph_music.py",
            {"events": ("--form", "events"), "plain JAX": ("--form", "plain")},
        )
        given: tuple[str, ...] = (str(file),)
    else:
        script, forms = "neuromorph_workloads.py", {b: ("--backend", b) for b in ("native", "jax")}
        given = (workload, str(file))
    start = (sys.executable, str(HERE / "peers" / script), *given)
    return [Contender(f"neuromorph, {name}", (*start, *form, *ask)) for name, form in forms.items()]


def brian2(workload: str, file: Path, peers: Path, runs: int, quick: bool) -> list[Contender]:
    """Its forms as standalone programs; ``quick``: the one that is usually the fastest."""
    if workload in MUSIC:
        start: tuple[str, ...] = ("brian2_music.py", str(file))
        forms = [("rows", "float32"), (EQUATIONS, "float32"), ("rows", "float64")]
    else:
        start = ("brian2_workloads.py", workload[:2], str(file), "--mode", "standalone")
        forms = [
            (idiom, precision) for idiom in ("neuron", "textbook") for precision in ("float32", "float64")
        ]
    return [
        Contender(f"Brian2, {idiom}, {precision}", (
            *start, "--idiom", idiom, "--precision", precision,
            "--folder", str(peers / "built" / f"{workload}-{idiom}-{precision}"), "--runs", str(runs)))
        for idiom, precision in forms[: 1 if quick else None]
    ]  # fmt: skip


def contenders(
    workload: str, file: Path, peers: Path, runs: int, quick: bool = False
) -> tuple[list[Contender], list[str]]:
    """Who runs, and the peers that are not installed."""
    found, ask = ours(workload, file, runs), ("--runs", str(runs))
    wanted = {"brian2": brian2(workload, file, peers, runs, quick)}
    if workload == "w1" and not quick:
        wanted["brainpy"] = [
            Contender("BrainPy, dense operations", ("brainpy_workloads.py", str(file), *ask))
        ]
    if workload.startswith("w3") and not quick:
        wanted["nest"] = [Contender("NEST", ("nest_workloads.py", str(file), *ask))]
        wanted["brainpy"] = [Contender("BrainPy", ("brainpy_workloads.py", str(file), *ask))]
    missing = []
    for peer, ways in wanted.items():
        python = peers / peer / "bin" / "python"
        if not python.exists():
            missing.append(peer)
            continue
        found += [
            Contender(c.name, (str(python), str(HERE / "peers" / c.command[0]), *c.command[1:])) for c in ways
        ]
    return found, missing


def timed(contender: Contender, core: int, timeout: float) -> dict[str, Any]:
    """The contender's report.

    Raises
    ------
    NeuromorphError
        When it fails or says nothing.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "NEUROMORPH_COMPILED": "0"}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    try:
        done = subprocess.run(
            contender.command, capture_output=True, text=True, timeout=timeout, env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise NeuromorphError(f"{contender.name} was not done in {timeout:g} s") from late
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        tail = " | ".join(done.stderr.strip().splitlines()[-2:])
        raise NeuromorphError(f"{contender.name} failed ({done.returncode}): {tail}")
    return json.loads(lines[-1])


def disagreement(workload: str, report: dict[str, Any], reference: dict[str, Any]) -> str:
    """Which statistic is too far from the reference; empty where all agree."""
    for name, limit in AGREE[workload].items():
        own, theirs = (
            {**r["counts"], **r["mean_weight"], "loss": r.get("loss")} for r in (reference, report)
        )
        if name not in theirs:
            return f"{name} is not reported"
        away = 100 * abs(theirs[name] / own[name] - 1)
        if not away <= limit:
            return f"{name} differs by {away:.2g} % (at most {limit:g} %)"
    return ""


def figures(workload: str, times: dict[str, Timed], names: list[str]) -> list[Figure]:
    """Ratios to the best Brian2, to the others, of compilation and memory; ``names`` of our forms, the quickest first."""
    label, made, (quickest_own, reference) = workload.upper(), [], names
    details = {name: {"seconds": t.median, "by_round": t.seconds, "compile_seconds": t.report["compile_seconds"],
                      "peak_mib": t.report["peak_mib"], "version": t.report["version"], "counts": t.report["counts"]}
               for name, t in times.items()}  # fmt: skip
    brian = {name: t for name, t in times.items() if name.startswith("Brian2")}
    must, goal, alone = LIMITS[workload]
    if brian:
        best = min(brian.values(), key=lambda t: t.median)
        quickest = min(t.report["compile_seconds"] + t.median for t in brian.values())
        smallest = min(t.report["peak_mib"] for t in brian.values())
        for name, limits in ((quickest_own, (must, goal)), (reference, (alone, None))):
            if name not in times:
                continue
            own = times[name]
            ratios = [b / o for b, o in zip(best.seconds, own.seconds, strict=False)]
            claim = f"{label}: {name}, over the best Brian2 standalone"
            made.append(Figure(claim, best.median / own.median, "x", *limits, "higher",
                               spread=statistics.pstdev(ratios) if len(ratios) > 1 else None, details=details))  # fmt: skip
        if quickest_own in times:
            own = times[quickest_own]
            compile_limits = (None, None) if workload in MUSIC else (COMPILE_MUST, COMPILE_GOAL)
            made.append(Figure(f"{label}: compile plus run, over Brian2 standalone",
                               quickest / (own.report["compile_seconds"] + own.median), "x", *compile_limits,
                               "higher"))  # fmt: skip
            limit = (1.0, 0.5) if workload == "w3x4" else (None, None)
            made.append(
                Figure(f"{label}: peak memory, of Brian2's", own.report["peak_mib"] / smallest, "x", *limit)
            )
    if workload in MUSIC and quickest_own in times:
        ratio = times[reference].median / times[quickest_own].median
        claim = f"{label}: {quickest_own}, over {reference}"
        made.append(Figure(claim, ratio, "x", PLAIN_MUST, PLAIN_GOAL, "higher"))
        alone = [t.median for name, t in times.items() if name.startswith(f"Brian2, {EQUATIONS}")]
        if alone:
            claim = f"{label}: {quickest_own}, over Brian2 in equations alone"
            made.append(Figure(claim, min(alone) / times[quickest_own].median, "x", better="higher"))
    others = (OTHERS_MUST, OTHERS_GOAL) if workload.startswith("w3") else (None, None)
    for name in (name for name in times if name.startswith(("NEST", "BrainPy"))):
        if quickest_own in times:
            ratio = times[name].median / times[quickest_own].median
            made.append(Figure(f"{label}: {quickest_own}, over {name}", ratio, "x", *others, "higher"))
    return made


def one_round(
    chosen: list[Contender], args: argparse.Namespace, label: str, times: dict[str, Timed]
) -> list[Contender]:
    """Every contender once; returns those that answered."""
    answered = []
    for contender in chosen:
        try:
            report = timed(contender, args.core, args.timeout)
        except NeuromorphError as problem:
            print(f"left out: {problem}", flush=True)
            times.pop(contender.name, None)
            continue
        now = times.setdefault(contender.name, Timed([], report))
        now.seconds.append(statistics.median(report["seconds"]))
        now.report = report
        answered.append(contender)
        print(f"{label}: {contender.name}: {now.seconds[-1]:.4f} s {report['counts']}", flush=True)
    return answered


def worth_repeating(chosen: list[Contender], times: dict[str, Timed]) -> list[Contender]:
    """Without the forms of Brian2 that cannot become its fastest: each is compiled anew in every round."""
    brian = [times[c.name].median for c in chosen if c.name.startswith("Brian2")]
    kept = (f"Brian2, {EQUATIONS}, float32", *(name for name in times if not name.startswith("Brian2")))
    return [c for c in chosen if c.name in kept or times[c.name].median <= FAR * min(brian)]


def agreeing(
    workload: str, chosen: list[Contender], times: dict[str, Timed], reference: str
) -> list[Contender]:
    """Without those whose statistics are too far from the reference: their times are dropped, too."""
    for name, now in list(times.items()):
        reason = disagreement(workload, now.report, times[reference].report)
        if reason:
            print(f"does not count: {name}: {reason}", flush=True)
            del times[name]
    return [c for c in chosen if c.name in times]


def compared(workload: str, args: argparse.Namespace) -> list[Figure]:
    """Rounds of all contenders; the figures of those that agree."""
    script = HERE / ("music_workload.py" if workload in MUSIC else "workloads.py")
    subprocess.run(
        [sys.executable, str(script), workload, str(args.peers)], check=True, stdout=subprocess.DEVNULL
    )
    file = args.peers / f"{workload}.npz"
    chosen, missing = contenders(workload, file, args.peers, args.runs, args.quick)
    names = [contender.name for contender in chosen[:2]]
    reference = names[1]
    if missing:
        print(f"not installed: {', '.join(missing)} (sh benchmarks/peers/setup.sh)")
    times: dict[str, Timed] = {}
    for n in range(args.rounds):
        chosen = one_round(chosen, args, f"round {n + 1} of {args.rounds}", times)
        if reference not in times:
            raise InputError("our own loop did not run", remedy="see the messages above")
        chosen = agreeing(workload, chosen, times, reference)
        if not n:
            chosen = worth_repeating(chosen, times)
    return figures(workload, times, names)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, not recorded")
    parser.add_argument("--runs", type=int, default=3, help="runs of a simulator in a round")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core of all")
    parser.add_argument("--timeout", type=float, default=900.0, help="s for a simulator's round")
    parser.add_argument("--peers", type=Path, default=Path("out/peers"), help="environments and workloads")
    args = parser.parse_args()
    args.rounds = 1 if args.quick else args.rounds
    try:
        rows = compared(args.workload, args)
    except NeuromorphError as problem:
        print(problem, file=sys.stderr)
        return 2 if isinstance(problem, InputError) else 1
    print(table(rows))
    if args.quick:
        return 0
    record(RESULTS, rows, " ".join(["python benchmarks/vs_peers.py", *sys.argv[1:]]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
