"""Run a general spiking network in pieces of one compiled loop, and what it recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError, SimulationDiverged
from neuromorph.models.events import pack, unpacked
from neuromorph.network.compiler import compile_loops_whole, keep_compiled
from neuromorph.spiking.memory import require_memory
from neuromorph.spiking.native import NativeRun, refused
from neuromorph.spiking.network import Link, Model, SpikeList
from neuromorph.spiking.projections import Sparse
from neuromorph.spiking.records import InFile, InMemory, Layout, Recorded
from neuromorph.spiking.step import Events, NetworkState, initial_state, prepared, settled, step

compile_loops_whole()
keep_compiled()

LONGEST_PIECE = 16384
"""Steps that the compiled loop runs before what was recorded leaves it."""
BUFFER_BYTES = 32 * 1024**2
"""What a piece records, at most."""
_GRAIN = 16384


@dataclass(frozen=True)
class SpikingRun:
    """What came of a run.

    Parameters
    ----------
    dt : step, s
    state : after the last step; pass it to go on
    counts : spikes of each neuron by population, since the state's beginning
    words : packed rasters of the populations asked for, uint32 [steps, words]
    watched : recorded variables, [records, neurons], by ``population.variable``; of a run into a file they are read from it
        where they are indexed
    sizes : neurons by population
    """

    dt: float
    state: NetworkState
    counts: dict[str, np.ndarray]
    words: dict[str, Recorded] = field(default_factory=dict)
    watched: dict[str, Recorded] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def raster(self, name: str, part: slice = slice(None)) -> np.ndarray:
        """Spikes of a population, bool [steps, neurons], or of a part of the steps."""
        if name not in self.words:
            raise InputError(
                f"no raster of {name!r} was recorded",
                remedy=f"run with raster=({name!r},); there are {sorted(self.words)}",
            )
        return unpacked(np.asarray(self.words[name][part]), self.sizes[name])

    def weights(self, name: str) -> np.ndarray:
        """Weights [pre, post] of a dense projection after the run."""
        link = self.state.links.get(name)
        dense = sorted(n for n, s in self.state.links.items() if s.weights.size)
        if link is None or name not in dense:
            raise InputError(f"no weights of {name!r}", remedy=f"dense projections are {dense}")
        return np.asarray(link.weights)[:, : self.sizes[name]]


def run(
    model: Model,
    steps: int,
    inputs: Mapping[str, SpikeList],
    *,
    raster: tuple[str, ...] = (),
    watch: tuple[str, ...] = (),
    every: int = 1,
    state: NetworkState | None = None,
    backend: str = "auto",
    file: Path | str | None = None,
) -> SpikingRun:
    """``steps`` steps from ``state``, or from rest.

    Parameters
    ----------
    inputs : spikes of every source; steps count from the beginning of this run
    raster : populations of which every spike is kept
    watch : variables kept as ``population.variable``, at every ``every``-th step
    backend : ``jax``, ``native`` (:mod:`neuromorph.spiking.native`), or ``auto``: native where it can be
    file : HDF5 file, not there yet, that takes rasters and variables as the run goes on, so that they do not fill memory

    Raises
    ------
    InputError
        For inputs or a state that do not fit, unknown names, ``every`` below 1, a backend that cannot run the network, or a
        file that is there already.
    SimulationDiverged
        When a potential is no longer finite; the error has what was recorded until then.
    """
    lists = _checked(model, steps, inputs, raster, watch, every)
    runner = _runner(model, _begun(model, state), raster, watch, backend)
    layout = _layout(runner.state(), raster, watch)
    if file is None:
        rows = {name: -(-steps // every) if name in watch else steps for name in layout}
        # pieces, and the arrays they are joined into
        size = 2 * sum(rows[name] * math.prod(shape) * 4 for name, (shape, _) in layout.items())
        require_memory(size, f"records of {steps} steps", "record into a file=, or less often with every=")
    records = InMemory(layout) if file is None else InFile(
        Path(file), layout, {"dt": float(model.dt), "every": every, "neurons": json.dumps(_sizes(model))}
    )  # fmt: skip
    try:
        _advance(model, runner, records, steps, lists, raster, watch, every)
        return _result(model, runner.state(), records.so_far(), raster, watch)
    finally:
        records.close()


def _advance(
    model: Model, runner: JaxRun | NativeRun, records: InMemory | InFile, steps: int, lists: dict[str, SpikeList],
    raster: tuple[str, ...], watch: tuple[str, ...], every: int,
) -> None:  # fmt: skip
    """All steps, piece by piece."""
    capacity = _capacity(runner.state(), raster, watch)
    for first in range(0, steps, capacity):
        n = min(capacity, steps - first)
        events = {name: _piece(spikes, first, n, capacity) for name, spikes in lists.items()}
        kept, finite = runner.advance(events, n, capacity)
        for name in raster:
            records.add(name, kept[name])
        for name in watch:
            records.add(name, kept[name][np.flatnonzero((first + np.arange(n)) % every == 0)])
        bad = [name for name, well in zip(sorted(model.populations), finite, strict=True) if not well]
        if bad:
            raise SimulationDiverged(
                f"{bad[0]!r} is not finite between {first * float(model.dt):g} and {(first + n) * float(model.dt):g} s",
                _result(model, runner.state(), records.so_far(), raster, watch),
                remedy="a smaller dt, or smaller weights",
            )


def _layout(state: NetworkState, raster: tuple[str, ...], watch: tuple[str, ...]) -> Layout:
    """What a record of each name is."""
    words = {name: (state.words[name].shape, np.uint32) for name in raster}
    return words | {name: (_watched(state, name).shape, np.float32) for name in watch}


def _sizes(model: Model) -> dict[str, int]:
    return {name: p.size for name, p in model.populations.items()}


class JaxRun:
    """A network whose steps are the compiled loop of :func:`run_piece`."""

    def __init__(
        self, model: Model, state: NetworkState, raster: tuple[str, ...], watch: tuple[str, ...]
    ) -> None:
        links = {name: _expanded(link) for name, link in model.links.items()}
        self._model, self._recorded = replace(model, links=links), (raster, watch)
        self._state = jax.tree.map(jnp.array, state)  # copies: their buffers are given away

    def advance(
        self, events: Mapping[str, Events], n: int, capacity: int
    ) -> tuple[dict[str, np.ndarray], list[bool]]:
        """``n`` steps; what they recorded, and whether each population, in the order of names, is finite."""
        self._state, kept, finite = run_piece(
            self._model, self._state, events, jnp.int32(n), capacity, *self._recorded
        )
        return {name: np.asarray(values)[:n] for name, values in kept.items()}, [
            bool(f) for f in np.asarray(finite)
        ]

    def state(self) -> NetworkState:
        """After the last step."""
        return self._state


def _expanded(link: Link) -> Link:
    """Lists as rows, where these are quicker."""
    return replace(link, projection=link.projection.expanded) if isinstance(link.projection, Sparse) else link


def _begun(model: Model, state: NetworkState | None) -> NetworkState:
    """The state to begin with; one that is handed in must be of this network."""
    fresh = initial_state(model)
    if state is None:
        return fresh
    own, theirs = (
        jax.tree.map(lambda leaf: (np.shape(leaf), np.dtype(leaf.dtype).name), s) for s in (fresh, state)
    )
    if own != theirs:
        raise InputError(
            "the state is not of this network", remedy="pass the state of a run of the same network"
        )
    return state


def _runner(
    model: Model, state: NetworkState, raster: tuple[str, ...], watch: tuple[str, ...], backend: str
) -> JaxRun | NativeRun:
    if backend not in ("auto", "jax", "native"):
        raise InputError(f"backend {backend!r}", remedy="auto, jax or native")
    reason = "" if backend == "jax" else refused(model, watch)
    if backend == "native" and reason:
        raise InputError(f"the native engine cannot run this network: {reason}", remedy="backend='jax'")
    return (JaxRun if backend == "jax" or reason else NativeRun)(model, state, raster, watch)


@partial(jax.jit, static_argnames=("capacity", "raster", "watch"), donate_argnames=("state",))
def run_piece(
    model: Model, state: NetworkState, events: Mapping[str, Events], n: jax.Array, capacity: int,
    raster: tuple[str, ...], watch: tuple[str, ...],
) -> tuple[NetworkState, dict[str, jax.Array], jax.Array]:  # fmt: skip
    """At most ``capacity`` steps; ``n`` is data, so that every length is the same program.

    Returns the state, what was recorded, and whether each population, in the order of names, is finite.
    """
    ready = prepared(model)
    kept = {name: jnp.zeros((capacity, *state.words[name].shape), jnp.uint32) for name in raster}
    kept |= {name: jnp.zeros((capacity, *_watched(state, name).shape), jnp.float32) for name in watch}

    def body(
        t: jax.Array, carry: tuple[NetworkState, dict[str, jax.Array]]
    ) -> tuple[NetworkState, dict[str, jax.Array]]:
        now, kept = carry
        now, fired = step(model, ready, events, t, now)
        kept = dict(kept)
        for name in raster:
            kept[name] = kept[name].at[t].set(pack(fired[name]))
        for name in watch:
            kept[name] = kept[name].at[t].set(_watched(now, name))
        return now, kept

    state, kept = jax.lax.fori_loop(0, n, body, (state, kept))
    finite = jnp.stack([_finite(state.neurons[name]) for name in sorted(model.populations)])
    return settled(model, state), kept, finite


def _capacity(state: NetworkState, raster: tuple[str, ...], watch: tuple[str, ...]) -> int:
    """Steps of a piece: a power of two whose records fit the buffer."""
    width = sum(state.words[name].nbytes for name in raster) + sum(
        _watched(state, name).nbytes for name in watch
    )
    fit = max(BUFFER_BYTES // max(width, 1), 1)
    return min(LONGEST_PIECE, 1 << (fit.bit_length() - 1))


def _watched(state: NetworkState, name: str) -> jax.Array:
    population, variable = name.split(".")
    return jnp.asarray(getattr(state.neurons[population], variable), jnp.float32)


def _finite(state: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state)]))


def _piece(spikes: SpikeList, first: int, n: int, capacity: int) -> Events:
    """Spikes of ``n`` steps from ``first`` on, the list as long as a whole number of grains."""
    edges = np.searchsorted(spikes.steps, first + np.minimum(np.arange(capacity + 1), n))
    channel = spikes.channels[edges[0] : edges[-1]]
    padded = np.pad(channel, (0, -len(channel) % _GRAIN or (_GRAIN if not len(channel) else 0)))
    return Events(jnp.asarray(edges - edges[0], jnp.int32), jnp.asarray(padded, jnp.int32))


def _checked(
    model: Model,
    steps: int,
    inputs: Mapping[str, SpikeList],
    raster: tuple[str, ...],
    watch: tuple[str, ...],
    every: int,
) -> dict[str, SpikeList]:
    sizes = dict(model.sources)
    wrong = set(inputs) ^ set(sizes)
    if wrong:
        raise InputError(
            f"inputs for {sorted(inputs)}, sources are {sorted(sizes)}", remedy="one SpikeList a source"
        )
    if steps < 1 or every < 1:
        raise InputError(f"{steps} steps, recorded at every {every}", remedy="both are at least 1")
    unknown = [name for name in raster if name not in model.populations]
    for name in watch:
        population, _, variable = name.partition(".")
        known = model.populations.get(population)
        if known is None or not hasattr(known.neuron.initial(known.size), variable):
            unknown.append(name)
    if unknown:
        raise InputError(f"cannot record {unknown}", remedy=f"populations are {sorted(model.populations)}; a variable is "
                         "named population.variable, as E.v")  # fmt: skip
    return {name: spikes.checked(name, sizes[name]) for name, spikes in inputs.items()}


def _result(
    model: Model,
    state: NetworkState,
    found: dict[str, Recorded],
    raster: tuple[str, ...],
    watch: tuple[str, ...],
) -> SpikingRun:
    sizes = _sizes(model)
    sizes |= {name: model.populations[link.target].size for name, link in model.links.items()}
    return SpikingRun(
        float(model.dt),
        state,
        {name: np.asarray(c) for name, c in state.counts.items()},
        {name: found[name] for name in raster},
        {name: found[name] for name in watch},
        sizes,
    )
