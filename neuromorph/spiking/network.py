"""General spiking networks: populations, sources and projections, run by one compiled loop.

    net = SpikingNetwork(dt=0.5e-3)
    net.source("input", 784)
    net.population("E", 400, LIF(tau=0.1, threshold=1.0))
    net.project("input", "E", Dense(weights, rule=PostTriggered(0.01, 0.4, 0.2)))
    run = net.run(10.0, {"input": SpikeList(steps, channels)}, raster=("E",))

A step: states advance from their old values; neurons over threshold fire; their spikes and the sources' are delivered;
weights move; fired neurons are reset.  What a spike delivers acts at the next step; there is no other delay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.models.pytree import pytree, static
from neuromorph.spiking.memory import require_memory
from neuromorph.spiking.projections import AllButOne, Dense, OneToOne, Projection, Sparse, target_type


@pytree
class Population:
    """``size`` neurons of one model."""

    neuron: Any
    size: int = static(1)


@pytree
class Link:
    """A projection and the names at its ends."""

    projection: Any
    source: str = static("")
    target: str = static("")


@pytree
class Model:
    """What the compiled loop runs: numbers are its data, names and sizes its program.

    Parameters
    ----------
    dt : step, s
    populations, links : by name
    sources : name and size of each
    """

    dt: jax.Array
    populations: dict[str, Population]
    links: dict[str, Link]
    sources: tuple[tuple[str, int], ...] = static(())

    def size(self, name: str) -> int:
        """Lines of a population or source."""
        return dict(self.sources).get(name) or self.populations[name].size


@dataclass(frozen=True)
class SpikeList:
    """Spikes of a source in any order: ``steps`` and ``channels``, integers [spikes]."""

    steps: np.ndarray
    channels: np.ndarray

    def checked(self, name: str, size: int) -> SpikeList:
        """In order of the steps.

        Raises
        ------
        InputError
            When the arrays do not fit each other or the source.
        """
        steps, channels = np.asarray(self.steps), np.asarray(self.channels)
        if steps.shape != channels.shape or steps.ndim != 1:
            raise InputError(f"spikes of {name!r}: steps have shape {steps.shape}, channels {channels.shape}",
                             remedy="give one step and one channel a spike")  # fmt: skip
        if len(steps) and not (
            np.issubdtype(steps.dtype, np.integer) and np.issubdtype(channels.dtype, np.integer)
        ):
            raise InputError(f"spikes of {name!r} are not integers but {steps.dtype}, {channels.dtype}",
                             remedy="a spike is a step and a channel: divide times by dt and round")  # fmt: skip
        if len(steps) and (steps.min() < 0 or channels.min() < 0 or channels.max() >= size):
            worst = int(channels.max()) if channels.max() >= size else int(min(steps.min(), channels.min()))
            raise InputError(f"spikes of {name!r}: {worst} is not a step or a channel",
                             remedy=f"steps begin at 0, channels are 0 ... {size - 1}")  # fmt: skip
        order = np.argsort(steps, kind="stable")
        return SpikeList(steps[order].astype(np.int64), channels[order].astype(np.int32))


@dataclass
class SpikingNetwork:
    """Populations, sources and projections under their names; ``dt`` is the step, s."""

    dt: float
    populations: dict[str, Population] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.dt > 0:
            raise InputError(f"dt = {self.dt!r}", remedy="a step takes time: dt > 0")

    def source(self, name: str, size: int) -> None:
        """A source of given spikes with ``size`` channels."""
        self._new(name, size)
        self.sources[name] = size

    def population(self, name: str, size: int, neuron: Any) -> None:
        """``size`` neurons of a model of :mod:`neuromorph.spiking.neurons`.

        Raises
        ------
        InputError
            For a name that is taken, no neurons, parameters of another number of neurons, or ones that cannot be.
        """
        self._new(name, size)
        for leaf in jax.tree.leaves(neuron):
            if np.shape(leaf) not in ((), (size,)):
                raise InputError(f"{name!r}: a parameter of shape {np.shape(leaf)} for {size} neurons",
                                 remedy="give one number, or one a neuron")  # fmt: skip
        if fault := neuron.fault():
            raise InputError(
                f"{name!r}: {fault}", remedy="leave exact out, or change the time constant a little"
            )
        self.populations[name] = Population(neuron, size)

    def project(self, source: str, target: str, projection: Projection, name: str | None = None) -> str:
        """From a source or population to a population; returns its name, ``source->target`` unless given.

        Raises
        ------
        InputError
            For unknown ends, weights of another shape, a port that the target does not have, or more than fits memory.
        """
        known = {**self.sources, **{n: p.size for n, p in self.populations.items()}}
        for end in (source, target):
            if end not in known:
                raise InputError(f"no population or source {end!r}", remedy=f"there are {sorted(known)}")
        if target in self.sources:
            raise InputError(f"{target!r} is a source: nothing projects onto it")
        name = name or f"{source}->{target}"
        if name in self.links:
            raise InputError(f"there is a projection {name!r} already", remedy="give this one a name=")
        ports = self.populations[target].neuron.ports
        if projection.port not in ports:
            raise InputError(
                f"{target!r} has no port {projection.port!r}", remedy=f"it has {', '.join(ports)}"
            )
        _check_shape(name, projection, known[source], known[target], source in self.sources)
        self.links[name] = Link(projection, source, target)
        return name

    def model(self) -> Model:
        """What the compiled loop takes."""
        if not self.populations:
            raise InputError("a network without a population", remedy="add one with population()")
        return Model(
            jnp.float32(self.dt), dict(self.populations), dict(self.links), tuple(self.sources.items())
        )

    def run(
        self,
        seconds: float,
        inputs: Mapping[str, SpikeList] | None = None,
        *,
        raster: Sequence[str] = (),
        watch: Sequence[str] = (),
        every: int = 1,
        state: Any = None,
        backend: str = "auto",
        file: Path | str | None = None,
    ) -> Any:
        """Run for ``seconds``; see :func:`neuromorph.spiking.run.run`."""
        from neuromorph.spiking.run import run

        return run(
            self.model(), round(seconds / self.dt), inputs or {},
            raster=tuple(raster), watch=tuple(watch), every=every, state=state, backend=backend, file=file,
        )  # fmt: skip

    def run_streams(
        self,
        seconds: float,
        streams: Sequence[Mapping[str, SpikeList]],
        *,
        workers: int | None = None,
        states: Sequence[Any] | None = None,
        backend: str = "auto",
    ) -> list[Any]:
        """Run a copy of the network for each of ``streams``; see :func:`neuromorph.spiking.streams.run_streams`."""
        from neuromorph.spiking.streams import run_streams

        return run_streams(
            self.model(), round(seconds / self.dt), streams, workers=workers, states=states, backend=backend
        )

    def _new(self, name: str, size: int) -> None:
        if name in self.sources or name in self.populations:
            raise InputError(f"there is a population or source {name!r} already")
        if size < 1:
            raise InputError(f"{name!r} of size {size}", remedy="at least one")


def _check_lists(name: str, projection: Sparse) -> None:
    """The compiled step trusts a list: it is looked through once, here."""
    table, size = np.asarray(projection.targets), projection.size
    if np.shape(projection.weights) != table.shape[:1]:
        raise InputError(f"{name!r}: weights of shape {np.shape(projection.weights)} for {len(table)} lines",
                         remedy="give one weight a line")  # fmt: skip
    none = table == size
    wrong = table.dtype != target_type(size) or table.min(initial=0) < 0 or table.max(initial=0) > size
    if wrong or bool(np.any(none[:, :-1] & ~none[:, 1:])):
        raise InputError(f"{name!r}: targets are not lists of 0 ... {size - 1} that end with {size}",
                         remedy="make them with Sparse.from_lists")  # fmt: skip


def _check_shape(name: str, projection: Projection, pre: int, post: int, from_source: bool) -> None:
    shape: tuple[int, ...]
    wanted: tuple[int, ...] = (pre, post)
    if isinstance(projection, Dense):
        shape = np.shape(projection.weights)
        require_memory(4 * pre * post, f"weights of {name!r}")
        if not projection.loops and pre != post:
            raise InputError(f"{name!r}: only a population onto itself has loops", remedy="leave loops out")
        if from_source and projection.rule is not None and projection.rule.has_rows:
            raise InputError(f"{name!r}: {type(projection.rule).__name__} is for populations, not for sources",
                             remedy="relay the source through a population, or take PostTriggered")  # fmt: skip
    elif isinstance(projection, Sparse):
        shape = (np.shape(projection.targets)[0], projection.size)
        _check_lists(name, projection)
    elif isinstance(projection, OneToOne | AllButOne):
        shape, wanted = (pre,), (post,)
        if from_source:
            raise InputError(f"{name!r}: {type(projection).__name__} is for populations", remedy="take Dense")
    else:
        raise InputError(f"{name!r}: {type(projection).__name__} is no projection")
    if tuple(shape) != wanted:
        raise InputError(f"{name!r} has shape {tuple(shape)}", remedy=f"its ends ask for {wanted}")
