"""Workload W3 in NEST, one thread; run with the Python of the environment that ``setup.sh`` makes for it.

    out/peers/nest/bin/python benchmarks/peers/nest_workloads.py out/peers/w3.npz

``iaf_psc_exp`` is integrated exactly.  Its synapses add to currents: with a capacitance of tau_m times 1 nS a
current of x pA drives as x mV do.  NEST's smallest delay is a step.  The last line on stdout is one JSON
object; its seconds are those of the simulation loop alone, its compile_seconds those of building the network.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import nest
import numpy as np

TAU = 20.0
NEURON = {"tau_m": TAU, "C_m": TAU, "tau_syn_ex": 5.0, "tau_syn_in": 10.0,
          "E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0}  # fmt: skip
"""ms, pF, mV."""
Work = dict[str, np.ndarray]


def built(work: Work) -> tuple[Any, Any]:
    """Neurons and the recorder that counts their spikes; a kernel from its start."""
    dt, n = float(work["dt"]), int(work["neurons"])
    nest.ResetKernel()
    nest.set(resolution=dt, local_num_threads=1, print_time=False)
    neurons = nest.Create("iaf_psc_exp", n, params=NEURON)
    neurons.V_m = work["v"].astype(float)
    split, scale = 4 * n // 5, 80 / (0.1 * n)
    middle = work["start"][split]
    source, target = np.repeat(np.arange(1, n + 1), np.diff(work["start"])), work["target"] + 1
    for part, weight in ((slice(None, middle), 1.62 * scale), (slice(middle, None), -9 * scale)):
        nest.Connect(source[part], target[part], {"rule": "one_to_one"},
                     {"synapse_model": "static_synapse", "weight": np.full(len(target[part]), weight),
                      "delay": np.full(len(target[part]), dt)})  # fmt: skip
    counter = nest.Create("spike_recorder", params={"record_to": "memory"})
    nest.Connect(neurons, counter)
    return neurons, counter


def run(work: Work) -> tuple[float, float, int]:
    """Seconds of the loop, seconds before it, spikes."""
    began = time.perf_counter()
    _, counter = built(work)
    nest.Prepare()
    ready = time.perf_counter()
    nest.Run(int(work["steps"]) * float(work["dt"]))
    ended = time.perf_counter()
    nest.Cleanup()
    return ended - ready, ready - began, int(counter.n_events)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("npz", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    nest.verbosity = nest.VerbosityLevel.ERROR
    with np.load(args.npz) as file:
        work = dict(file)
    seconds, before, counts = zip(*(run(work) for _ in range(args.runs)), strict=True)
    print(json.dumps({"simulator": "nest", "version": nest.__version__, "workload": "w3",
                      "idiom": "iaf_psc_exp", "precision": "float64", "seconds": seconds,
                      "compile_seconds": round(before[0], 2),
                      "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                      "counts": {"all": counts[-1]}, "mean_weight": {}}))  # fmt: skip


if __name__ == "__main__":
    main()
