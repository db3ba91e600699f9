"""Frozen dataclasses that JAX can carry through a jitted step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp

T = TypeVar("T")


def static(default: Any) -> Any:
    """Field that is part of the compiled program, not of its data."""
    return field(default=default, metadata={"static": True})


@dataclass_transform(frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Freeze ``cls`` as a dataclass and register it with JAX, field by field."""
    return jax.tree_util.register_dataclass(dataclass(frozen=True)(cls))


def as_float32(tree: T) -> T:
    """The same tree with every leaf a float32 array."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), tree)
