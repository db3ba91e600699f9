"""The same steps in a compiled engine: ``engine.cpp``, built on first use into the user's cache.

The loop of :mod:`neuromorph.spiking.step` is the definition; the engine gives the same to rounding, several times faster,
where a C++ compiler is at hand and every neuron is a LIF.  Without one, or with ``NEUROMORPH_NATIVE=0``, JAX runs alone.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np

from neuromorph import user_cache
from neuromorph.plasticity.spike_pairs import PairSTDP, PostTriggered
from neuromorph.spiking.network import Link, Model
from neuromorph.spiking.neurons import LIF
from neuromorph.spiking.projections import AllButOne, Dense, OneToOne, Sparse
from neuromorph.spiking.step import Events, NetworkState, delivery_order, factors, rule_of

SOURCE = Path(__file__).with_name("engine.cpp")
FLAGS = (
    "-O3", "-march=native", "-mprefer-vector-width=512", "-std=c++17", "-fno-math-errno", "-fno-trapping-math",
    "-shared", "-fPIC",
)  # fmt: skip
SWITCH = "NEUROMORPH_NATIVE"
_VALUES = (
    "rest", "threshold", "reset", "e_exc", "e_inh", "adapt", "membrane", "exc", "inh", "raised", "from_exc", "from_inh",
)  # fmt: skip
_KINDS = {Dense: 0, Sparse: 1, OneToOne: 2, AllButOne: 3}
WATCHED = ("v", "exc", "inh", "raised")
"""Variables that the engine records."""

_float_p = ctypes.POINTER(ctypes.c_float)
_int_p = ctypes.POINTER(ctypes.c_int32)
_word_p = ctypes.POINTER(ctypes.c_uint32)


class _Population(ctypes.Structure):
    _fields_: ClassVar[Any] = (
        [(n, ctypes.c_int64) for n in ("size", "flags", "words")]
        + [("values", _float_p * len(_VALUES)), ("hold", _int_p), ("stride", ctypes.c_int64)]
        + [(n, _float_p) for n in WATCHED]
        + [("wait", _int_p), ("counts", _int_p), ("raster", _word_p)]
    )


class _Source(ctypes.Structure):
    _fields_ = (("start", _int_p), ("channel", _int_p))


class _Link(ctypes.Structure):
    _fields_: ClassVar[Any] = (
        [(n, ctypes.c_int64) for n in ("kind", "source", "target", "port", "rule", "rows", "columns", "wide", "loops")]
        + [(n, ctypes.c_float) for n in ("scale", "rate", "mark", "mu", "highest", "keep_pre", "keep_post")]
        + [(n, _float_p) for n in ("weights", "pre", "post")]
        + [("targets", ctypes.c_void_p), ("line_weights", _float_p)]
    )  # fmt: skip


class _Watch(ctypes.Structure):
    _fields_ = (("source", _float_p), ("into", _float_p), ("size", ctypes.c_int64))


@functools.cache
def engine() -> tuple[Any, str]:
    """The engine's function, or None and the reason why there is none."""
    if os.environ.get(SWITCH, "1") == "0":
        return None, f"{SWITCH}=0"
    compiler = os.environ.get("CXX") or next((c for c in ("c++", "g++", "clang++") if shutil.which(c)), None)
    if compiler is None:
        return None, "no C++ compiler (c++, g++ or clang++)"
    try:
        run = ctypes.CDLL(str(_built(compiler))).neuromorph_run
    except (OSError, RuntimeError, subprocess.SubprocessError) as problem:
        detail = getattr(problem, "stderr", None) or str(problem)
        return (
            None,
            f"{compiler} could not build it: {detail.strip().splitlines()[-1] if detail.strip() else problem}",
        )
    run.restype = None
    return run, ""


def _built(compiler: str) -> Path:
    """Shared library of the engine for this source, compiler and processor."""
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    name = hashlib.sha256(
        "\n".join([SOURCE.read_text(), version, *FLAGS, user_cache.processor()]).encode()
    ).hexdigest()[:20]
    folder = user_cache.folder()
    file = folder / f"engine-{name}.so"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / file.name
        subprocess.run(
            [compiler, *FLAGS, "-o", str(made), str(SOURCE)], capture_output=True, text=True, check=True
        )
        made.replace(file)
    return file


def refused(model: Model, watch: tuple[str, ...]) -> str:
    """Why the engine cannot run ``model``; empty where it can."""
    for name, population in model.populations.items():
        if type(population.neuron) is not LIF:
            return f"{name!r} is of {type(population.neuron).__name__}"
    for name, link in model.links.items():
        if type(link.projection) not in _KINDS or type(rule_of(link)) not in (
            type(None), PostTriggered, PairSTDP,
        ):  # fmt: skip
            return f"{name!r} has a projection or a rule of its own"
        arrays = (link.projection.weights, link.projection.targets) if isinstance(link.projection, Sparse) else (
            (link.projection.weights,) if isinstance(link.projection, Dense) else ())  # fmt: skip
        if any(
            np.ndim(leaf) for leaf in jax.tree.leaves(link.projection) if all(leaf is not a for a in arrays)
        ):
            return f"{name!r} has a parameter that is not one number"
    other = [name for name in watch if name.split(".")[1] not in WATCHED]
    return f"it does not record {other[0]!r}" if other else engine()[1]


_factors = jax.jit(factors)


class NativeRun:
    """A network whose arrays are on the host and whose steps the engine runs."""

    def __init__(
        self, model: Model, state: NetworkState, raster: tuple[str, ...], watch: tuple[str, ...]
    ) -> None:
        self._model, self._raster, self._watch = model, raster, watch
        self._state = jax.tree.map(np.array, state)  # copies: the engine writes into them
        rules = {name: rule for name, link in model.links.items() if (rule := rule_of(link)) is not None}
        neurons = {name: p.neuron for name, p in model.populations.items()}
        self._factors, self._decays = jax.tree.map(np.asarray, _factors(model.dt, neurons, rules))
        self._order = sorted(model.populations)
        self._sources = [name for name, _ in model.sources]
        self._kept_alive: list[Any] = []
        self._populations = (_Population * len(self._order))(
            *[self._population(name) for name in self._order]
        )
        self._links = (_Link * len(model.links))(
            *[self._link(name, model.links[name]) for name in delivery_order(model)]
        )

    def advance(
        self, events: Mapping[str, Events], n: int, capacity: int
    ) -> tuple[dict[str, np.ndarray], list[bool]]:
        """``n`` steps; what they recorded, and whether each population, in the order of names, is finite."""
        kept: dict[str, np.ndarray] = {}
        for at, name in enumerate(self._order):
            words = self._state.words[name].shape[0]
            if name in self._raster:
                kept[name] = np.zeros((n, words), np.uint32)
                self._populations[at].raster = kept[name].ctypes.data_as(_word_p)
        watches = []
        for name in self._watch:
            population, variable = name.split(".")
            array = getattr(self._state.neurons[population], variable)
            kept[name] = np.zeros((n, len(array)), np.float32)
            watches.append(_Watch(_floats(array), _floats(kept[name]), len(array)))
        lists = [(np.asarray(events[name].start), np.asarray(events[name].channel)) for name in self._sources]
        sources = [_Source(a.ctypes.data_as(_int_p), b.ctypes.data_as(_int_p)) for a, b in lists]
        i64 = ctypes.c_int64
        engine()[0](
            i64(n), self._populations, i64(len(self._order)), (_Source * max(len(sources), 1))(*sources),
            self._links, i64(len(self._links)), (_Watch * max(len(watches), 1))(*watches), i64(len(watches)),
        )  # fmt: skip
        self._state.step[...] += n
        return kept, [
            all(bool(np.isfinite(leaf).all()) for leaf in jax.tree.leaves(self._state.neurons[name]))
            for name in self._order
        ]

    def state(self) -> NetworkState:
        """After the last step."""
        return self._state

    def _held(self, array: Any, kind: Any = np.float32) -> np.ndarray:
        held = np.ascontiguousarray(array, kind)
        self._kept_alive.append(held)
        return held

    def _population(self, name: str) -> _Population:
        population, now = self._model.populations[name], self._state.neurons[name]
        neuron: LIF = population.neuron
        factors = self._factors[name]
        adapts = neuron.adapt is not None
        found = {value: getattr(factors if hasattr(factors, value) else neuron, value) for value in _VALUES}
        found["adapt"] = neuron.adapt if adapts else 0.0
        arrays = {value: np.asarray(x, np.float32) for value, x in found.items()}
        hold = np.asarray(factors.wait, np.int32)
        own = any(a.ndim for a in arrays.values()) or bool(hold.ndim)
        shape = (population.size,) if own else (1,)
        made = _Population(population.size, neuron.conductance + 2 * neuron.exact + 4 * adapts,
                           self._state.words[name].shape[0])  # fmt: skip
        for k, value in enumerate(_VALUES):
            made.values[k] = _floats(self._held(np.broadcast_to(arrays[value], shape)))
        made.hold = self._held(np.broadcast_to(hold, shape), np.int32).ctypes.data_as(_int_p)
        made.stride = int(own)
        for variable in WATCHED:
            setattr(made, variable, _floats(getattr(now, variable)))
        made.wait = now.wait.ctypes.data_as(_int_p)
        made.counts = self._state.counts[name].ctypes.data_as(_int_p)
        return made

    def _link(self, name: str, link: Link) -> _Link:
        p, now = link.projection, self._state.links[name]
        source = (
            ~self._sources.index(link.source)
            if link.source in self._sources
            else self._order.index(link.source)
        )
        post = self._model.populations[link.target].size
        made = _Link(kind=_KINDS[type(p)], source=source, target=self._order.index(link.target),
                     port=int(p.port == "inh"), columns=post, loops=1)  # fmt: skip
        if isinstance(p, Dense):
            made.rows, made.wide = now.weights.shape
            made.loops, made.scale = int(p.loops), 1.0 if p.scale is None else float(p.scale)
            made.weights, made.pre, made.post = (_floats(a) for a in (now.weights, now.pre, now.post))
            if p.rule is not None:
                made.keep_pre, made.keep_post = (float(keep) for keep in self._decays[name])
                _set_rule(made, p.rule)
        elif isinstance(p, Sparse):
            table = self._held(p.targets, np.asarray(p.targets).dtype)
            made.rows, made.wide = table.shape
            made.targets = table.ctypes.data_as(ctypes.c_void_p)
            made.line_weights = _floats(self._held(p.weights))
        else:
            made.scale = float(p.weight)
        return made


def _set_rule(made: _Link, rule: PostTriggered | PairSTDP) -> None:
    made.rule = 1 if isinstance(rule, PostTriggered) else 2
    made.highest = float(rule.w_max)
    if isinstance(rule, PostTriggered):
        made.rate, made.mark, made.mu = float(rule.rate), float(rule.target), float(rule.mu)
    else:
        made.rate, made.mark = float(rule.potentiation), float(rule.depression)


def _floats(array: np.ndarray) -> Any:
    return array.ctypes.data_as(_float_p)
