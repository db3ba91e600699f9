"""Make the gallery: what trained networks play, as MIDI, short OGG, and one picture each (docs/gallery).

    python scripts/gallery.py --runs out/runs

Continues held-out chorales with the joint runs of ``benchmarks/prediction.py`` (ideal and nominal), and one sound with
the spectrogram run of ``benchmarks/sound_prediction.py`` where it is present.  Needs NEUROMORPH_DATA.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from neuromorph.commands.inspection import receptive_fields
from neuromorph.commands.learning import continued, open_run
from neuromorph.library import Library
from neuromorph.music.audio import SAMPLE_RATE, Audio
from neuromorph.music.datasets import load_dataset
from neuromorph.music.files import atomic_path
from neuromorph.music.midi import write_midi
from neuromorph.music.rendering import render
from neuromorph.music.resynthesis import resynthesize
from neuromorph.music.sounds import rendered_levels
from neuromorph.music.spectrogram import mel_spectrogram
from neuromorph.reporting.music import plot_piece
from neuromorph.tasks.hear import continued_levels, front_end_of

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "docs" / "gallery"
PIECES = (("ideal", 3, 20), ("ideal", 11, 0), ("nominal", 3, 20), ("nominal", 11, 0))
PRIME, FRAMES, TEMPERATURE, SEED = 8, 32, 0.9, 4
QUALITY = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("out/runs"))
    args = parser.parse_args()
    GALLERY.mkdir(parents=True, exist_ok=True)
    held_out = load_dataset("jsb").valid
    for fidelity, piece, program in PIECES:
        run = open_run(str(args.runs / f"jsb_joint_{fidelity}_none_128_0"), Library.shipped())
        whole = continued(run, held_out[piece][:PRIME], FRAMES, SEED, TEMPERATURE)
        name = f"{fidelity}_{piece:02d}"
        write_midi(whole, GALLERY / f"{name}.mid", program=program)
        sound = render(whole, program, sample_rate=SAMPLE_RATE)
        _keep(sound, name, whole.frames, f"{fidelity} network after 8 frames of a held-out chorale")
    path = args.runs / "sound_files_ideal_0"
    if (path / "run.json").exists():
        run = open_run(str(path), Library.shipped())
        ear = front_end_of(run)
        prime = rendered_levels(held_out[5:6], ear)[0].levels[: 2 * PRIME]
        levels = np.vstack(
            [prime, continued_levels(run, prime, FRAMES - len(prime), seed=SEED, temperature=0.7)]
        )
        sound = resynthesize(levels, ear.frequencies, ear.frame_seconds)
        _keep(
            sound, "spectrogram", None, "spectrogram network after 16 frames of a held-out chorale, as sound"
        )
        receptive_fields(run).savefig(GALLERY / "features_sound.png", dpi=80)
    run = open_run(str(args.runs / "jsb_independent_ideal_none_128_0"), Library.shipped())
    receptive_fields(run).savefig(GALLERY / "features_notes.png", dpi=80)
    (GALLERY / "README.md").write_text(_page())
    print("\n".join(f"{p.stat().st_size:8d} {p.relative_to(ROOT)}" for p in sorted(GALLERY.iterdir())))


def _page() -> str:
    """What is in the gallery, as Markdown."""
    lines = [
        "# Gallery", "",
        "What trained networks play, made by `python scripts/gallery.py` after `benchmarks/prediction.py` and",
        f"`benchmarks/sound_prediction.py`. {PRIME} frames of a held-out chorale are heard, the rest is the network's own",
        f"(temperature {TEMPERATURE:g}, seed {SEED}, nothing chosen by ear). Sound is 16 kHz Ogg Vorbis.", "",
    ]  # fmt: skip
    for sound in sorted(GALLERY.glob("*.ogg")):
        midi = f", [MIDI]({sound.stem}.mid)" if sound.with_suffix(".mid").exists() else ""
        lines += [
            f"## {sound.stem}",
            f"[sound]({sound.name}){midi}",
            "",
            f"![{sound.stem}]({sound.stem}.png)",
            "",
        ]
    for picture in sorted(GALLERY.glob("features_*.png")):
        lines += [f"## {picture.stem.replace('_', ' of ')}", f"![{picture.stem}]({picture.name})", ""]
    return "\n".join(lines)


def _keep(sound: Audio, name: str, frames: np.ndarray | None, title: str) -> None:
    """Short compressed sound, and a picture of its roll (where there is one) and its spectrogram."""
    import soundfile

    with atomic_path(GALLERY / f"{name}.ogg") as partial:
        soundfile.write(
            partial,
            sound.samples,
            sound.sample_rate,
            format="OGG",
            subtype="VORBIS",
            compression_level=1 - QUALITY,
        )
    figure = plot_piece(frames, mel_spectrogram(sound, 64), PRIME, title)
    figure.savefig(GALLERY / f"{name}.png", dpi=80)


if __name__ == "__main__":
    main()
