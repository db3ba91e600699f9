"""Workloads W1, W2, W3 in Brian2; run with the Python of the environment that ``setup.sh`` makes for it.

    out/peers/brian2/bin/python benchmarks/peers/brian2_workloads.py w1 out/peers/w1.npz --folder out/built

``benchmarks/workloads.py`` says what is simulated.  Idiom ``textbook`` writes it the way Brian2's manual
does: refractory option, traces per synapse, event-driven.  Idiom ``neuron`` holds traces in the groups and
counts refractory steps in a variable, so that loops over neurons vectorise, and merges projections where that
changes no result.  The last line on stdout is one JSON object; its seconds are those of the simulation loop
alone, by the wall clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brian2 as b
import numpy as np

SUBNORMAL = ["-ffast-math"]
"""Linked with this, a program counts subnormal numbers as zero."""
UNROLLED = ["-funroll-loops"]
SINGLE = ["-fsingle-precision-constant"]
"""Without it every literal, so most of the arithmetic on float32 variables, is double."""
HUGE = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Weights lie in huge pages where the system offers them."""
BEFORE = "timespec began, ended; clock_gettime(CLOCK_MONOTONIC, &began);"
AFTER = """clock_gettime(CLOCK_MONOTONIC, &ended);
std::ofstream(brian::results_dir + "loop.txt")
    << std::fixed << ended.tv_sec - began.tv_sec + 1e-9 * (ended.tv_nsec - began.tv_nsec) << std::endl;"""
END = """std::ifstream status("/proc/self/status");
std::ofstream memory(brian::results_dir + "memory.txt");
for (std::string line; std::getline(status, line);)
    if (line.compare(0, 6, "VmHWM:") == 0) memory << line.substr(6) << std::endl;"""
AT_ONCE = 0 * b.ms
SPARE = 16
"""Neurons added to A that never fire: a column of rows of 512 weights would meet in few sets of the cache."""
Work = dict[str, np.ndarray]


@dataclass
class Model:
    """What a run needs: objects, the groups whose spikes count, the synapses whose weights are reported."""

    work: Work
    objects: list[Any]
    counted: dict[str, Any]
    weights: dict[str, Any] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        return {name: int(np.sum(group.fired[:])) for name, group in self.counted.items()}

    def mean_weight(self) -> dict[str, float]:
        """Means over the matrix that the workload names, its diagonal included."""
        return {
            name: float(np.sum(synapses.w[:], dtype=float)) / self.work[name].size
            for name, synapses in self.weights.items()
        }


def step(work: Work) -> Any:
    return float(work["dt"]) * b.ms


def duration(work: Work) -> Any:
    """Half a step short of the end, which Brian2 rounds up: with ``SINGLE`` a step is too long by 5e-8."""
    return (int(work["steps"]) - 0.5) * step(work)


def inputs(work: Work, channels: int) -> Any:
    return b.SpikeGeneratorGroup(channels, work["channel"], work["at"] * step(work), name="inputs")


def cells(n: int, equations: str, threshold: str, reset: str, name: str, **options: Any) -> Any:
    """Neurons by Euler's method that count their spikes."""
    equations, reset = f"{equations}\nfired : integer", f"{reset}; fired += 1"
    options = {"method": "euler", **options}
    return b.NeuronGroup(n, equations, threshold=threshold, reset=reset, name=name, **options)


def dense(source: Any, target: Any, name: str, *, diagonal: bool = True, **options: Any) -> Any:
    """Synapses from all to all without delay, those of one source side by side."""
    delay = {way: AT_ONCE for way in ("pre", "post") if f"on_{way}" in options}
    synapses = b.Synapses(source, target, name=name, delay=delay, **options)
    synapses.connect(condition=None if diagonal else "i != j")
    return synapses


def one_to_one(source: Any, target: Any, name: str, on_pre: str) -> Any:
    synapses = b.Synapses(source, target, name=name, delay=AT_ONCE, on_pre=on_pre)
    synapses.connect(j="i")
    return synapses


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    return matrix[~np.eye(len(matrix), dtype=bool)]


def traced(source: Any, channels: int, work: Work) -> tuple[Any, Any]:
    """A trace x for each input, and what sets it to 1."""
    traces = b.NeuronGroup(
        channels, "dx/dt = k * x : 1", method="euler", name="traces", namespace={"k": decay(work)}
    )
    return traces, one_to_one(source, traces, "mark", "x_post = 1")


def decay(work: Work) -> Any:
    """Rate at which a step by Euler's method is the decay by exp(-dt / 20 ms)."""
    return np.expm1(-float(work["dt"]) / 20) / step(work)


def learned(source: Any, target: Any, traces: Any, w: np.ndarray, **events: str) -> Any:
    """Input weights that move by the trace ``x_in``, held by another group: a reference between variables."""
    delay = {"pre": AT_ONCE, "post": AT_ONCE}
    synapses = b.Synapses(source, target, "w : 1", delay=delay, name="learned", **events)
    synapses.variables.add_reference("x_in", traces, "x", index="_synaptic_pre")
    synapses.connect()
    synapses.w = w.ravel()
    return synapses


def w1_textbook(work: Work) -> Model:
    dt, (channels, n) = step(work), work["w"].shape
    source = inputs(work, channels)
    exc = cells(
        n,
        """dv/dt = ((-65 - v) + ge*(0 - v) + gi*(-100 - v)) / (100*ms) : 1 (unless refractory)
           dge/dt = -ge / (1*ms) : 1
           dgi/dt = -gi / (2*ms) : 1
           dtheta/dt = -theta / (1e4*ms) : 1""",
        "v > -52 + theta", "v = -65; theta += 0.1", "exc", refractory=10 * dt,
    )  # fmt: skip
    inh = cells(
        n,
        """dv/dt = ((-60 - v) + ge*(0 - v)) / (10*ms) : 1 (unless refractory)
           dge/dt = -ge / (1*ms) : 1""",
        "v > -40", "v = -45", "inh", refractory=4 * dt,
    )  # fmt: skip
    exc.v, inh.v = -65, -60
    plastic = dense(
        source, exc, "plastic",
        model="""w : 1
                 dx/dt = -x / (20*ms) : 1 (event-driven)""",
        on_pre="ge_post += w; x = 1", on_post="w = clip(w + 0.01*(x - 0.4)*(1 - w)**0.2, 0, 1)",
    )  # fmt: skip
    plastic.w = work["w"].ravel()
    relay = one_to_one(exc, inh, "relay", "ge_post += 10.4")
    back = dense(inh, exc, "back", diagonal=False, on_pre="gi_post += 0.2")
    return Model(work, [source, exc, inh, plastic, relay, back], {"E": exc, "I": inh}, {"w": plastic})


def w1_neuron(work: Work) -> Model:
    channels, n = work["w"].shape
    source = inputs(work, channels)
    traces, mark = traced(source, channels, work)
    exc = cells(
        n,
        """dv/dt = ((-65 - v) + ge*(0 - v) + gi*(-100 - v)) * int(rest <= 0) / (100*ms) : 1
           dge/dt = -ge / (1*ms) : 1
           dgi/dt = -gi / (2*ms) : 1
           dtheta/dt = -theta / (1e4*ms) : 1
           drest/dt = -1/dt : 1""",
        "v > -52 + theta", "v = -65; theta += 0.1; rest = 9", "exc",
    )  # fmt: skip
    inh = cells(
        n,
        """dv/dt = ((-60 - v) + ge*(0 - v)) * int(rest <= 0) / (10*ms) : 1
           dge/dt = -ge / (1*ms) : 1
           drest/dt = -1/dt : 1""",
        "v > -40", "v = -45; rest = 3", "inh",
    )  # fmt: skip
    exc.v, inh.v = -65, -60
    plastic = learned(
        source, exc, traces, work["w"],
        on_pre="ge_post += w", on_post="w = clip(w + 0.01*(x_in - 0.4)*(1 - w)**0.2, 0, 1)",
    )  # fmt: skip
    relay = one_to_one(exc, inh, "relay", "ge_post += 10.4")
    back = dense(inh, exc, "back", diagonal=False, on_pre="gi_post += 0.2")
    objects = [source, traces, mark, exc, inh, plastic, relay, back]
    return Model(work, objects, {"E": exc, "I": inh}, {"w": plastic})


def w2_textbook(work: Work) -> Model:
    dt, (channels, n) = step(work), work["w"].shape
    source = inputs(work, channels)
    membrane = """dv/dt = (c - v) / (20*ms) : 1 (unless refractory)
                  dc/dt = -c / (5*ms) : 1\n"""
    first = cells(
        n, membrane + "dtheta/dt = -theta / (1e4*ms) : 1",
        "v > 1 + theta", "v = 0; theta += 0.02", "first", refractory=3 * dt,
    )  # fmt: skip
    second = cells(
        n,
        membrane + "db/dt = -b / (200*ms) : 1",
        "v > 1 + 0.1*b",
        "v = 0; b += 1",
        "second",
        refractory=3 * dt,
    )
    plastic = dense(
        source, first, "plastic",
        model="""w : 1
                 dx/dt = -x / (20*ms) : 1 (event-driven)""",
        on_pre="c_post += w; x = 1", on_post="w = clip(w + 0.02*(x - 0.3)*(1 - w), 0, 1)",
    )  # fmt: skip
    # A post event comes after the pre event of its step and takes out the rise of p that it must not see.
    paired = dense(
        second, second, "paired", diagonal=False,
        model="""w : 1
                 last : second
                 dp/dt = -p / (20*ms) : 1 (event-driven)
                 dq/dt = -q / (20*ms) : 1 (event-driven)""",
        on_pre="c_post += w; w = clip(w - 0.0022*q, 0, 0.05); p += 1; last = t",
        on_post="w = clip(w + 0.002*(p - int(t - last < dt/2)), 0, 0.05); q += 1",
    )  # fmt: skip
    paired.last = -1 * b.second
    drive = dense(first, second, "drive", model="w : 1", on_pre="c_post += w")
    plastic.w, paired.w, drive.w = work["w"].ravel(), off_diagonal(work["r"]), work["u"].ravel()
    lateral = dense(first, first, "lateral", diagonal=False, on_pre="c_post -= 0.1")
    mutual = dense(second, second, "mutual", diagonal=False, on_pre="c_post -= 0.01")
    objects = [source, first, second, plastic, paired, drive, lateral, mutual]
    return Model(work, objects, {"A": first, "R": second}, {"w": plastic, "r": paired})


def w2_neuron(work: Work) -> Model:
    """One trace is p and q, which are equal; inhibition of R rides on its synapses, that of A is a sum."""
    channels, n = work["w"].shape
    source = inputs(work, channels)
    traces, mark = traced(source, channels, work)
    total = b.NeuronGroup(1, "number : 1", name="total")
    total.run_regularly("number = 0", when="after_groups")
    first = cells(
        n + SPARE,
        """dv/dt = (c - 0.1*number - v) * int(rest <= 0) / (20*ms) : 1
           dc/dt = -(c - 0.1*number) / (5*ms) - 0.1*number / dt : 1
           dtheta/dt = -theta / (1e4*ms) : 1
           drest/dt = -1/dt : 1
           number : 1 (linked)""",
        "v > 1 + theta", "v = 0; theta += 0.02; c += 0.1; rest = 2", "first",
    )  # fmt: skip
    first.number = b.linked_var(total, "number")
    second = cells(
        n,
        """dv/dt = (c - v) * int(rest <= 0) / (20*ms) : 1
           dc/dt = -c / (5*ms) : 1
           db/dt = -b / (200*ms) : 1
           drest/dt = -1/dt : 1
           dp/dt = k * p : 1""",
        "v > 1 + 0.1*b", "v = 0; b += 1; p += 1; rest = 2", "second", namespace={"k": decay(work)},
    )  # fmt: skip
    plastic = learned(
        source, first, traces, np.pad(work["w"], ((0, 0), (0, SPARE))),
        on_pre="c_post += w", on_post="w = clip(w + 0.02*(x_in - 0.3)*(1 - w), 0, 1)",
    )  # fmt: skip
    paired = dense(
        second, second, "paired", diagonal=False, model="w : 1",
        on_pre="c_post += w - 0.01; w = clip(w - 0.0022*p_post, 0, 0.05)",
        on_post="w = clip(w + 0.002*p_pre, 0, 0.05)",
    )  # fmt: skip
    drive = dense(first[:n], second, "drive", model="w : 1", on_pre="c_post += w")
    paired.w, drive.w = off_diagonal(work["r"]), work["u"].ravel()
    tally = dense(first, total, "tally", on_pre="number_post += 1")
    objects = [source, traces, mark, total, first, second, plastic, paired, drive, tally]
    return Model(work, objects, {"A": first, "R": second}, {"w": plastic, "r": paired})


def w3_textbook(work: Work) -> Model:
    neurons = cells(
        int(work["neurons"]),
        """dv/dt = (ge + gi - (v + 49)) / (20*ms) : 1 (unless refractory)
           dge/dt = -ge / (5*ms) : 1
           dgi/dt = -gi / (10*ms) : 1""",
        "v > -50", "v = -60", "neurons", refractory=50 * step(work), method="exact",
    )  # fmt: skip
    return sparse(work, neurons)


def w3_neuron(work: Work) -> Model:
    """The exact solution over one step, written out with numbers: a named constant would be double."""
    neurons = cells(
        int(work["neurons"]),
        """v : 1
           ge : 1
           gi : 1
           rest : 1""",
        "v > -50", "v = -60; rest = 49", "neurons",
    )  # fmt: skip
    slow, fast, slower = (float(np.exp(-float(work["dt"]) / tau)) for tau in (20, 5, 10))
    neurons.run_regularly(
        f"""v += int(rest <= 0) * ({(slow - fast) / 3!r}*ge + {slow - slower!r}*gi - {1 - slow!r}*(v + 49))
            rest -= 1
            ge *= {fast!r}
            gi *= {slower!r}""",
        when="groups",
    )
    return sparse(work, neurons)


def sparse(work: Work, neurons: Any) -> Model:
    """The synapses of W3."""
    n = int(work["neurons"])
    split, scale = 4 * n // 5, 80 / (0.1 * n)
    neurons.v = work["v"]
    source, middle = np.repeat(np.arange(n), np.diff(work["start"])), work["start"][split]
    exc = b.Synapses(
        neurons[:split], neurons, on_pre=f"ge_post += {1.62 * scale!r}", delay=AT_ONCE, name="exc"
    )
    exc.connect(i=source[:middle], j=work["target"][:middle])
    inh = b.Synapses(neurons[split:], neurons, on_pre=f"gi_post += {-9 * scale!r}", delay=AT_ONCE, name="inh")
    inh.connect(i=source[middle:] - split, j=work["target"][middle:])
    return Model(work, [neurons, exc, inh], {"all": neurons})


BUILD: dict[tuple[str, str], Callable[[Work], Model]] = {
    ("w1", "textbook"): w1_textbook, ("w1", "neuron"): w1_neuron, ("w2", "textbook"): w2_textbook,
    ("w2", "neuron"): w2_neuron, ("w3", "textbook"): w3_textbook, ("w3", "neuron"): w3_neuron,
}  # fmt: skip


def standalone(args: argparse.Namespace, work: Work) -> dict[str, Any]:
    """A C++ program, built once and run again and again from its initial state."""
    begin_program(args, step(work), UNROLLED)
    model = BUILD[args.workload, args.idiom](work)
    return outcome(model, *run_program(args, model.objects, duration(work)))


def begin_program(args: argparse.Namespace, dt: Any, flags: list[str]) -> None:
    """What follows becomes a C++ program in ``args.folder``."""
    shutil.rmtree(args.folder, ignore_errors=True)
    b.prefs.codegen.cpp.extra_link_args = SUBNORMAL
    b.prefs.codegen.cpp.extra_compile_args_gcc += flags + (SINGLE if args.precision == "float32" else [])
    b.prefs.devices.cpp_standalone.run_environment_variables = {"LD_BIND_NOW": "1", **HUGE}
    b.prefs.devices.cpp_standalone.extra_make_args_unix = [f"-j{len(os.sched_getaffinity(0))}"]
    b.set_device("cpp_standalone", directory=str(args.folder), build_on_run=False)
    b.defaultclock.dt = dt


def run_program(args: argparse.Namespace, objects: Any, duration: Any) -> tuple[list[float], float, float]:
    """Seconds of the simulation loop in each run, of compilation, and peak memory, MiB."""
    for slot, code in (("before_network_run", BEFORE), ("after_network_run", AFTER), ("before_end", END)):
        b.device.insert_code(slot, code)
    b.Network(objects).run(duration)
    began = time.perf_counter()
    b.device.build(str(args.folder), run=False)
    compiled = time.perf_counter() - began
    results, seconds = Path(b.device.results_dir), []
    for _ in range(args.runs):
        b.device.run(with_output=False)
        seconds.append(float((results / "loop.txt").read_text()))
    return seconds, compiled, float((results / "memory.txt").read_text().split()[0]) / 1024


def runtime(args: argparse.Namespace, work: Work) -> dict[str, Any]:
    """A loop in Python over compiled code; the run that compiles is left out."""
    b.prefs.codegen.target = "cython"
    b.defaultclock.dt = step(work)
    model = BUILD[args.workload, args.idiom](work)
    network, looped = b.Network(model.objects), [0.0]

    def keep(elapsed: Any, *_: Any) -> None:
        looped.append(float(elapsed))

    network.store()
    began = time.perf_counter()
    network.run(step(work))
    compiled, seconds = time.perf_counter() - began, []
    for _ in range(args.runs):
        network.restore()
        network.run(duration(work), report=keep, report_period=1e6 * b.second)
        seconds.append(looped[-1])
    return outcome(model, seconds, compiled, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def outcome(model: Model, seconds: list[float], compiled: float, memory: float) -> dict[str, Any]:
    return {"seconds": seconds, "compile_seconds": round(compiled, 2), "peak_mib": round(memory, 1),
            "counts": model.counts(), "mean_weight": model.mean_weight()}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workload", choices=("w1", "w2", "w3"))
    parser.add_argument("npz", type=Path)
    parser.add_argument("--idiom", choices=("textbook", "neuron"), default="neuron")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
    parser.add_argument("--mode", choices=("standalone", "cython"), default="standalone")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where the C++ program is built; emptied first"
    )
    args = parser.parse_args()
    b.prefs.core.default_float_dtype = np.dtype(args.precision).type
    with np.load(args.npz) as file:
        work = dict(file)
    found = {"standalone": standalone, "cython": runtime}[args.mode](args, work)
    said = {"simulator": "brian2", "version": b.__version__, "workload": args.workload, "idiom": args.idiom,
            "precision": args.precision, "mode": args.mode}  # fmt: skip
    print(json.dumps({**said, **found}))


if __name__ == "__main__":
    main()
