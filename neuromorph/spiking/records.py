"""What a run recorded: in memory, or in an HDF5 file that grows piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neuromorph.errors import InputError

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Filed:
    """An array in a file, read where it is indexed or made an array of NumPy."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: Any) -> np.ndarray:
        with h5py.File(self.path, "r", libver="latest", swmr=True) as file:
            return np.asarray(file[self.name][part])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)


Recorded = np.ndarray | Filed
Layout = Mapping[str, tuple[tuple[int, ...], Any]]
"""Shape of a record and its type, by name."""


class InMemory:
    """Pieces that are joined at the end."""

    def __init__(self, layout: Layout) -> None:
        self._parts: dict[str, list[np.ndarray]] = {
            name: [np.zeros((0, *shape), dtype)] for name, (shape, dtype) in layout.items()
        }

    def add(self, name: str, piece: np.ndarray) -> None:
        """The next records of ``name``, [records, ...]."""
        self._parts[name].append(piece)

    def so_far(self) -> dict[str, Recorded]:
        """All of them, by name."""
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}

    def close(self) -> None:
        """Nothing to do."""


class InFile:
    """Pieces that go to an HDF5 file as they come.

    It is written in HDF5's single-writer mode: others can read it while the run goes on, and what a run that was killed had
    written is there.
    """

    def __init__(self, path: Path, layout: Layout, attributes: Mapping[str, Any]) -> None:
        if path.exists():
            raise InputError(f"{path} is there already", remedy="name another file, or remove it")
        try:
            self._file = h5py.File(path, "w", libver="latest")
        except OSError as problem:
            raise InputError(
                f"cannot write {path}: {problem}", remedy="name a file in a folder that is there"
            ) from None
        self._path, self._names = path, tuple(layout)
        self._file.attrs.update(attributes)
        for name, (shape, dtype) in layout.items():
            row = max(int(np.prod(shape)) * np.dtype(dtype).itemsize, 1)
            chunk = (max(_CHUNK_BYTES // row, 1), *shape)
            self._file.create_dataset(
                name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunk, compression="lzf"
            )
        self._file.swmr_mode = True

    def add(self, name: str, piece: np.ndarray) -> None:
        """The next records of ``name``, [records, ...]."""
        data = self._file[name]
        before = len(data)
        data.resize(before + len(piece), axis=0)
        data[before:] = piece
        data.flush()

    def so_far(self) -> dict[str, Recorded]:
        """All of them, by name; they stay in the file."""
        found = {name: self._file[name] for name in self._names}
        return {name: Filed(self._path, name, data.shape, data.dtype) for name, data in found.items()}

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
