"""Pictures of music and activity: piano rolls, rasters, learning curves, predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def plot_rolls(rolls: Mapping[str, np.ndarray], prime_frames: int = 0, lowest: int = 21) -> Any:
    """Piano rolls [frames, 88] one above the other; a line marks the end of the prime."""
    plt = _pyplot()
    figure, panels = plt.subplots(len(rolls), 1, figsize=(10, 2.4 * len(rolls)), squeeze=False)
    for panel, (name, frames) in zip(panels[:, 0], rolls.items(), strict=True):
        panel.imshow(np.asarray(frames).T, aspect="auto", origin="lower", cmap="Greys", interpolation="nearest",
                     extent=(0, len(frames), lowest, lowest + np.asarray(frames).shape[1]))  # fmt: skip
        panel.set_ylim(33, 90)
        panel.set_ylabel("MIDI note")
        panel.set_title(name, fontsize=10)
        if prime_frames:
            panel.axvline(prime_frames, color="C3", lw=1)
    panels[-1, 0].set_xlabel("frame")
    figure.tight_layout()
    return figure


def plot_raster(spikes: np.ndarray, tick_seconds: float, title: str) -> Any:
    """Raster of spikes [frames, ticks, neurons] in circuit time."""
    plt = _pyplot()
    flat = np.asarray(spikes).reshape(-1, spikes.shape[-1])
    tick, neuron = np.nonzero(flat)
    figure, panel = plt.subplots(figsize=(10, 3.2))
    panel.plot(tick * tick_seconds * 1e6, neuron, "k|", ms=3)
    panel.set_xlabel("circuit time, pauses left out (us)")
    panel.set_ylabel("neuron")
    panel.set_title(title, fontsize=10)
    return figure


def plot_learning(curves: Mapping[str, Sequence[float]], baselines: Mapping[str, float]) -> Any:
    """Held-out NLL after each pass beside the baselines."""
    plt = _pyplot()
    figure, panel = plt.subplots(figsize=(7, 3.8))
    for name, values in curves.items():
        panel.plot(1 + np.arange(len(values)), values, "o-", label=name)
    for k, (name, value) in enumerate(baselines.items()):
        panel.axhline(value, color=f"C{(k + 4) % 10}", ls="--", lw=1, label=f"{name} {value:.2f}")
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set_xlabel("pass over the training pieces")
    panel.set_ylabel("held-out NLL (nats per frame)")
    panel.legend(fontsize=7)
    panel.grid(alpha=0.3)
    return figure


def plot_levels(pictures: Mapping[str, np.ndarray], frequencies: np.ndarray, frame_seconds: float) -> Any:
    """Spectrograms [T, bands] one above the other, on one scale (natural log of power)."""
    plt = _pyplot()
    figure, panels = plt.subplots(
        len(pictures), 1, figsize=(10, 2.6 * len(pictures)), squeeze=False, sharex=True
    )
    low = min(float(np.nanmin(p)) for p in pictures.values())
    high = max(float(np.nanmax(p)) for p in pictures.values())
    ticks = np.linspace(0, len(frequencies) - 1, 5).astype(int)
    for panel, (name, levels) in zip(panels[:, 0], pictures.items(), strict=True):
        extent = (0, len(levels) * frame_seconds, -0.5, len(frequencies) - 0.5)
        panel.imshow(np.asarray(levels).T, aspect="auto", origin="lower", cmap="magma", vmin=low, vmax=high,
                     interpolation="nearest", extent=extent)  # fmt: skip
        panel.set_yticks(ticks, [f"{frequencies[k]:.0f}" for k in ticks])
        panel.set_ylabel("band centre (Hz)")
        panel.set_title(name, fontsize=10)
    panels[-1, 0].set_xlabel("time (s)")
    figure.tight_layout()
    return figure


def plot_piece(frames: np.ndarray | None, spectrogram: Any, prime_frames: int, title: str) -> Any:
    """A generated piece: its piano roll [frames, 88], where it has one, above its spectrogram."""
    plt = _pyplot()
    rows = 1 if frames is None else 2
    figure, panels = plt.subplots(rows, 1, figsize=(8, 2.4 * rows), squeeze=False)
    if frames is not None:
        panels[0, 0].imshow(np.asarray(frames).T, aspect="auto", origin="lower", cmap="Greys", interpolation="nearest",
                            extent=(0, len(frames), 21, 109))  # fmt: skip
        panels[0, 0].axvline(prime_frames, color="C3", lw=1)
        sounding = np.flatnonzero(np.asarray(frames).any(axis=0)) + 21
        if len(sounding):
            panels[0, 0].set_ylim(sounding[0] - 2, sounding[-1] + 3)
        panels[0, 0].set_ylabel("MIDI note")
        panels[0, 0].set_xlabel("frame (the prime ends at the line)")
    levels = spectrogram.levels
    seconds = len(levels) * spectrogram.hop_seconds
    panels[-1, 0].imshow(levels.T, aspect="auto", origin="lower", cmap="magma", vmin=float(levels.max()) - 14.0,
                         extent=(0, seconds, 0, levels.shape[1]))  # fmt: skip
    panels[-1, 0].set_ylabel("mel band")
    panels[-1, 0].set_xlabel("time (s)")
    panels[0, 0].set_title(title, fontsize=10)
    figure.tight_layout()
    return figure


def plot_receptive_fields(weights: np.ndarray, lines: str, across: int) -> Any:
    """Weights of the feature neurons [features, lines], a panel each, ``across`` lines a row; ``lines`` names them."""
    plt = _pyplot()
    count = len(weights)
    columns = min(16, count)
    rows = -(-count // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(0.75 * columns, 0.9 * rows + 0.4), squeeze=False)
    for panel in panels.ravel():
        panel.axis("off")
    high = float(np.max(weights)) or 1.0
    for panel, field in zip(panels.ravel(), weights, strict=False):
        padded = np.concatenate([field, np.zeros(-len(field) % across)])
        panel.imshow(
            padded.reshape(-1, across), aspect="auto", origin="lower", cmap="Greys", vmin=0, vmax=high
        )
    figure.suptitle(f"feature weights, white 0 to black {high:.2f}; {lines}", fontsize=9)
    return figure


def plot_adaptation(curves: Mapping[str, np.ndarray], frames: int) -> Any:
    """Loss while listening [frames], as running means over ``frames``; each point looks back only."""
    plt = _pyplot()
    figure, panel = plt.subplots(figsize=(8, 3.6))
    for name, nll in curves.items():
        sums = np.cumsum(np.concatenate([[0.0], np.asarray(nll, float)]))
        stop = np.arange(1, len(sums))
        start = np.maximum(stop - frames, 0)
        panel.plot(stop, (sums[stop] - sums[start]) / (stop - start), label=name)
    panel.set_xlabel("frame")
    panel.set_ylabel("running NLL (nats per frame)")
    panel.legend(fontsize=8)
    panel.grid(alpha=0.3)
    figure.tight_layout()
    return figure


def plot_prediction(frames: np.ndarray, probabilities: np.ndarray, title: str) -> Any:
    """What was heard and, above it, what was expected one frame earlier."""
    plt = _pyplot()
    figure, panels = plt.subplots(2, 1, figsize=(10, 5), sharex=True)
    expected = np.vstack([np.full(frames.shape[1], np.nan), probabilities])
    for panel, image, name in ((panels[0], expected, "expected"), (panels[1], frames, "heard")):
        panel.imshow(np.asarray(image, float).T, aspect="auto", origin="lower", cmap="Greys", vmin=0, vmax=1,
                     interpolation="nearest", extent=(0, len(image), 21, 109))  # fmt: skip
        panel.set_ylim(33, 90)
        panel.set_ylabel(f"{name}\nMIDI note")
    panels[1].set_xlabel("frame")
    figure.suptitle(title)
    return figure
