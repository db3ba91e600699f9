"""Networks that hear sound instead of notes: their shape, what they expect next, what they make of a prime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import RunError
from neuromorph.models.frame import Frame
from neuromorph.music.frontend import FrontEnd
from neuromorph.network.config import FeatureConfig, NetworkConfig
from neuromorph.tasks.generate import generate
from neuromorph.tasks.predict import predict_frames
from neuromorph.tasks.run import Run

CELLS = 64
ACTIVE_SHARE = 0.5
"""Share of thermometer lines that are on, by the choice of their thresholds."""
NOTES_SOUNDING = 4.0
"""Active note lines for which the feature layer's gain is chosen (a chorale)."""

X_TARGET = 0.9
"""Trace above which a feature's weight grows: with half of the lines on, a lower one drives all weights to the stop."""

Floats = NDArray[np.float64]


def hearing_config(front_end: FrontEnd, *, cells: int = CELLS, joint: bool = False) -> NetworkConfig:
    """Sizes of a network behind ``front_end``; many more lines are on than in a piano roll, so features gain less."""
    lines = front_end.lines_count
    gain = FeatureConfig.gain * NOTES_SOUNDING / (ACTIVE_SHARE * lines)
    frame, features = (
        Frame(music_seconds=front_end.frame_seconds),
        FeatureConfig(gain=gain, x_target=X_TARGET),
    )
    return NetworkConfig(notes=lines, cells=cells, joint=joint, frame=frame, features=features)


def front_end_of(run: Run) -> FrontEnd:
    """How a run hears.

    Raises
    ------
    RunError
        When it was trained on notes.
    """
    if not run.facts.front_end:
        raise RunError(
            "this run was trained on notes, not on sound",
            where=run.path,
            remedy="train one with --mode spectrogram",
        )
    return FrontEnd.from_dict(run.facts.front_end)


def expected_levels(run: Run, levels: Floats) -> Floats:
    """Levels [T, bands] expected for the frame after each of ``levels`` [T, bands]."""
    front_end = front_end_of(run)
    return front_end.expected(predict_frames(run.network, run.state, front_end.lines(levels)))


def continued_levels(run: Run, prime: Floats, frames: int, *, seed: int, temperature: float = 1.0) -> Floats:
    """Levels [frames, bands] that the network plays after ``prime`` [T, bands]."""
    front_end = front_end_of(run)
    played = generate(
        run.network, run.state, front_end.lines(prime), frames, seed=seed, temperature=temperature
    )
    return front_end.expected(played)
