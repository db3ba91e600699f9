"""Where what was compiled once is kept: ``$XDG_CACHE_HOME/neuromorph`` or ``~/.cache/neuromorph``."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path


def folder() -> Path:
    """The folder; it need not be there."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neuromorph"


@functools.cache
def processor() -> str:
    """What machine code depends on, as text: a cache may lie on a disk that several machines share."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(named))) or platform.processor()
