"""Commands of networks that hear sound: train, predict and generate in spectrogram mode, recognize."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.commands.learning import open_run
from neuromorph.errors import InputError, RunError
from neuromorph.figures import stamp, write_json
from neuromorph.library import Library

if TYPE_CHECKING:
    from neuromorph.music.frontend import FrontEnd
    from neuromorph.music.sounds import SoundSet
    from neuromorph.tasks.run import Run


def fresh_run(args: argparse.Namespace) -> tuple[Run, SoundSet]:
    """A network for the sounds of ``--data``, its thresholds fitted to their training part."""
    from neuromorph.commands.learning import chip_of
    from neuromorph.music.frontend import FrontEnd
    from neuromorph.music.sounds import load_sounds
    from neuromorph.tasks.hardware import network_blocks
    from neuromorph.tasks.hear import hearing_config
    from neuromorph.tasks.run import RunFacts, Schedule, chip_facts, log_odds, new_run

    front_end = FrontEnd(args.frame_seconds, args.bands, args.gain_seconds)
    sounds = load_sounds(args.data, front_end, args.limit)
    front_end = front_end.fitted([sound.levels for sound in sounds.train], args.levels)
    config = hearing_config(front_end, cells=args.cells, joint=args.head == "joint")
    chip = chip_of(args)
    blocks, digest = network_blocks(config, args.fidelity, Library(args.library), args.noise, chip)
    phases = [{"phase": "train", "fidelity": args.fidelity, "data": str(args.data), "mode": "spectrogram"}]
    odds = log_odds([front_end.lines(sound.levels) for sound in sounds.train]).tolist()
    facts = RunFacts(
        config, args.seed, Schedule(args.epochs, args.rate, args.rate_decay), args.fidelity, odds, digest, phases,
        front_end=front_end.to_dict(), noise=args.noise,
        **chip_facts(chip),
    )  # fmt: skip
    return new_run(Path(args.run), facts, blocks), sounds


def sounds_of(run: Run, data: str, limit: int | None) -> SoundSet:
    """The sounds of a data set as a run hears them."""
    from neuromorph.music.sounds import load_sounds
    from neuromorph.tasks.hear import front_end_of

    return load_sounds(data, front_end_of(run), limit)


def pieces_of(run: Run, sounds: SoundSet) -> dict[str, list[np.ndarray]]:
    """Lines [T, bands * levels] of the sounds of every part that last two frames or more."""
    from neuromorph.tasks.hear import front_end_of

    front_end = front_end_of(run)
    return {
        part: [front_end.lines(s.levels) for s in heard if len(s) > 1]
        for part, heard in sounds.parts().items()
    }


def whole_pieces(run: Run, file: str) -> list[np.ndarray]:
    """Lines of everything in a sound file (in one piece) or a set of sounds."""
    from neuromorph.music.audio import AUDIO_SUFFIXES
    from neuromorph.tasks.hear import front_end_of

    if Path(file).suffix.lower() in AUDIO_SUFFIXES:
        front_end = front_end_of(run)
        return [front_end.lines(_levels(file, front_end))]
    return [piece for part in pieces_of(run, sounds_of(run, file, None)).values() for piece in part]


def train_recognition(run: Run, sounds: SoundSet) -> str:
    """Where the sounds have classes, learn them; one line on how well the held-out ones are told apart."""
    from neuromorph.tasks.hear import front_end_of
    from neuromorph.tasks.recognize import activity, recognition, save_head, summaries, train_head

    labels = sounds.labels
    if len(labels) < 2:
        return ""
    front_end = front_end_of(run)

    def heard(part: Any) -> dict[str, list[np.ndarray]]:
        long = [sound for sound in part if len(sound) > 1]
        channels = activity(run.network, run.state, front_end, [sound.levels for sound in long])
        found = [summaries(c, front_end.frame_seconds) for c in channels]
        return {
            label: [f for f, sound in zip(found, long, strict=True) if sound.label == label]
            for label in labels
        }

    head = train_head(heard(sounds.train), seed=run.facts.seed)
    save_head(head, run.path)
    right = [
        float(np.mean([int(np.argmax(recognition(head, s).whole)) == k for s in found]))
        for k, found in enumerate(heard(sounds.valid).values())
        if found
    ]
    return f"recognises {', '.join(labels)}: {100 * np.mean(right):.0f} % of the held-out files, classes weighing alike"


def _levels(path: str, front_end: FrontEnd) -> np.ndarray:
    from neuromorph.music.audio import read_audio

    return front_end.levels(read_audio(path))


def run_recognize(args: argparse.Namespace) -> int:
    """Say per second and per file what is heard; every file is tried, the status says if one could not be read."""
    from neuromorph.tasks.hear import front_end_of
    from neuromorph.tasks.recognize import load_head, recognize

    run = open_run(args.run, Library(args.library))
    front_end, head = front_end_of(run), load_head(run.path)
    results: dict[str, Any] = {}
    for file in args.files:
        try:
            heard = recognize(run.network, run.state, front_end, head, _levels(file, front_end))
        except InputError as error:
            print(f"neuromorph: {error}", file=sys.stderr)
            continue
        label, confidence = heard.answer(heard.whole)
        seconds = [heard.answer(row) for row in heard.by_second]
        print(f"{file}: {label} ({100 * confidence:.0f} %)")
        if args.seconds:
            for k, (name, sure) in enumerate(seconds):
                print(f"  second {k + 1:4d}: {name} ({100 * sure:.0f} %)")
        results[file] = {
            "label": label, "confidence": confidence,
            "probabilities": dict(zip(heard.labels, map(float, heard.whole), strict=True)),
            "by_second": [{"label": name, "confidence": sure} for name, sure in seconds],
        }  # fmt: skip
    if args.json:
        write_json(Path(args.json), {"run": args.run, "files": results, **stamp()})
    return 0 if len(results) == len(args.files) else 2


def predict_sound(run: Run, file: str, out: Path) -> None:
    """A picture of what was expected and what came, and the levels expected after the end."""
    import matplotlib

    matplotlib.use("Agg")
    from neuromorph.reporting.music import plot_levels
    from neuromorph.tasks.hear import expected_levels, front_end_of

    front_end = front_end_of(run)
    levels = _levels(file, front_end)
    expected = expected_levels(run, levels)
    out.parent.mkdir(parents=True, exist_ok=True)
    shifted = np.vstack([np.full(levels.shape[1], np.nan), expected])
    plot_levels(
        {"expected": shifted, "heard": levels}, front_end.frequencies, front_end.frame_seconds
    ).savefig(out, dpi=110)
    loudest = np.argsort(-expected[-1])[:5]
    print("next frame, loudest bands: " + ", ".join(f"{front_end.frequencies[k]:.0f} Hz" for k in loudest))
    print(out)


def generate_sound(run: Run, args: argparse.Namespace) -> None:
    """Continue the sound of a file in the run's own bands and write it as WAV."""
    from neuromorph.music.audio import write_wav
    from neuromorph.music.resynthesis import resynthesize
    from neuromorph.tasks.hear import continued_levels, front_end_of

    front_end = front_end_of(run)
    if not args.prime:
        raise InputError("a spectrogram run needs a sound to continue", remedy="name one with --prime")
    if args.midi:
        raise InputError(
            "a spectrogram run plays sound, not notes", remedy="leave --midi out, or use a run of notes"
        )
    if args.tempo:
        raise InputError("a spectrogram run keeps the pace of what it heard", remedy="leave --tempo out")
    if front_end.gain_seconds:
        raise RunError(
            "this run hears without loudness and cannot play",
            where=run.path,
            remedy="train one with --gain-seconds 0",
        )
    prime = _levels(args.prime, front_end)[: args.prime_frames]
    frames = round(args.seconds / front_end.frame_seconds) - len(prime)
    played = continued_levels(run, prime, max(1, frames), seed=args.seed, temperature=args.temperature)
    whole = np.vstack([prime, played])
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    print(write_wav(resynthesize(whole, front_end.frequencies, front_end.frame_seconds), args.out))
