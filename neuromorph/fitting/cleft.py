"""A synapse as its cleft makes it: charge in the log domain, currents through the device law.

The states are the nodes that carry charge: release node, cleft, receptor output and, in the inhibitory
synapse, the mirror.  With the constant capacitances C and the devices' currents I,

    C dv/dt = I(v, knobs)

steps by a two-stage Rosenbrock method on a grid that is fine after a spike's edges.  The method is L-stable:
the release node empties in picoseconds, the cleft refills in tens of nanoseconds.

Source of the method: J. G. Verwer, E. J. Spee, J. G. Blom and W. Hundsdorfer, SIAM J. Sci. Comput. 20(4), 1999.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuromorph.circuit import USUAL_KELVIN, USUAL_SUPPLY
from neuromorph.devices.cnfet import PRESETS
from neuromorph.devices.equations import biased_current, evaluate_geometry

EDGE, FLAT = 0.1e-9, 1.1e-9
"""Edges and flat top of an action potential, s."""
_GAMMA = 1 - np.sqrt(0.5)
SETTLED = 1e-2
"""The last of the steps in which the nodes come to rest, s: in the cold a receptor's takes milliseconds."""
_PROBE = 1e-6
"""Voltage step of the numerical Jacobian, V."""


@dataclass(frozen=True)
class Device:
    """One transistor: flavour, polarity and the nodes of its terminals."""

    flavour: str
    polarity: str
    drain: str
    gate: str
    source: str


_CLEFT = (
    Device("fast", "n", "release", "ap", "ground"),
    Device("analog", "p", "release", "vnt", "cleft"),
    Device("low_leakage", "p", "cleft", "vre", "vdd"),
    Device("low_leakage", "p", "receptor", "cleft", "vdd"),
    Device("analog", "p", "ground", "vw", "receptor"),
)
EXCITATORY = (*_CLEFT, Device("analog", "p", "post", "vwref", "receptor"))
INHIBITORY = (
    *_CLEFT,
    Device("analog", "p", "mirror", "vwref", "receptor"),
    Device("fast_low", "n", "mirror", "mirror", "ground"),
    Device("fast_low", "n", "mirror", "vdecay", "ground"),
    Device("fast_low", "n", "post", "mirror", "ground"),
)
_STATES = ("ap", "release", "cleft", "receptor", "mirror")


class Cleft:
    """The equations of one synapse.

    Parameters
    ----------
    devices : sequence of Device
    c_cleft : float
        The cleft's capacitor, F; gate capacitances are the device law's.
    kelvin, supply : float
        Temperature of the transistors, K, and the rail, V.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        c_cleft: float,
        kelvin: float = USUAL_KELVIN,
        supply: float = USUAL_SUPPLY,
    ) -> None:
        self.devices, self.supply = devices, supply
        nodes = {node for d in devices for node in (d.drain, d.gate, d.source)}
        self.states = [s for s in _STATES if s in nodes]
        self.held = sorted(nodes - set(self.states))
        names = self.states + self.held
        self._index = {
            part: [names.index(getattr(d, part)) for d in devices] for part in ("drain", "gate", "source")
        }
        self._incidence = np.zeros((len(names), len(devices)))
        for k, d in enumerate(devices):
            self._incidence[names.index(d.drain), k] -= 1
            self._incidence[names.index(d.source), k] += 1
        self._sign = np.array([1.0 if d.polarity == "n" else -1.0 for d in devices])[:, None]
        self._constants = _constants(devices, kelvin)
        full = self._capacitances(names, c_cleft)
        n = len(self.states)
        self.capacitance = full[:n, :n]
        # the action potential is given, not a result of the charge
        self.capacitance[0] = np.eye(n)[0]
        self._post = names.index("post")
        self._coupling = -full[self._post, :n] @ np.linalg.inv(self.capacitance)

    def _capacitances(self, names: list[str], c_cleft: float) -> np.ndarray:
        full = np.zeros((len(names), len(names)))
        pairs = [("cleft", "vdd", c_cleft)]
        for d, c in zip(self.devices, self._constants["cgate"], strict=True):
            pairs += [(d.gate, d.source, float(c)), (d.gate, d.drain, float(c))]
        for one, other, c in pairs:
            a, b = names.index(one), names.index(other)
            full[[a, b], [a, b]] += c
            full[[a, b], [b, a]] -= c
        return full

    def currents(self, states: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Current into every node, A; states and held voltages stacked along the first axis."""
        voltages = np.concatenate([states, np.broadcast_to(held, (len(held), *states.shape[1:]))])
        gate, drain, source = (voltages[self._index[part]] for part in ("gate", "drain", "source"))
        shape = (-1,) + (1,) * (states.ndim - 1)
        sign = self._sign.reshape(shape)
        constants = {k: np.reshape(v, shape) for k, v in self._constants.items()}
        channel = sign * biased_current(constants, sign * gate, sign * drain, sign * source, np)
        return np.tensordot(self._incidence, channel, 1)

    def run(
        self, spikes: Sequence[np.ndarray], knobs: Mapping[str, np.ndarray], time: np.ndarray
    ) -> np.ndarray:
        """Current into the post-synaptic node, A, shape (rows, times).

        Parameters
        ----------
        spikes : a row of spike times each, s (start of the rising edge)
        knobs : voltages of ``vnt vre vw vwref post`` (and ``vdecay``), V, a value or one a row
        time : times of the result, s
        """
        grid = _grid(spikes, time[-1])
        rows = len(spikes)
        given = {**knobs, "vdd": self.supply, "ground": 0.0}
        held = np.stack([np.broadcast_to(np.asarray(given[n], float), rows) for n in self.held])
        state = self._rest(held)
        result = np.empty((rows, grid.shape[1]))
        slopes = _slopes(spikes, grid, self.supply)
        for k, h in enumerate(np.diff(grid).T):
            result[:, k] = self._into_post(state, held, slopes[:, k])
            state = self._advance(state, held, slopes[:, k], h)
        result[:, -1] = self._into_post(state, held, slopes[:, -1])
        return np.stack([np.interp(time, g, r) for g, r in zip(grid, result, strict=True)])

    def _into_post(self, state: np.ndarray, held: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Channel and displacement current into the post-synaptic node, A."""
        flow = self.currents(state, held)
        flow[0] = slope
        return flow[self._post] + self._coupling @ flow[: len(state)]

    def _rest(self, held: np.ndarray) -> np.ndarray:
        """Settle without a spike: long steps of the same method, until femtoamperes have moved a node."""
        start = {"ap": 0.0, "release": self.supply, "cleft": self.supply, "receptor": 0.5, "mirror": 0.05}
        state = np.stack([np.full(held.shape[1], start[s]) for s in self.states])
        still = np.zeros(held.shape[1])
        for h in np.geomspace(1e-12, SETTLED, 100):
            state = self._advance(state, held, still, np.full(held.shape[1], h))
        return state

    def _advance(self, state: np.ndarray, held: np.ndarray, slope: np.ndarray, h: np.ndarray) -> np.ndarray:
        n = len(state)
        probes = np.concatenate([np.zeros((n, 1)), _PROBE * np.eye(n)], 1)
        flow = self.currents(state[:, None] + probes[:, :, None], held[:, None])[:n]
        flow[0] = slope
        here = flow[:, 0]
        jacobian = (flow[:, 1:] - here[:, None]) / _PROBE
        matrix = self.capacitance - _GAMMA * h[:, None, None] * np.moveaxis(jacobian, -1, 0)
        first = np.linalg.solve(matrix, here.T[..., None])[..., 0].T
        later = self.currents(state + h * first, held)[:n]
        later[0] = slope
        second = np.linalg.solve(matrix, (later - 2 * self.capacitance @ first).T[..., None])[..., 0].T
        return state + h * (1.5 * first + 0.5 * second)


def _constants(devices: Sequence[Device], kelvin: float) -> dict[str, np.ndarray]:
    rows = [{**PRESETS[d.flavour].values(), "tk": kelvin} for d in devices]
    parameters = {name: np.array([r[name] for r in rows]) for name in rows[0]}
    constants = {**parameters, **evaluate_geometry(parameters, np)}
    return {name: np.broadcast_to(value, len(devices)) for name, value in constants.items()}


_RISE = np.r_[np.linspace(0, EDGE, 81), EDGE + np.geomspace(2e-12, 0.9 * FLAT, 40)]
_FALL = np.r_[np.linspace(0, EDGE, 31), EDGE + np.geomspace(2e-11, 5e-9, 70)]
"""Step ends after the start of either edge, s: while the switch opens and the release node empties, 1 ps."""
_COARSE = 0.3e-9


def _grid(spikes: Sequence[np.ndarray], end: float) -> np.ndarray:
    """Step ends, s, shape (rows, steps): fine after each edge, the same number in every row."""
    rows = []
    for times in spikes:
        start = np.asarray(times)[:, None]
        dense = np.concatenate([(start + _RISE).ravel(), (start + EDGE + FLAT + _FALL).ravel()])
        grid = np.unique(np.r_[np.arange(0, end, _COARSE), dense[dense < end], end])
        rows.append(grid[np.r_[True, np.diff(grid) > 1e-15]])
    most = max(map(len, rows))
    return np.stack([_padded(grid, most) for grid in rows])


def _padded(grid: np.ndarray, count: int) -> np.ndarray:
    """The grid with its last step split until it has ``count`` points."""
    extra = np.linspace(grid[-2], grid[-1], count - len(grid) + 2)[1:-1]
    return np.r_[grid[:-1], extra, grid[-1]]


def _slopes(spikes: Sequence[np.ndarray], grid: np.ndarray, supply: float) -> np.ndarray:
    """Slope of the action potential in every step, V/s."""
    rows = []
    for times, steps in zip(spikes, grid, strict=True):
        start = np.asarray(times)[:, None]
        corners = (start + np.array([0.0, EDGE, EDGE + FLAT, 2 * EDGE + FLAT])).ravel()
        levels = np.tile([0.0, supply, supply, 0.0], len(times))
        rows.append(np.diff(np.interp(steps, corners, levels)) / np.diff(steps))
    return np.stack(rows)
