"""What a recipe declares about a circuit: netlists, knobs, states, sweeps and how to fit them.

Nothing here knows a particular circuit or device.  A recipe in ``circuits/``
builds one :class:`Circuit`; :mod:`neuromorph.characterization` asks ngspice
what the recipe asks for, and the library keeps the answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.errors import CircuitError, OutOfRange
from neuromorph.spice.netlist import load_netlist, subcircuit_ports

Point = Mapping[str, float]

STANDARD_OPTIONS = "method=gear reltol=1e-4 abstol=1e-14 vntol=1e-7 chgtol=1e-19 gmin=1e-15 itl4=50"
"""Tolerances of the product: with ngspice's defaults femtofarad nodes lose spikes silently."""

REFERENCE_OPTIONS = "method=gear reltol=1e-5 abstol=1e-15 vntol=1e-8 chgtol=1e-20 gmin=1e-15 itl4=100 trtol=1"
"""Ten times tighter; the difference to the standard set is a figure's floor."""


@dataclass(frozen=True)
class Knob:
    """A control voltage of a block.

    Attributes
    ----------
    low, high, default : float
        Range over which the block is characterized and the usual value, SI.
    unit : str
        Unit of the three.
    meaning : str
        What it does, in the field's words.
    """

    name: str
    low: float
    high: float
    default: float
    meaning: str
    unit: str = "V"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise CircuitError(f"knob {self.name} has the empty range {self.low}..{self.high}")
        if not self.low <= self.default <= self.high:
            raise CircuitError(
                f"knob {self.name} has its default {self.default} outside {self.low}..{self.high}"
            )


@dataclass(frozen=True)
class Axis:
    """Values of one swept quantity, SI, with their unit."""

    values: tuple[float, ...]
    unit: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(float(v) for v in self.values))
        if not self.values or not np.all(np.isfinite(self.values)):
            raise CircuitError("an axis needs at least one value, all finite")


def linear(low: float, high: float, count: int, unit: str = "V") -> Axis:
    """``count`` evenly spaced values."""
    return Axis(tuple(np.linspace(low, high, count)), unit)


def logarithmic(low: float, high: float, count: int, unit: str = "A") -> Axis:
    """``count`` values with a constant ratio."""
    return Axis(tuple(np.geomspace(low, high, count)), unit)


@dataclass(frozen=True)
class Sweep:
    """One question to the circuit, asked at every combination of its axes.

    Attributes
    ----------
    axes : mapping of str to Axis
        Outer axes; one ngspice run a combination.
    bench : callable
        ``bench(circuit, point) -> str``: the netlist's cards after the blocks,
        from stimuli to analysis (use :meth:`Circuit.testbench`).
    measure : callable
        ``measure(waveforms, point) -> dict`` of floats or arrays, SI.
    outputs : mapping of str to str
        Unit of every measured quantity.
    inner : mapping of str to Axis
        Axes of array-valued outputs, in order.
    held_out : bool
        Measured by ``verify`` only, never seen by a fit.
    """

    name: str
    axes: Mapping[str, Axis]
    bench: Callable[[Circuit, Point], str]
    measure: Callable[[Any, Point], dict[str, Any]]
    outputs: Mapping[str, str]
    inner: Mapping[str, Axis] = field(default_factory=dict)
    held_out: bool = False
    caption: str = ""

    def points(self) -> Iterator[tuple[tuple[int, ...], Point]]:
        """Indices and axis values of every combination, in a fixed order."""
        ranges = [range(len(axis.values)) for axis in self.axes.values()]
        for index in itertools.product(*ranges):
            yield (
                index,
                {name: axis.values[i] for (name, axis), i in zip(self.axes.items(), index, strict=True)},
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each outer axis."""
        return tuple(len(axis.values) for axis in self.axes.values())


@dataclass(frozen=True)
class Published:
    """A value from the literature beside the fitted parameter it corresponds to.

    Attributes
    ----------
    quantity : str
        What is compared, in words.
    parameter : str
        Name of the fitted parameter.
    value : str
        The published value with its unit, or the range, as text.
    source : str
        Paper, and how comparable it is.
    """

    quantity: str
    parameter: str
    value: str
    source: str


@dataclass(frozen=True)
class Circuit:
    """A block and how to ask it.

    Attributes
    ----------
    netlists : tuple of Path
        Files that together hold the subcircuit and all it uses.
    subcircuit : str
        The block under test.
    knobs : tuple of Knob
        Ports driven by constant voltages.
    states : tuple of str
        Slow nodes that carry the block's memory.
    fit : callable, optional
        ``fit(data) -> FittedModel`` with ``data`` a
        :class:`neuromorph.library.BlockData`.
    score : callable, optional
        ``score(model, data) -> list of Figure`` on held-out sweeps.
    supply : float
        V.
    literature : str
        What the block emulates and in which paper; what is our own.
    description, limits : str
        How it works, and where it stops to; paragraphs of its page.
    published : tuple of Published
        Literature values beside ours.
    """

    name: str
    summary: str
    netlists: tuple[Path, ...]
    subcircuit: str
    knobs: tuple[Knob, ...]
    states: tuple[str, ...]
    sweeps: tuple[Sweep, ...]
    transistors: int
    fit: Callable[[Any], Any] | None = None
    score: Callable[[Any, Any], list[Any]] | None = None
    supply: float = 0.8
    literature: str = ""
    description: str = ""
    limits: str = ""
    published: tuple[Published, ...] = ()

    def __post_init__(self) -> None:
        ports = self.ports()
        for knob in self.knobs:
            if knob.name not in ports:
                raise CircuitError(
                    f"knob {knob.name!r} is not a pin of .subckt {self.subcircuit}",
                    where=self.name,
                    remedy=f"its pins are: {' '.join(ports)}",
                )
        text = self.netlist_text().lower()
        for state in self.states:
            if state.lower() not in text.split():
                raise CircuitError(
                    f"state {state!r} is not a node of .subckt {self.subcircuit}", where=self.name
                )

    def netlist_text(self) -> str:
        """The blocks' netlists, includes expanded, as ngspice reads them."""
        return "\n".join(load_netlist(path) for path in self.netlists)

    def with_devices(self, library: Path) -> Circuit:
        """The same circuit on another device library, which defines the same flavours.

        Parameters
        ----------
        library : Path
            Takes the place of the netlist ``cnfet.lib``.

        Raises
        ------
        CircuitError
            When the circuit has no such netlist.
        """
        if not any(path.name == "cnfet.lib" for path in self.netlists):
            raise CircuitError("no netlist cnfet.lib to replace", where=self.name)
        swapped = tuple(Path(library) if path.name == "cnfet.lib" else path for path in self.netlists)
        return replace(self, netlists=swapped)

    def ports(self, subcircuit: str | None = None) -> tuple[str, ...]:
        """Pins of a subcircuit, in order."""
        return subcircuit_ports(self.netlist_text(), subcircuit or self.subcircuit, self.name)

    def knob_values(self, point: Point) -> dict[str, float]:
        """Knob voltages at a point: its own or the defaults.

        Raises
        ------
        OutOfRange
            When the point leaves a knob's range.
        """
        values = {}
        for knob in self.knobs:
            value = point.get(knob.name, knob.default)
            if not knob.low - 1e-12 <= value <= knob.high + 1e-12:
                raise OutOfRange(
                    f"{self.name}: knob {knob.name} = {value:g} {knob.unit} is outside "
                    f"{knob.low:g}..{knob.high:g} {knob.unit}"
                )
            values[knob.name] = value
        return values

    def testbench(
        self,
        point: Point,
        cards: str,
        analysis: str,
        save: str,
        subcircuit: str | None = None,
        options: str = "",
    ) -> str:
        """Supply, knob sources, the block as ``xdut`` and the recipe's own cards.

        Every pin becomes a top-level node of the same name.
        """
        ports = self.ports(subcircuit)
        lines = [f"vdd vdd 0 {point.get('vdd', self.supply):.9g}"]
        lines += [f"v_{k} {k} 0 {v:.9g}" for k, v in self.knob_values(point).items() if k in ports]
        lines += [f"xdut {' '.join(ports)} {subcircuit or self.subcircuit}", cards.strip()]
        lines += [f".options {options or STANDARD_OPTIONS}", f".save {save}", analysis, ".end"]
        return "\n".join(lines)

    def deck(self, sweep: Sweep, point: Point) -> str:
        """The complete netlist of one point of a sweep."""
        values = " ".join(f"{name}={value:g}" for name, value in point.items())
        title = f"* {self.name} / {sweep.name}: {values}"
        return f"{title}\n{self.netlist_text()}\n{sweep.bench(self, point)}\n"

    def sweep(self, name: str) -> Sweep:
        """A sweep by its name."""
        for sweep in self.sweeps:
            if sweep.name == name:
                return sweep
        raise CircuitError(f"no sweep {name!r}", where=self.name)
