"""Say that a network does not fit before its memory is taken."""

from __future__ import annotations

from pathlib import Path

from neuromorph.errors import InputError

_MEMINFO = Path("/proc/meminfo")
_GIB = 1024**3


def available() -> int | None:
    """Bytes that can still be taken, None where the system does not say."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable")]
    return int(found[0][1]) * 1024 if found else None


def require_memory(
    size: int, what: str, remedy: str = "make the network smaller, or connect it sparsely"
) -> None:
    """Raise :class:`InputError` where ``size`` bytes for ``what`` are not there."""
    free = available()
    if free is not None and size > free:
        raise InputError(
            f"{what} take {size / _GIB:.1f} GiB, {free / _GIB:.1f} GiB are free",
            remedy=remedy,
        )
