"""neuromorph: analog neuromorphic circuits, from a SPICE netlist to a network that learns music.

The public functions are loaded when first used, so that ``import neuromorph``
and ``neuromorph --help`` need neither JAX nor ngspice.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "characterize": "neuromorph.characterization",
    "fit": "neuromorph.fitting",
    "verify": "neuromorph.fitting",
    "Library": "neuromorph.library",
    "Circuit": "neuromorph.circuit",
    "load_recipe": "neuromorph.characterization",
    "blocks_for": "neuromorph.models.library_blocks",
    "NetworkConfig": "neuromorph.network.config",
    "build_network": "neuromorph.network.simulate",
    "simulate": "neuromorph.network.simulate",
    "train": "neuromorph.tasks.train",
    "evaluate": "neuromorph.tasks.evaluate",
    "generate": "neuromorph.tasks.generate",
    "listen": "neuromorph.tasks.listen",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'neuromorph' has no attribute {name!r}")
