"""What is heard: a recognition head on the network's rates, their modulation and its surprise.

Channels, a value a frame: the level of each band, the loss of the network's prediction (surprise), and the spikes of
all features and of all cells.  Each goes to three leaky integrators: its mean, its spread (distance from that mean) and
its modulation (distance from the frame before; on and off spikes).  The head is one layer with shared inhibition
(softmax) that learns by the delta rule, ``w += rate x (t - p)``, weights leaking, classes heard equally often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import InputError, RunError
from neuromorph.figures import write_json
from neuromorph.music.frontend import FrontEnd
from neuromorph.network.simulate import simulate, with_slow_weights
from neuromorph.network.state import State
from neuromorph.network.step import Network
from neuromorph.network.stream import stream_of

UNCERTAIN = "uncertain"
INTEGRATION_SECONDS = 4.0
DECISION_SECONDS = 1.0
CHUNK_FRAMES = 2048
HELD_OUT = 5  # every fifth file of a class, in the order of names, calibrates
TEMPERATURES = np.geomspace(0.25, 8.0, 41)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RecognitionHead:
    """A trained head.

    Parameters
    ----------
    labels : classes, sorted
    weights : [channels + 1, classes], the last row from a line that is always on
    mean, scale : [channels] of the training files (operating point and gain of each input)
    temperature : by which logits are divided for a calibrated confidence
    threshold : confidence below which the answer is "uncertain"
    """

    labels: tuple[str, ...]
    weights: Floats
    mean: Floats
    scale: Floats
    temperature: float = 1.0
    threshold: float = 0.5

    def logits(self, summaries: Floats) -> Floats:
        """[n, classes] of summaries [n, channels]."""
        return _with_line(self._scaled(summaries)) @ self.weights

    def probabilities(self, summaries: Floats) -> Floats:
        """Calibrated, [n, classes]."""
        return _softmax(self.logits(summaries) / self.temperature)

    def _scaled(self, summaries: Floats) -> Floats:
        return np.clip((summaries - self.mean) / self.scale, -5.0, 5.0)


@dataclass(frozen=True)
class Recognition:
    """What a sound is.

    Parameters
    ----------
    labels : classes, in the order of the columns
    by_second : [seconds, classes] probabilities, each from the sound up to the end of that second
    whole : [classes] probabilities for the whole sound, the normalised geometric mean of its seconds
    threshold : confidence below which the answer is "uncertain"
    """

    labels: tuple[str, ...]
    by_second: Floats
    whole: Floats
    threshold: float

    def answer(self, probabilities: Floats) -> tuple[str, float]:
        """Label, or "uncertain", and confidence of one row of probabilities."""
        best = int(np.argmax(probabilities))
        confidence = float(probabilities[best])
        return (self.labels[best] if confidence >= self.threshold else UNCERTAIN), confidence


def activity(network: Network, state: State, front_end: FrontEnd, levels: Sequence[Floats]) -> list[Floats]:
    """Channels [T - 1, bands + 3] of sounds given as levels [T, bands], heard frozen, each from rest.

    Raises
    ------
    InputError
        When a sound has fewer than two frames.
    """
    short = [len(piece) for piece in levels if len(piece) < 2]
    if short:
        raise InputError(
            f"a sound of {short[0]} frames",
            remedy=f"give at least {2 * front_end.frame_seconds:g} s of sound",
        )
    stream = stream_of([front_end.lines(piece) for piece in levels]).padded(CHUNK_FRAMES)
    now, columns = with_slow_weights(state), []
    for start in range(0, len(stream), CHUNK_FRAMES):
        part = stream.part(start, start + CHUNK_FRAMES)
        now, seen = simulate(network, now, part, plasticity=0.0, rate=0.0, key=jax.random.key(0))
        columns.append(np.stack([seen["nll"], seen["features"], seen["cells"]], axis=1))
    network_channels, channels, at = np.concatenate(columns).astype(float), [], 0
    for piece in levels:
        frames = len(piece) - 1
        channels.append(np.concatenate([piece[1:], network_channels[at : at + frames]], axis=1))
        at += frames
    return channels


def summaries(channels: Floats, frame_seconds: float) -> Floats:
    """Mean, spread and modulation of channels [T, n] at the end of every second: [seconds, 3 n], at least one row."""
    leak = float(np.exp(-frame_seconds / INTEGRATION_SECONDS))
    before = np.concatenate([channels[:1], channels[:-1]])
    mean = _leaky(channels, leak)
    integrated = np.concatenate(
        [mean, _leaky(np.abs(channels - mean), leak), _leaky(np.abs(channels - before), leak)], axis=1
    )
    every = max(1, round(DECISION_SECONDS / frame_seconds))
    ends = np.arange(every - 1, len(channels), every) if len(channels) >= every else [len(channels) - 1]
    return integrated[ends]


def _leaky(values: Floats, leak: float) -> Floats:
    """Leaky average over time, of what was heard so far."""
    total, weight, averages = np.zeros(values.shape[1]), 0.0, np.empty_like(values)
    for t, value in enumerate(values):
        total, weight = leak * total + value, leak * weight + 1.0
        averages[t] = total / weight
    return averages


def train_head(
    heard: Mapping[str, Sequence[Floats]],
    *,
    seed: int = 0,
    passes: int = 30,
    rate: float = 0.1,
    leak: float = 0.05,
) -> RecognitionHead:
    """Learn classes from the summaries [seconds, channels] of each class's sounds.

    The temperature is chosen on every fifth sound of each class with a head that has not heard it; the head that is
    returned has heard all.

    Raises
    ------
    InputError
        When there are fewer than two classes, or a class has no sound.
    """
    labels = tuple(sorted(heard))
    if len(labels) < 2 or any(not heard[label] for label in labels):
        raise InputError(
            f"classes {', '.join(labels) or '(none)'}",
            remedy="give sounds of at least two classes, in a folder each",
        )
    learn = partial(_delta_rule, labels=labels, seed=seed, passes=passes, rate=rate, leak=leak)
    known = {
        label: [s for k, s in enumerate(heard[label]) if k % HELD_OUT or len(heard[label]) == 1]
        for label in labels
    }
    unheard = {label: heard[label][::HELD_OUT] for label in labels}
    temperature = _temperature(learn(known), unheard)
    return replace(learn(heard), temperature=temperature)


def _delta_rule(
    heard: Mapping[str, Sequence[Floats]],
    labels: tuple[str, ...],
    *,
    seed: int,
    passes: int,
    rate: float,
    leak: float,
) -> RecognitionHead:
    inputs = np.concatenate([np.concatenate(heard[label]) for label in labels])
    classes = np.concatenate([np.full(sum(map(len, heard[label])), k) for k, label in enumerate(labels)])
    head = RecognitionHead(
        labels, np.zeros((inputs.shape[1] + 1, len(labels))), inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    )
    lines, weights = _with_line(head._scaled(inputs)), head.weights.copy()
    draw = np.random.default_rng([seed, 9])
    seconds = np.bincount(classes)
    for k in range(passes):
        now = rate / lines.shape[1] ** 0.5 * (1.0 - k / passes)
        for n in _balanced(draw, classes, seconds):
            p = _softmax(lines[n] @ weights)
            p[classes[n]] -= 1.0
            weights -= now * np.outer(lines[n], p)
        weights[:-1] *= 1.0 - leak
    return replace(head, weights=weights)


def _balanced(draw: np.random.Generator, classes: NDArray[Any], seconds: NDArray[Any]) -> NDArray[Any]:
    """As many seconds as there are, every class equally often."""
    chance = 1.0 / (len(seconds) * seconds[classes])
    return draw.choice(len(classes), len(classes), p=chance)


def _temperature(head: RecognitionHead, unheard: Mapping[str, Sequence[Floats]]) -> float:
    """The temperature of least loss on sounds the head has not heard, classes weighing alike."""

    def loss(temperature: float) -> float:
        by_class = [
            -np.log(_softmax(head.logits(np.concatenate(unheard[label])) / temperature)[:, k] + 1e-12).mean()
            for k, label in enumerate(head.labels)
        ]
        return float(np.mean(by_class))

    return float(min(TEMPERATURES, key=loss))


def recognize(
    network: Network, state: State, front_end: FrontEnd, head: RecognitionHead, levels: Floats
) -> Recognition:
    """Say what a sound, given as levels [T, bands], is."""
    return recognition(
        head, summaries(activity(network, state, front_end, [levels])[0], front_end.frame_seconds)
    )


def recognition(head: RecognitionHead, heard: Floats) -> Recognition:
    """Per second and as a whole, of summaries [seconds, channels]."""
    by_second = head.probabilities(heard)
    whole = _softmax(np.log(by_second + 1e-12).mean(axis=0))
    return Recognition(head.labels, by_second, whole, head.threshold)


def save_head(head: RecognitionHead, run: Path) -> Path:
    """Write ``RUN/recognition.json``, in one step."""
    values = {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in asdict(head).items()}
    write_json(run / "recognition.json", values)
    return run / "recognition.json"


def load_head(run: Path) -> RecognitionHead:
    """Read ``RUN/recognition.json``.

    Raises
    ------
    RunError
        When the run has no head, or it is damaged.
    """
    path = run / "recognition.json"
    if not path.exists():
        raise RunError(
            "this run was not trained to recognise",
            where=run,
            remedy="train one with --mode spectrogram on a folder whose sub-folders are classes",
        )
    try:
        values = json.loads(path.read_text())
        weights, mean, scale = (np.array(values[name], float) for name in ("weights", "mean", "scale"))
        labels, temperature, threshold = tuple(values["labels"]), values["temperature"], values["threshold"]
        return RecognitionHead(labels, weights, mean, scale, float(temperature), float(threshold))
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"cannot be read ({error})", where=path, remedy="train the run again") from error


def _with_line(inputs: Floats) -> Floats:
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)
