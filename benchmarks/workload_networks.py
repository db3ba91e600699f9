"""The workloads of ``vs_peers.py`` as networks of this library (times in s, potentials in mV)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuromorph.spiking import (
    LIF,
    AllButOne,
    Dense,
    OneToOne,
    PairSTDP,
    PostTriggered,
    Sparse,
    SpikeList,
    SpikingNetwork,
)

Arrays = Mapping[str, np.ndarray]
_MS = 1e-3


def w1(work: Arrays) -> tuple[SpikingNetwork, dict[str, SpikeList]]:
    """Diehl and Cook's layer."""
    net = SpikingNetwork(dt=float(work["dt"]) * _MS)
    inputs, neurons = work["w"].shape
    cells = {"tau_exc": 1 * _MS, "tau_inh": 2 * _MS, "conductance": True}
    net.source("input", inputs)
    net.population("E", neurons, LIF(
        tau=0.1, rest=-65.0, threshold=-52.0, reset=-65.0, refractory=5 * _MS, e_inh=-100.0, adapt=0.1, tau_adapt=10.0,
        **cells,
    ))  # fmt: skip
    net.population("I", neurons, LIF(
        tau=0.01, rest=-60.0, threshold=-40.0, reset=-45.0, refractory=2 * _MS, e_inh=-60.0, **cells,
    ))  # fmt: skip
    net.project("input", "E", Dense(work["w"], PostTriggered(0.01, 0.4, 0.2)))
    net.project("E", "I", OneToOne(10.4))
    net.project("I", "E", AllButOne(0.2))
    return net, {"input": SpikeList(work["at"], work["channel"])}


def w2(work: Arrays) -> tuple[SpikingNetwork, dict[str, SpikeList]]:
    """Two layers of the music network's size, the second one with plastic recurrence."""
    net = SpikingNetwork(dt=float(work["dt"]) * _MS)
    inputs, neurons = work["w"].shape
    cells = {"tau": 20 * _MS, "threshold": 1.0, "refractory": 3 * _MS, "tau_exc": 5 * _MS, "tau_inh": 5 * _MS}
    net.source("input", inputs)
    net.population("A", neurons, LIF(adapt=0.02, tau_adapt=10.0, **cells))
    net.population("R", neurons, LIF(adapt=0.1, tau_adapt=0.2, **cells))
    net.project("input", "A", Dense(work["w"], PostTriggered(0.02, 0.3, 1.0)))
    net.project("A", "A", AllButOne(-0.1, port="exc"))
    net.project("A", "R", Dense(work["u"]))
    net.project("R", "R", Dense(work["r"], PairSTDP(0.002, 0.0022, 0.05), loops=False), name="plastic")
    net.project("R", "R", AllButOne(-0.01, port="exc"), name="inhibition")
    return net, {"input": SpikeList(work["at"], work["channel"])}


def w3(work: Arrays) -> tuple[SpikingNetwork, dict[str, SpikeList]]:
    """Vogels and Abbott's network with currents."""
    net = SpikingNetwork(dt=float(work["dt"]) * _MS)
    n = int(work["neurons"])
    parts = {"E": slice(0, round(0.8 * n)), "I": slice(round(0.8 * n), n)}
    jump, port = {"E": 1.62 * 80 / (0.1 * n), "I": -9.0 * 80 / (0.1 * n)}, {"E": "exc", "I": "inh"}
    for name, part in parts.items():
        net.population(name, part.stop - part.start, LIF(
            tau=20 * _MS, rest=-49.0, threshold=-50.0, reset=-60.0, refractory=5 * _MS, tau_exc=5 * _MS, tau_inh=10 * _MS,
            start=work["v"][part], exact=True,
        ))  # fmt: skip
    for source, rows in parts.items():
        for target, columns in parts.items():
            start, at = _between(work["start"], work["target"], rows, columns)
            size = columns.stop - columns.start
            net.project(source, target, Sparse.from_lists(start, at, jump[source], size, port[source]))
    return net, {}


def _between(
    start: np.ndarray, target: np.ndarray, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Lists of the lines ``rows`` with those of their targets that are in ``columns``, counted from its first."""
    lists = target[start[rows.start] : start[rows.stop]]
    line = np.repeat(np.arange(rows.stop - rows.start), np.diff(start[rows.start : rows.stop + 1]))
    inside = (lists >= columns.start) & (lists < columns.stop)
    counts = np.bincount(line[inside], minlength=rows.stop - rows.start)
    return np.concatenate([[0], np.cumsum(counts)]), lists[inside] - columns.start


NETWORKS = {"w1": w1, "w2": w2, "w3": w3, "w3x2": w3, "w3x4": w3}
