"""Numbers that say whether generated music resembles real music.

None of these is better when higher: compare each with its value on real music,
and two real sets with each other for the noise floor.  Names follow MusPy
(H.-W. Dong and others, ISMIR 2020) where it has one.  A pair is two different
keys that sound in the same frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ScoreError
from neuromorph.music.audio import FULL_SCALE, Audio
from neuromorph.music.pianoroll import KEYS, LOWEST_MIDI, PianoRoll, stack_frames

OCTAVE = 12
CONSONANT = (0, 3, 4, 5, 7, 8, 9)  # unisons and octaves, thirds, fourths, fifths, sixths; semitones
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)  # the natural minor scales have the same keys
COPY_FRAMES = 8
TINY = 1e-12

Rolls = Sequence[PianoRoll]


def notes_per_frame(rolls: Rolls) -> float:
    """Mean number of sounding keys over all frames, silent ones included (polyphony)."""
    return float(_frames(rolls).sum(axis=1).mean())


def share_of_four_note_frames(rolls: Rolls) -> float:
    """Share of the frames in which exactly four keys sound."""
    return float((_frames(rolls).sum(axis=1) == 4).mean())


def interval_counts(rolls: Rolls) -> NDArray[np.float64]:
    """Pairs by interval modulo the octave, [12]."""
    frames = _frames(rolls).astype(np.float32)
    together = frames.T @ frames
    counts = np.zeros(OCTAVE)
    for interval in range(1, KEYS):
        counts[interval % OCTAVE] += np.trace(together, offset=interval, dtype=np.float64)
    return counts


def pitch_class_counts(rolls: Rolls) -> NDArray[np.float64]:
    """Sounding keys by pitch class, [12], C first."""
    keys = _frames(rolls).sum(axis=0, dtype=np.float64)
    classes = (np.arange(KEYS) + LOWEST_MIDI) % OCTAVE
    return np.bincount(classes, keys, OCTAVE).astype(np.float64)


def consonance_share(rolls: Rolls) -> float:
    """Share of pairs whose interval modulo the octave is consonant; NaN without pairs.

    Consonant are 0, 3, 4, 5, 7, 8 and 9 semitones: octaves, thirds, the fourth
    (as between upper voices), the fifth and sixths.
    """
    counts = interval_counts(rolls)
    return float(counts[list(CONSONANT)].sum() / counts.sum()) if counts.any() else math.nan


def interval_class_kl(rolls: Rolls, reference: Rolls) -> float:
    """KL(rolls || reference) of the intervals modulo the octave [nats]."""
    return _divergence(interval_counts(rolls), interval_counts(reference))


def pitch_class_kl(rolls: Rolls, reference: Rolls) -> float:
    """KL(rolls || reference) of the pitch classes [nats]."""
    return _divergence(pitch_class_counts(rolls), pitch_class_counts(reference))


def scale_consistency(rolls: Rolls) -> float:
    """Share of notes in the best fitting of the major or natural minor scales, mean over pieces.

    Pieces without notes do not count; NaN where none has any.
    """
    shares = [_best_scale_share(pitch_class_counts([roll])) for roll in rolls if roll.frames.any()]
    return float(np.mean(shares)) if shares else math.nan


def copied_share(rolls: Rolls, training: Rolls, frames: int = COPY_FRAMES) -> float:
    """Share of all 8-frame windows that occur in the training pieces, transposed or not.

    Windows are compared relative to their lowest key, which covers all twelve
    transpositions.  Silent windows are never copies; NaN where no piece is long
    enough.
    """
    known = {key for key in _window_keys(training, frames) if key}
    found = [key in known for key in _window_keys(rolls, frames)]
    return float(np.mean(found)) if found else math.nan


def chords_seen_share(rolls: Rolls, training: Rolls) -> float:
    """Share of frames whose set of keys occurs as a frame of the training pieces."""
    known = {frame.tobytes() for frame in np.unique(_frames(training), axis=0)}
    return float(np.mean([frame.tobytes() in known for frame in _frames(rolls)]))


def generation_metrics(rolls: Rolls, reference: Rolls, training: Rolls) -> dict[str, float]:
    """All of the above in one table.

    Parameters
    ----------
    rolls : sequence of PianoRoll
        The pieces to judge.
    reference : sequence of PianoRoll
        Real pieces not trained on, for the divergences.
    training : sequence of PianoRoll
        The pieces learned from, for copies and chords.

    Raises
    ------
    ScoreError
        When one of them is empty.
    """
    return {
        "notes_per_frame": notes_per_frame(rolls),
        "share_of_four_note_frames": share_of_four_note_frames(rolls),
        "interval_class_kl": interval_class_kl(rolls, reference),
        "pitch_class_kl": pitch_class_kl(rolls, reference),
        "consonance_share": consonance_share(rolls),
        "scale_consistency": scale_consistency(rolls),
        "chords_seen_share": chords_seen_share(rolls, training),
        "copied_share": copied_share(rolls, training),
    }


def note_scores(estimate: Rolls, truth: Rolls) -> dict[str, float]:
    """Frame-level precision, recall, F-measure and accuracy TP / (TP + FP + FN).

    After M. Bay, A. F. Ehmann and J. S. Downie, ISMIR 2009.  Pieces are compared
    over the shorter length of each pair.

    Raises
    ------
    ScoreError
        When the numbers of pieces differ.
    """
    if len(estimate) != len(truth):
        raise ScoreError(f"{len(estimate)} estimates for {len(truth)} pieces", remedy="give one each")
    right = wrong = missed = 0
    for guess, real in zip(estimate, truth, strict=True):
        length = min(len(guess), len(real))
        a, b = guess.frames[:length] > 0, real.frames[:length] > 0
        right, wrong, missed = right + (a & b).sum(), wrong + (a & ~b).sum(), missed + (~a & b).sum()
    return {
        "precision": float(right / max(right + wrong, 1)),
        "recall": float(right / max(right + missed, 1)),
        "f_measure": float(2 * right / max(2 * right + wrong + missed, 1)),
        "accuracy": float(right / max(right + wrong + missed, 1)),
    }


def audio_metrics(audio: Audio) -> dict[str, float]:
    """Peak [full scale], RMS level [dBFS, a full-scale square wave being 0] and share of clipped samples."""
    samples = audio.samples.astype(float)
    rms = math.sqrt(float(np.mean(samples**2)))
    return {
        "peak": float(np.abs(samples).max()),
        "rms_dbfs": 20 * math.log10(max(rms, TINY)),
        "clipping_share": float(np.mean(np.abs(samples) >= FULL_SCALE)),
    }


def _frames(rolls: Rolls) -> NDArray[np.uint8]:
    frames = stack_frames(rolls)
    if not len(frames):
        raise ScoreError("no pieces to measure", remedy="give at least one piano roll")
    return frames


def _divergence(counts: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """KL divergence of two histograms [nats]; infinite where the reference lacks a class."""
    if not (counts.any() and reference.any()):
        return math.nan
    p, q = counts / counts.sum(), reference / reference.sum()
    with np.errstate(divide="ignore"):
        ratio = np.log(np.maximum(p, TINY)) - np.log(q)
    return float(np.sum(p[p > 0] * ratio[p > 0]))


def _best_scale_share(classes: NDArray[np.float64]) -> float:
    scale = np.array(MAJOR_SCALE)
    return max(classes[(scale + tonic) % OCTAVE].sum() for tonic in range(OCTAVE)) / classes.sum()


def _window_keys(rolls: Rolls, frames: int) -> Iterable[bytes]:
    """Transposition-free content of each window, empty for silence."""
    for roll in rolls:
        for start in range(len(roll) - frames + 1):
            yield _transposition_free(roll.frames[start : start + frames])


def _transposition_free(window: NDArray[np.uint8]) -> bytes:
    keys = np.flatnonzero(window.any(axis=0))
    if not len(keys):
        return b""
    return bytes([keys[-1] - keys[0]]) + np.packbits(window[:, keys[0] : keys[-1] + 1]).tobytes()
