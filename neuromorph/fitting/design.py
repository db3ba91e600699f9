"""Knob settings that give a wanted behaviour: by gradient on the fitted models, confirmed by ngspice.

The models are smooth functions of the knobs, so Gauss-Newton on the logarithm of value over target takes a second
where a sweep of four knobs in ngspice takes hours.  Where several settings give the same, the one nearest to the
usual knobs is taken.  What ngspice then measures moves the model's targets by what it missed, and the model is
asked again: space mapping (Bandler, Biernacki, Chen, Grobelny and Hemmers, IEEE Trans. Microw. Theory Tech.
42:2536, 1994), with the model as the coarse and ngspice as the fine one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from neuromorph.characterization.runner import measure
from neuromorph.circuit import Axis, Circuit
from neuromorph.errors import CircuitError, InputError, OutOfRange
from neuromorph.fitting import (
    cell_knobs,
    eligibility,
    gate,
    memory_cell,
    neuron_design,
    neuron_knobs,
    update_knobs,
)
from neuromorph.fitting.bias import Ranges
from neuromorph.fitting.neuron_form import tonic_interval
from neuromorph.library import SweepData, failed_points
from neuromorph.units import format_quantity

PULL = 1e-3
"""Weight of a knob's distance from its usual value, over its range, beside a relative error of 1."""
LOW, HIGH = 1e-7, 4e-7
"""Currents between which the slope of the f-I curve is taken, A."""
STRONG = 8e-7
"""Higher of the two currents, beside :data:`HIGH`, whose intervals give the refractory period, A."""
TRACE, OTHER = 1.0, 0.01
"""Traces at which an update's learning rate is stated."""
FORGETTING = 0.06
"""Forget gate's voltage at which the forget factor is stated, V."""
Parameters = Mapping[str, float]


@dataclass(frozen=True)
class Quantity:
    """Something a designer wants.

    Attributes
    ----------
    unit, meaning : str
    model : callable
        Its value from a block's parameters at a setting.
    sweep : str
        Sweep of the recipe that measures it.
    axes : mapping of str to tuple of float
        Points of the sweep, knobs aside.
    value : callable
        Its value from the sweep's outputs.
    """

    unit: str
    meaning: str
    model: Callable[[Parameters], float]
    sweep: str
    axes: Mapping[str, tuple[float, ...]]
    value: Callable[[SweepData], float]

    def shown(self, value: float) -> str:
        """A value in words."""
        return f"{value:.4g}" if self.unit == "1" else format_quantity(value, self.unit, 4)


def _interval(p: Parameters, current: float) -> float:
    return float(tonic_interval(neuron_knobs.form(p), current, np))


def _slope(low: float, high: float) -> float:
    return (1 / high - 1 / low) / (HIGH - LOW)


def _dead(at_high: float, at_strong: float) -> float:
    """D of T = D + Q / I."""
    return (STRONG * at_strong - HIGH * at_high) / (STRONG - HIGH)


def _kept(p: Parameters) -> float:
    start = 0.04
    after = memory_cell.advance(p, start, memory_cell.FRAME, 40, vi=-0.4, vf=FORGETTING, vg=-0.4)
    return float(after) / start


def _update(p: Parameters) -> float:
    return float(eligibility.update(dict(p), TRACE, OTHER, update_knobs.WIDTH))


NEURON = {
    "fi_slope": Quantity(
        "Hz/A", f"slope of the f-I curve between {LOW * 1e9:.0f} and {HIGH * 1e9:.0f} nA",
        lambda p: _slope(_interval(p, LOW), _interval(p, HIGH)), "tonic", {"i_in": (LOW, HIGH)},
        lambda s: _slope(*s["interval"].ravel()),
    ),
    "refractory_period": Quantity(
        "s", f"D of the interval D + Q / I at {HIGH * 1e9:.0f} and {STRONG * 1e9:.0f} nA",
        lambda p: _dead(_interval(p, HIGH), _interval(p, STRONG)), "tonic", {"i_in": (HIGH, STRONG)},
        lambda s: _dead(*s["interval"].ravel()),
    ),
    "spike_width": Quantity(
        "s", "width of a spike", lambda p: p["spike_width"], "tonic", {"i_in": (1e-7,)},
        lambda s: float(s["spike_width"].ravel()[0]),
    ),
}  # fmt: skip
CELL = {
    "forget_factor": Quantity(
        "1", f"share of 40 mV that a frame of 100 ns leaves at {FORGETTING * 1e3:.0f} mV on the forget gate",
        _kept, "retention", {"v_f": (FORGETTING,), "c_start": (0.04,)},
        lambda s: float(s["c"].ravel()[0]) / 0.04,
    ),
    "charging_current": Quantity(
        "A", "charge of the cell, input gate open, candidate at its plateau",
        lambda p: float(memory_cell.charge_current(p, 0.2, 0.2)), "charge", {"v_i": (0.2,)},
        lambda s: float(np.interp(0.2, s["g"], s["current"].ravel())),
    ),
    "rate_current": Quantity(
        "A", "read-out of a cell at 150 mV, output gate open",
        lambda p: float(memory_cell.read_current(p, 0.2, 0.15)), "read", {"v_o": (0.2,)},
        lambda s: float(np.interp(0.15, s["c"], s["current"].ravel())),
    ),
}  # fmt: skip
GATE = {
    "bias_current": Quantity(
        "A", "tail of the gate", lambda p: p["i_bias"], "sigmoid", {}, lambda s: float(s["tail"].ravel()[0])
    )
}
SYNAPSE = {
    "learning_rate": Quantity(
        "V", f"weight change of a trace of {TRACE:g} and pulses {update_knobs.WIDTH * 1e9:.0f} ns apart", _update,
        "update", {"y_up": (TRACE,), "y_down": (OTHER,), "width": (update_knobs.WIDTH,)},
        lambda s: float(s["dw"].ravel()[0]),
    )
}  # fmt: skip


def _of_update(p: Parameters, **knobs: float) -> dict[str, float]:
    return update_knobs.at_knobs(p, "eligibility_synapse", **knobs)


def _resetting(knobs: dict[str, float]) -> dict[str, float]:
    """The neuron's two coupled knobs pulled back into the region in which a spike ends."""
    over = max(knobs["vwidth"] + knobs["vref"] - neuron_design.LATCH, 0.0)
    vref = max(knobs["vref"] - over, neuron_design.KNOBS["vref"][0])
    return knobs | {"vref": vref, "vwidth": min(knobs["vwidth"], neuron_design.LATCH - vref)}


def _any(knobs: dict[str, float]) -> dict[str, float]:
    return knobs


@dataclass(frozen=True)
class Block:
    """A block that can be designed.

    Attributes
    ----------
    ranges : mapping
        Lowest, highest and usual value of every knob, V.
    at_knobs : callable
        Its parameters at a setting.
    quantities : mapping of str to Quantity
        What can be asked of it.
    inside : callable
        The allowed setting nearest to one inside the ranges.
    """

    ranges: Ranges
    at_knobs: Callable[..., dict[str, float]]
    quantities: Mapping[str, Quantity]
    inside: Callable[[dict[str, float]], dict[str, float]] = _any


BLOCKS = {
    "axon_hillock": Block(neuron_design.KNOBS, neuron_knobs.at_knobs, NEURON, _resetting),
    "memory_cell": Block(cell_knobs.KNOBS, cell_knobs.at_knobs, CELL),
    "gate": Block(gate.KNOBS, gate.at_knobs, GATE),
    "eligibility_synapse": Block(update_knobs.GATE_KNOBS, _of_update, SYNAPSE),
}


@dataclass(frozen=True)
class Design:
    """A setting and what the model says of it.

    Attributes
    ----------
    block : str
    targets, values : dict of str to float
        What was asked, and the model's value at the setting.
    knobs : dict of str to float
        V.
    """

    block: str
    targets: dict[str, float]
    values: dict[str, float]
    knobs: dict[str, float]


def design(
    block: str, parameters: Parameters, targets: Mapping[str, float], near: Mapping[str, float] | None = None
) -> Design:
    """Knobs of a block that give every target.

    Parameters
    ----------
    block : str
        One of :data:`BLOCKS`.
    parameters : mapping
        The block's fitted model, SI.
    targets : mapping of str to float
        Wanted values by quantity, SI.
    near : mapping of str to float, optional
        The setting to stay close to, V; the usual knobs by default.

    Raises
    ------
    InputError
        For a block or quantity that is not known, or a target that is not positive.
    OutOfRange
        Where no setting inside the knobs' ranges gives the targets within 1 %.
    """
    known = _checked(block, targets)
    names = list(known.ranges)
    low, high, usual = np.array([known.ranges[name] for name in names]).T

    def setting(x: np.ndarray) -> dict[str, float]:
        return known.inside(dict(zip(names, map(float, low + x * (high - low)), strict=True)))

    def values(x: np.ndarray) -> dict[str, float]:
        p = known.at_knobs(parameters, **setting(x))
        return {name: known.quantities[name].model(p) for name in targets}

    def residuals(x: np.ndarray) -> np.ndarray:
        found = values(x)
        errors = [np.log(max(found[name], 1e-30) / target) for name, target in targets.items()]
        return np.r_[errors, PULL * (x - start)]

    start = ((usual if near is None else np.array([near[name] for name in names])) - low) / (high - low)
    # the laws bend: other starts save a fit that stopped at a bound
    starts = (start, *(np.full_like(start, share) for share in ((0.2, 0.8) if near is None else ())))
    best = min((_solved(residuals, s) for s in starts), key=lambda r: float(r.cost))
    found = values(best.x)
    missed = {name: found[name] for name, target in targets.items() if abs(found[name] / target - 1) > 0.01}
    if missed:
        said = ", ".join(
            f"{name} {known.quantities[name].shown(targets[name])} (nearest "
            f"{known.quantities[name].shown(value)})"
            for name, value in missed.items()
        )
        raise OutOfRange(
            f"no setting of {', '.join(names)} gives {said}", where=block,
            remedy="ask for less, or for fewer things at once; the ranges are those the models were fitted in",
        )  # fmt: skip
    return Design(block, dict(targets), found, setting(best.x))


def _solved(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> Any:
    return least_squares(residuals, np.clip(start, 0.01, 0.99), bounds=(0.0, 1.0), jac="3-point", xtol=1e-10)


def _checked(block: str, targets: Mapping[str, float]) -> Block:
    if block not in BLOCKS:
        raise InputError(f"block {block!r} cannot be designed", remedy=f"one of {', '.join(BLOCKS)}")
    known = BLOCKS[block]
    for name, target in targets.items():
        if name not in known.quantities:
            raise InputError(
                f"{block} has no quantity {name!r}", remedy=f"it has {', '.join(known.quantities)}"
            )
        if not target > 0 or not np.isfinite(target):
            raise InputError(f"{name} = {target:g} cannot be a target", remedy="a positive number, SI units")
    if not targets:
        raise InputError("nothing to design", remedy=f"{block} has {', '.join(known.quantities)}")
    return known


def measured(found: Design, circuit: Circuit, jobs: int | None = None) -> dict[str, float]:
    """What ngspice says of a design, by quantity.

    Parameters
    ----------
    circuit : Circuit
        The block's recipe.

    Raises
    ------
    CircuitError
        Where a point does not solve.
    """
    quantities = BLOCKS[found.block].quantities
    sweeps = {sweep.name: sweep for sweep in circuit.sweeps}
    setting = {name: Axis((value,), "V") for name, value in found.knobs.items()}
    values = {}
    for name in found.targets:
        quantity = quantities[name]
        sweep = sweeps[quantity.sweep]
        axes = {k: Axis(points, sweep.axes[k].unit) for k, points in quantity.axes.items()}
        data = measure(circuit, [replace(sweep, axes=axes | setting)], jobs)
        if failed_points(data):
            raise CircuitError(
                f"ngspice could not measure {name} at "
                + ", ".join(f"{k} = {v:.4g} V" for k, v in found.knobs.items()),
                where=f"{circuit.name}, sweep {sweep.name}", remedy="another target, or fewer corrections",
            )  # fmt: skip
        values[name] = float(quantity.value(data[quantity.sweep]))
    return values


@dataclass(frozen=True)
class Confirmed:
    """A design beside ngspice.

    Attributes
    ----------
    design : Design
        The last one; ``targets`` are those it was asked for.
    measured : list of dict
        ngspice's values, the first of the model's own design, the last of ``design``.
    """

    design: Design
    measured: list[dict[str, float]]

    def residuals(self, step: int = -1) -> dict[str, float]:
        """Measured over wanted, less one."""
        return {name: self.measured[step][name] / target - 1 for name, target in self.design.targets.items()}


def confirmed(
    block: str, parameters: Parameters, targets: Mapping[str, float], circuit: Circuit,
    corrections: int = 2, jobs: int | None = None,
) -> Confirmed:  # fmt: skip
    """Design, measure in ngspice, and correct by what was missed, near the last setting.

    By half of it where all of it would leave the ranges or has not helped.

    Parameters
    ----------
    corrections : int
        How often a measurement moves the model's targets.

    Raises
    ------
    InputError, OutOfRange
        As :func:`design`.
    CircuitError
        Where ngspice cannot measure at a setting.
    """
    found = design(block, parameters, targets)
    seen = [measured(found, circuit, jobs)]
    aims, share = dict(targets), 1.0
    for _ in range(corrections):
        tried = {name: aim * (targets[name] / seen[-1][name]) ** share for name, aim in aims.items()}
        share *= 0.5  # of the next one, unless this one helps
        try:
            moved = replace(design(block, parameters, tried, near=found.knobs), targets=dict(targets))
        except OutOfRange:
            continue
        values = measured(moved, circuit, jobs)
        if _worst(values, targets) < _worst(seen[-1], targets):
            found, aims, share = moved, tried, 1.0
            seen.append(values)
    return Confirmed(found, seen)


def _worst(values: Mapping[str, float], targets: Mapping[str, float]) -> float:
    return max(abs(values[name] / target - 1) for name, target in targets.items())
