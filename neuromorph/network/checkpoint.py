"""Checkpoints: a state in one HDF5 file, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import h5py
import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import RunError

T = TypeVar("T")
SCHEMA = 4
"""Version of the layout; raised when an older reader could misread the file."""


def save(path: Path, tree: Any, facts: Mapping[str, int | float | str]) -> None:
    """Write the arrays of ``tree`` and the ``facts`` (as attributes); atomic.

    All state variables are in design units (see the classes), which the file says.
    """
    partial = path.with_name(path.name + ".part")
    with h5py.File(partial, "w") as file:
        file.attrs["schema"] = SCHEMA
        file.attrs.update(facts)
        for name, leaf in _named(tree).items():
            data = file.create_dataset(name, data=np.asarray(leaf))
            data.attrs["units"] = "design units"
        file.flush()
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(path)


def load(path: Path, like: T) -> tuple[T, dict[str, Any]]:
    """Arrays of ``path`` in the shape of the tree ``like``, and the stored facts.

    Raises
    ------
    RunError
        When the file is missing, damaged, of another schema, or of another network.
    """
    if not path.is_file():
        raise RunError("there is no such checkpoint", where=path, remedy="train the run first")
    try:
        with h5py.File(path, "r") as file:
            facts = dict(file.attrs)
            if facts.pop("schema", None) != SCHEMA:
                raise RunError(
                    f"its schema is not {SCHEMA}", where=path, remedy="train again with this version"
                )
            return _fill(path, file, like), facts
    except OSError as error:
        raise RunError(
            f"it cannot be read ({error})", where=path, remedy="restore it or train again"
        ) from error


def _named(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _fill(path: Path, file: h5py.File, like: T) -> T:
    names, leaves = list(_named(like)), jax.tree.leaves(like)
    missing = [name for name in names if name not in file]
    if missing:
        raise RunError(f"it has no {missing[0]!r}: another network", where=path)
    arrays = []
    for name, leaf in zip(names, leaves, strict=True):
        if file[name].shape != leaf.shape:
            raise RunError(f"{name} is {file[name].shape}, this network's is {leaf.shape}", where=path)
        arrays.append(jnp.asarray(file[name][()], leaf.dtype))
    return jax.tree.unflatten(jax.tree.structure(like), arrays)
