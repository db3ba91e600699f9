"""Held-out figures: NLL over frames 2..T, flat over all frames, and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from neuromorph.models.box import QUANTITIES
from neuromorph.network.config import NetworkConfig
from neuromorph.network.simulate import simulate, with_slow_weights
from neuromorph.network.state import State
from neuromorph.network.step import Network
from neuromorph.network.stream import Stream, stream_of

THRESHOLDS = np.round(np.arange(0.05, 0.95, 0.05), 2)


@dataclass(frozen=True)
class Evaluation:
    """Figures of one pass.

    Parameters
    ----------
    nll : nats per frame
    accuracy : TP / (TP + FP + FN) at ``threshold``
    frames : predictions that count
    nll_by_frame : [frames]
    events : mean per frame of note, feature and cell spikes and of synaptic events
    outside : share of ticks and instances beyond the characterized ranges, by quantity
    """

    nll: float
    accuracy: float
    threshold: float
    frames: int
    nll_by_frame: np.ndarray
    events: dict[str, float]
    outside: dict[str, float]


def evaluate(
    network: Network,
    state: State,
    pieces: Sequence[np.ndarray],
    *,
    plastic: bool = False,
    rate: float = 0.0,
    threshold: float | None = None,
    chunk_frames: int = 2048,
) -> Evaluation:
    """Evaluate on ``pieces``: frozen (slow weights) or plastic (prequential: predict, then learn).

    ``threshold`` None takes the best one on these pieces (say so where it is quoted).
    """
    stream = stream_of(pieces).padded(chunk_frames)
    state = state if plastic else with_slow_weights(state)
    records = []
    for start in range(0, len(stream), chunk_frames):
        part = stream.part(start, start + chunk_frames)
        state, seen = simulate(
            network,
            state,
            part,
            plasticity=float(plastic),
            rate=rate,
            key=jax.random.key(start),
            record=("outside",),
        )
        records.append(seen)
    seen = {name: np.concatenate([r[name] for r in records]) for name in records[0]}
    return _figures(network, stream, seen, threshold, float(plastic))


def _figures(
    network: Network, stream: Stream, seen: dict[str, np.ndarray], threshold: float | None, plastic: float
) -> Evaluation:
    keep = stream.valid
    target, p = stream.targets[keep] > 0.5, seen["probability"][keep]
    tried = THRESHOLDS if threshold is None else np.array([threshold])
    scores = [accuracy(p > level, target) for level in tried]
    best = int(np.argmax(scores))
    nll = seen["nll"][keep].astype(np.float64)
    return Evaluation(
        nll=float(nll.mean()),
        accuracy=scores[best],
        threshold=float(tried[best]),
        frames=int(keep.sum()),
        nll_by_frame=nll,
        events=mean_events(network, {name: v[keep] for name, v in seen.items()}, plastic),
        outside=dict(zip(QUANTITIES, seen["outside"][keep].mean(axis=0).tolist(), strict=True)),
    )


def accuracy(predicted: np.ndarray, target: np.ndarray) -> float:
    """TP / (TP + FP + FN) over all frames and notes; 0 where nothing is predicted or played."""
    either = np.sum(predicted | target)
    return float(np.sum(predicted & target) / either) if either else 0.0


def plastic_synapses(config: NetworkConfig) -> int:
    """Three-factor and delta synapses; the update of each is pulsed once a frame while learning."""
    head = config.cells * config.notes * (2 if config.learning.mirrored else 1) + config.notes
    lateral = config.notes * (config.notes - 1) // 2 if config.joint else 0
    return config.lines * 4 * config.cells + head + lateral


def mean_events(network: Network, seen: dict[str, np.ndarray], plastic: float) -> dict[str, float]:
    """Events per frame that cost energy: spikes by kind, forget gates (their opening, summed), synaptic events, updates."""
    config = network.config
    notes, features, cells, forgetting = (
        float(seen[name].mean()) for name in ("notes", "features", "cells", "open")
    )
    fan_out = 4 * config.cells
    recurrent = fan_out if config.memory else 0
    return {
        "note_spikes": notes,
        "feature_spikes": features,
        "cell_spikes": cells,
        "forget_gates_open": forgetting,
        "synaptic_events": notes * (config.features.neurons + fan_out)
        + features * fan_out
        + cells * (recurrent + config.notes),
        "diehl_updates": plastic * features * config.notes,
        "synapses_pulsed": plastic * plastic_synapses(config),
    }
