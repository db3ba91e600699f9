"""What a recipe declares about a circuit: netlists, knobs, states, sweeps and how to fit them.

Nothing here knows a particular circuit or device.  A recipe in ``circuits/``
builds one :class:`Circuit`; :mod:`neuromorph.characterization` asks ngspice
what the recipe asks for, and the library keeps the answers.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.errors import CircuitError, NeuromorphError, OutOfRange
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.structure import Structure, read_structure
from neuromorph.units import check_unit

Point = Mapping[str, float]

USUAL_KELVIN = 300.15
"""Temperature at which everything is measured unless it says otherwise, K."""
USUAL_SUPPLY = 0.8
"""Supply of everything unless it says otherwise, V."""
STANDARD_OPTIONS = "method=gear reltol=1e-4 abstol=1e-14 vntol=1e-7 chgtol=1e-19 gmin=1e-15 itl4=50"
"""Tolerances of the product: with ngspice's defaults femtofarad nodes lose spikes silently."""

REFERENCE_OPTIONS = "method=gear reltol=1e-5 abstol=1e-15 vntol=1e-8 chgtol=1e-20 gmin=1e-15 itl4=100 trtol=1"
"""Ten times tighter; the difference to the standard set is a figure's floor."""


def _check_name(name: str, kind: str) -> None:
    """Names become file names and HDF5 groups."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise CircuitError(f"{kind} name {name!r}", remedy="use letters, digits, _ . and -")


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
    from_supply : bool
        It is made from the supply and keeps its distance from it, as the bias of a p transistor does; others count from
        ground.
    """

    name: str
    low: float
    high: float
    default: float
    meaning: str
    unit: str = "V"
    from_supply: bool = False

    def __post_init__(self) -> None:
        check_unit(self.unit, f"knob {self.name}")
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
            raise CircuitError(
                f"an axis needs at least one value, all finite; it has {', '.join(map(str, self.values)) or 'none'}"
            )


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
    optional : bool
        The block can be fitted at its usual knobs without it; coarse plans of samples leave it out.
    """

    name: str
    axes: Mapping[str, Axis]
    bench: Callable[[Circuit, Point], str]
    measure: Callable[[Any, Point], dict[str, Any]]
    outputs: Mapping[str, str]
    inner: Mapping[str, Axis] = field(default_factory=dict)
    held_out: bool = False
    caption: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        where = f"sweep {self.name}"
        _check_name(self.name, "sweep")
        if not self.outputs:
            raise CircuitError(
                "it declares no outputs", where=where, remedy="name every output with its unit"
            )
        for name, unit in self.outputs.items():
            check_unit(unit, f"{where}, output {name}")
        for name, axis in (*self.axes.items(), *self.inner.items()):
            if not isinstance(axis, Axis):
                raise CircuitError(f"axis {name} is a {type(axis).__name__}, not an Axis", where=where)
            check_unit(axis.unit, f"{where}, axis {name}")
        repeated = {*self.axes} & {*self.inner} | {*self.outputs} & {*self.axes, *self.inner}
        if repeated:
            raise CircuitError(f"{', '.join(sorted(repeated))} names two things", where=where)

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
    figures : tuple of str
        Fitted parameters that stand in the table of all blocks.
    pairs : tuple of (str, str)
        Paths of differential pairs (``("xr.xp", "xr.xn")``) whose offset cancels in every parameter, though widths are even
        in it: :func:`neuromorph.characterization.shifts.sensitivity` shifts them apart.
    uneven : tuple of str
        Fitted parameters that say how unlike two sides are, as a ratio (what two mirrors carry), or two whose ratio does
        (``"charge_up - charge_down"``): others are even in its logarithm, as widths are in an offset.
    kelvin : float
        Of its transistors; benches may read it.
    rail_sources : tuple of str
        Voltage sources of its benches, besides its knobs, that are made from the supply and keep their distance from it.
    corner_sweeps : tuple of str
        Optional sweeps that are measured at other temperatures and supplies, too.
    corner_checks : tuple of Sweep
        What ``verify`` measures at random temperatures and supplies.
    score_corners : callable, optional
        ``score_corners(corners) -> list of Figure`` on these, with ``corners`` a list of
        :class:`neuromorph.fitting.corners.CheckedCorner`.
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
    supply: float = USUAL_SUPPLY
    literature: str = ""
    description: str = ""
    limits: str = ""
    published: tuple[Published, ...] = ()
    figures: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    uneven: tuple[str, ...] = ()
    kelvin: float = USUAL_KELVIN
    rail_sources: tuple[str, ...] = ()
    corner_sweeps: tuple[str, ...] = ()
    corner_checks: tuple[Sweep, ...] = ()
    score_corners: Callable[[Any], list[Any]] | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "circuit")
        ports = self.ports()
        for knob in self.knobs:
            if knob.name not in ports:
                raise CircuitError(
                    f"knob {knob.name!r} is not a pin of .subckt {self.subcircuit}",
                    where=self.name,
                    remedy=f"its pins are: {' '.join(ports)}",
                )
        self._check_states()
        self._check_names("knob", [knob.name for knob in self.knobs])
        self._check_names("sweep", [sweep.name for sweep in self.sweeps])
        self._check_names("corner check", [sweep.name for sweep in self.corner_checks])
        if wrong := set(self.corner_sweeps) - {sweep.name for sweep in self.sweeps if not sweep.held_out}:
            raise CircuitError(f"corner_sweeps= names no sweep {', '.join(sorted(wrong))}", where=self.name)
        for sweep in (*self.sweeps, *self.corner_checks):
            self._check_knob_axes(sweep)

    def _check_names(self, kind: str, names: list[str]) -> None:
        for name in names:
            if names.count(name) > 1:
                raise CircuitError(f"two {kind}s are named {name!r}", where=self.name)

    def _check_states(self) -> None:
        structure = self.structure()
        nodes = set(structure[self.subcircuit].nodes)
        for part in structure.parts(self.subcircuit):
            nodes.update(node.lower() for node in part.nodes)
        for state in self.states:
            if state.lower().split(".")[-1] not in nodes:
                raise CircuitError(
                    f"state {state!r} is not a node of .subckt {self.subcircuit}", where=self.name,
                    remedy=f"its nodes are: {' '.join(sorted(structure[self.subcircuit].nodes))}",
                )  # fmt: skip

    def _check_knob_axes(self, sweep: Sweep) -> None:
        for knob in self.knobs:
            axis = sweep.axes.get(knob.name)
            for value in axis.values if axis else ():
                try:
                    self.knob_values({knob.name: value})
                except OutOfRange as error:
                    raise CircuitError(f"sweep {sweep.name}: {error.what}", where=self.name) from error

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
        return self.structure()[subcircuit or self.subcircuit].ports

    def structure(self) -> Structure:
        """Subcircuits of the netlists with their pins and elements."""
        return read_structure(self.netlists)

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
                    f"knob {knob.name} = {value:g} {knob.unit} is outside "
                    f"{knob.low:g}..{knob.high:g} {knob.unit}",
                    where=self.name,
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
        return f"{title}\n{self.netlist_text()}\n{self.bench(sweep, point)}\n"

    def bench(self, sweep: Sweep, point: Point) -> str:
        """The recipe's own cards of one point.

        Raises
        ------
        CircuitError
            When the recipe's bench function fails.
        """
        where = f"{self.name}, sweep {sweep.name}"
        try:
            text = sweep.bench(self, point)
        except NeuromorphError:
            raise
        except Exception as error:
            values = " ".join(f"{name}={value:g}" for name, value in point.items())
            raise CircuitError(
                f"its bench fails at {values}: {type(error).__name__}: {error}", where=where
            ) from error
        if not isinstance(text, str):
            raise CircuitError(f"its bench returns {type(text).__name__}, not text", where=where,
                               remedy="return circuit.testbench(...)")  # fmt: skip
        return text

    def sweep(self, name: str) -> Sweep:
        """A sweep by its name."""
        for sweep in self.sweeps:
            if sweep.name == name:
                return sweep
        raise CircuitError(f"no sweep {name!r}", where=self.name)


def _one_message(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """A mistake in a recipe that runs as a script is one message, as on the command line."""
    main = sys.modules["__main__"]
    if isinstance(error, NeuromorphError) and getattr(main, "Circuit", None) is Circuit:
        print(f"neuromorph: {getattr(main, '__file__', '')}: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if sys.excepthook is sys.__excepthook__:
    sys.excepthook = _one_message
