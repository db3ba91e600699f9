# ruff: noqa: F401 (the imports below are for type checkers)
"""Music in and out: sound, scores, spikes, data sets and what to measure on them.

Names are loaded when first used; nothing here needs JAX.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuromorph.music.audio import Audio, read_audio, write_wav
    from neuromorph.music.baselines import (
        FramePredictor,
        baseline_nll,
        fit_learned_copy,
        fit_logistic,
        fit_marginal,
    )
    from neuromorph.music.datasets import DataSet, dataset_status, load_dataset, save_dataset
    from neuromorph.music.encoding import RegularSpikeEncoder
    from neuromorph.music.metrics import audio_metrics, generation_metrics, note_scores
    from neuromorph.music.midi import read_midi, write_midi
    from neuromorph.music.pianoroll import LOWEST_MIDI, Note, PianoRoll, from_notes, stack_frames
    from neuromorph.music.rendering import render
    from neuromorph.music.spectrogram import (
        Spectrogram,
        log_mel_frames,
        mel_spectrogram,
        semitone_spectrogram,
    )
    from neuromorph.music.transcription import transcribe

_HOME = {
    "audio": ("Audio", "read_audio", "write_wav"),
    "baselines": ("FramePredictor", "baseline_nll", "fit_learned_copy", "fit_logistic", "fit_marginal"),
    "datasets": ("DataSet", "dataset_status", "load_dataset", "save_dataset"),
    "encoding": ("RegularSpikeEncoder",),
    "metrics": ("audio_metrics", "generation_metrics", "note_scores"),
    "midi": ("read_midi", "write_midi"),
    "pianoroll": ("LOWEST_MIDI", "Note", "PianoRoll", "from_notes", "stack_frames"),
    "rendering": ("render",),
    "spectrogram": ("Spectrogram", "log_mel_frames", "mel_spectrogram", "semitone_spectrogram"),
    "transcription": ("transcribe",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, loaded or not."""
    return sorted({*globals(), *__all__})
