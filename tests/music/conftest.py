"""What the music tests share: small pieces, small sounds, and the public data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from neuromorph.music.audio import Audio
from neuromorph.music.datasets import DataSet, load_dataset
from neuromorph.music.pianoroll import Note, PianoRoll, from_notes

DATA = os.environ.get("NEUROMORPH_DATA")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("data") and not DATA:
            item.add_marker(pytest.mark.skip(reason="NEUROMORPH_DATA is not set"))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    return Path(DATA or "")


@pytest.fixture(scope="session")
def jsb() -> DataSet:
    return load_dataset("jsb")


@pytest.fixture
def cadence() -> PianoRoll:
    """C major, F major, G major, C major, two frames each."""
    chords = [(48, 60, 64, 67), (53, 60, 65, 69), (43, 59, 62, 67), (48, 60, 64, 72)]
    notes = [Note(key, 2 * i, 2) for i, chord in enumerate(chords) for key in chord]
    return from_notes(notes, name="cadence")


@pytest.fixture
def tone() -> Audio:
    """Half a second of A4 at half of full scale."""
    return sine(440.0)


def sine(frequency: float, seconds: float = 0.5, amplitude: float = 0.5, rate: int = 16_000) -> Audio:
    times = np.arange(round(seconds * rate)) / rate
    return Audio((amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32), rate)


def random_rolls(seed: int, count: int, frames: int = 12) -> list[PianoRoll]:
    rng = np.random.default_rng(seed)
    return [PianoRoll(rng.random((frames, 88)) < 0.05, name=f"piece {i}") for i in range(count)]
