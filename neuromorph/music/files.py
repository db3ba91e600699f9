"""Files in and out: whole or not at all, measured before they are read."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuromorph.errors import InputError


@contextmanager
def atomic_path(path: str | os.PathLike[str], error: type[InputError] = InputError) -> Iterator[Path]:
    """Hand out a temporary name beside ``path`` and move it there on success.

    A reader sees the old file or the complete new one; after an exception the
    temporary file is gone and the old one untouched.

    Parameters
    ----------
    path : path
        Where the file shall end up; missing folders are made.
    error : type
        Which :class:`InputError` to raise.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    target = Path(path)
    partial = _reserve(target, error)
    try:
        yield partial
        os.replace(partial, target)
    except OSError as problem:
        raise _unwritable(target, problem, error) from problem
    finally:
        partial.unlink(missing_ok=True)


def _reserve(target: Path, error: type[InputError]) -> Path:
    """Make an empty temporary file with the target's suffix in its folder."""
    if target.is_dir():
        raise error("is a folder, not a file", where=target, remedy="give a file name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem[:32]}-", suffix=f".partial{target.suffix}", dir=target.parent
        )
    except OSError as problem:
        raise _unwritable(target, problem, error) from problem
    os.fchmod(handle, 0o666 & ~_umask())
    os.close(handle)
    return Path(name)


def _umask() -> int:
    """The process's file mode mask (reading it means setting it)."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _unwritable(target: Path, problem: OSError, error: type[InputError]) -> InputError:
    reason = problem.strerror or str(problem)
    return error(f"cannot be written ({reason})", where=target, remedy="choose a folder you may write to")


def checked_size(path: str | os.PathLike[str], limit_bytes: int, error: type[InputError]) -> int:
    """Size of a readable, regular, non-empty file in bytes, refused over the limit.

    Raises
    ------
    InputError
        (of the type ``error``) when the file is missing, a folder, not a
        regular file, empty, unreadable or larger than ``limit_bytes``.
    """
    path = Path(path)
    if not path.exists():
        raise error("no such file", where=path, remedy="check the path")
    if not path.is_file():
        raise error("is not a regular file", where=path, remedy="give the path of one file")
    if not os.access(path, os.R_OK):
        raise error("may not be read", where=path, remedy="check the file's permissions")
    size = path.stat().st_size
    if size == 0:
        raise error("is empty (0 bytes)", where=path, remedy="give a file with content")
    if size > limit_bytes:
        raise error(
            f"has {size / 2**20:.0f} MiB, over the limit of {limit_bytes / 2**20:.0f} MiB",
            where=path,
            remedy="cut it into smaller files",
        )
    return size


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
