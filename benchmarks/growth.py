"""How the cost of a general spiking network grows: with neurons, fan-in, rate, duration and streams; memory with neurons,
synapses and what is recorded.

    python benchmarks/growth.py

Random networks of leaky integrate-and-fire neurons with fixed fan-out, driven over threshold at a given rate, with
weights too small to change it: the work of a neuron is the same at every size.  One core, native engine; the
exponent is the slope of log time over log size.  Duration grows with a raster recorded, in pieces.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import os

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from neuromorph.figures import Figure, record, table
from neuromorph.spiking import LIF, Sparse, SpikingNetwork

RESULTS = Path(__file__).parent / "results" / "peers.json"
DT = 1e-4
NEURONS = (100, 1000, 10_000, 100_000)
FAN = 100


def network(neurons: int, fan: int = FAN, rate: float = 10.0) -> SpikingNetwork:
    """Neurons that fire at ``rate``, Hz, each onto ``fan`` others drawn at random."""
    draw = np.random.default_rng([7, neurons, fan])
    net = SpikingNetwork(dt=DT)
    period, tau = 1 / rate, 20e-3
    rest = 1 / -np.expm1(-(period - 2e-3) / tau)  # reaches threshold a period after the last spike
    net.population("N", neurons, LIF(tau=tau, rest=rest, threshold=1.0, refractory=2e-3, exact=True,
                                     start=draw.uniform(0, 1, neurons).astype(np.float32)))  # fmt: skip
    targets = draw.integers(0, neurons, neurons * fan)
    net.project("N", "N", Sparse.from_lists(np.arange(neurons + 1) * fan, targets, 1e-9, neurons))
    return net


def seconds(net: SpikingNetwork, duration: float, rounds: int, raster: tuple[str, ...] = ()) -> float:
    """Shortest time of a run, s."""
    net.run(10 * DT)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        net.run(duration, raster=raster)
        times.append(time.perf_counter() - began)
    return min(times)


def exponent(sizes: tuple[float, ...], times: list[float]) -> float:
    """Slope of log time over log size."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def resident(neurons: int, fan: int = FAN, duration: float = 0.01) -> float:
    """Peak memory of a process that runs so many neurons and records their rasters into a file, MiB."""
    code = (
        "import sys, tempfile; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from growth import network; "
        "folder = tempfile.TemporaryDirectory(); file = Path(folder.name) / 'run.h5'; "
        "network(int(sys.argv[2]), int(sys.argv[3])).run(float(sys.argv[4]), raster=('N',), file=file); "
        "print(*(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')))"
    )
    given = [str(Path(__file__).parent), str(neurons), str(fan), str(duration)]
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=True)
    return float(done.stdout) / 1024


def streams_seconds(count: int, rounds: int) -> float:
    """Shortest time of so many streams on one core, s."""
    net, times = network(1000), []
    for _ in range(rounds):
        began = time.perf_counter()
        net.run_streams(0.5, [{} for _ in range(count)], workers=1)
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    by = {
        "neurons": (NEURONS, [seconds(network(n), 2000 / n**0.75, args.rounds) * n**0.75 / 2000 for n in NEURONS]),
        "fan-in": ((100, 300, 1000), [seconds(network(10_000, f), 0.5, args.rounds) for f in (100, 300, 1000)]),
        "rate": ((10, 30, 100), [seconds(network(10_000, rate=r), 0.5, args.rounds) for r in (10, 30, 100)]),
        "streams": ((1, 4, 16), [streams_seconds(n, args.rounds) for n in (1, 4, 16)]),
        "duration": ((0.5, 2.0, 8.0), [seconds(network(1000), d, args.rounds, ("N",)) for d in (0.5, 2.0, 8.0)]),
    }  # fmt: skip
    limits = {"neurons": (1.1, 1.02)}
    made = [
        Figure(f"growth: exponent of the time in {what}", exponent(sizes, times), "1", *limits.get(what, (None, None)),
               details={"sizes": list(sizes), "seconds": times})
        for what, (sizes, times) in by.items()
    ]  # fmt: skip
    memory = [resident(n) for n in (1000, 100_000)]
    wide, long = (
        (resident(10_000, 100), resident(10_000, 1000)),
        (resident(1000, duration=4.0), resident(1000, duration=64.0)),
    )
    made += [
        Figure("growth: memory of a neuron with 100 synapses", 1024 * (memory[1] - memory[0]) / 99_000, "KiB",
               details={"mib": memory}),
        Figure("growth: memory of a synapse", 1024**2 * (wide[1] - wide[0]) / 9e6, "B", details={"mib": wide}),
        Figure("growth: memory of a further second of rasters of 1,000 neurons, recorded into a file",
               1024 * (long[1] - long[0]) / 60.0, "KiB", details={"mib": long}),
    ]  # fmt: skip
    print(table(made))
    record(RESULTS, made, " ".join(["python benchmarks/growth.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
