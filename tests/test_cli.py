"""The command line as a user meets it: help, mistakes, garbage; never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuromorph.characterization import load_recipe
from neuromorph.cli import build_parser, main
from neuromorph.library import Library
from neuromorph.models.library_blocks import BLOCKS
from neuromorph.music.audio import read_audio
from neuromorph.music.midi import read_midi, write_midi
from neuromorph.music.pianoroll import PianoRoll

ROOT = Path(__file__).parent.parent
COMMANDS = (
    "doctor", "characterize", "fit", "verify", "train", "evaluate", "generate", "predict", "recognize", "listen",
    "compare", "report",
    "info", "data", "demo", "device",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as done:
        build_parser().parse_args([command, "--help"])
    assert done.value.code == 0
    assert f"neuromorph {command}" in capsys.readouterr().out.split("example:")[1]


def test_unknown_commands_are_bad_usage(capsys):
    with pytest.raises(SystemExit) as done:
        main(["sing"])
    assert done.value.code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--epochs", "0"],
        ["--epochs", "x"],
        ["--rate", "-1"],
        ["--rate", "nan"],
        ["--cells", "0"],
        ["--limit", "0"],
    ],
)
def test_sizes_and_rates_must_be_positive(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit) as done:
        main(["train", "--run", str(tmp_path / "run"), *arguments])
    assert done.value.code == 2
    says(capsys, arguments[0], arguments[1])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny network, trained for one pass on a made-up scale."""
    folder = tmp_path_factory.mktemp("cli")
    frames = np.zeros((40, 88), np.uint8)
    frames[np.arange(40), 39 + np.arange(40) % 7] = 1
    np.savez(folder / "scale.npz", frames=frames)
    command = [
        "train",
        "--data",
        str(folder / "scale.npz"),
        "--cells",
        "16",
        "--epochs",
        "1",
        "--run",
        str(folder / "run"),
        "--quiet",
    ]
    assert main(command) == 0
    return folder


def says(capsys, *words):
    error = capsys.readouterr().err
    assert "Traceback" not in error
    for word in words:
        assert word in error, error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["characterize", "heart"], ("no recipe 'heart'", "axon_hillock")),
        (["fit", "gate", "--library", "{tmp}/none"], ("no block 'gate'", "characterize")),
        (["verify", "gate", "--library", "{tmp}/none"], ("gate", "characterize")),
        (["evaluate", "{tmp}/none"], ("{tmp}/none", "train")),
        (["info", "{tmp}"], ("{tmp}", "neither")),
        (["report", "{tmp}"], ("{tmp}", "characterize")),
        (["train", "--data", "heavy_metal", "--run", "{tmp}/r"], ("heavy_metal", "chorales")),
        (["train", "--data", "{tmp}/gone.mat", "--run", "{tmp}/r"], ("gone.mat",)),
    ],
)
def test_a_mistake_is_one_message(tmp_path, capsys, arguments, words):
    filled = [a.replace("{tmp}", str(tmp_path)) for a in arguments]
    assert main(filled) == 2
    says(capsys, *(w.replace("{tmp}", str(tmp_path)) for w in words))
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_overwritten(run, capsys):
    assert main(["train", "--data", str(run / "scale.npz"), "--run", str(run / "run"), "--epochs", "1"]) == 2
    says(capsys, "run here already", "--resume")


def test_evaluate_writes_figures_with_energy(run, capsys):
    out = run / "evaluation.json"
    assert main(["evaluate", str(run / "run"), "--data", str(run / "scale.npz"), "--json", str(out)]) == 0
    result = json.loads(out.read_text())
    assert np.isfinite(result["figures"]["nll"])
    assert result["figures"]["energy_per_frame_joule"] > 0
    assert {"machine", "versions", "date"} <= set(result)


@pytest.mark.parametrize("content", [b"", b"RIFF nothing", b"\x00" * 4000])
def test_garbage_as_prime_or_song(run, tmp_path, capsys, content):
    path = tmp_path / "noise.wav"
    path.write_bytes(content)
    assert main(["predict", str(run / "run"), str(path), "--out", str(tmp_path / "p.png")]) == 2
    says(capsys, "noise.wav")
    assert main(["generate", str(run / "run"), "--prime", str(path), "--out", str(tmp_path / "o.wav")]) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["noise.wav"]


def test_generate_predict_info_and_report(run, tmp_path, capsys):
    prime = str(run / "scale.npz")
    wav, midi = tmp_path / "piece.wav", tmp_path / "piece.mid"
    main(
        [
            "generate",
            str(run / "run"),
            "--data",
            prime,
            "--seconds",
            "8",
            "--out",
            str(wav),
            "--midi",
            str(midi),
        ]
    )
    assert wav.stat().st_size > 44100
    assert main(["predict", str(run / "run"), str(midi), "--out", str(tmp_path / "next.png")]) == 0
    assert (tmp_path / "next.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["info", str(run / "run"), "--hardware"]) == 0
    listing = capsys.readouterr().out
    assert "memory_cell" in listing
    assert "ideal" in listing
    assert main(["report", str(run / "run"), "--out", str(tmp_path / "report")]) == 0
    assert "<img" in (tmp_path / "report" / "report.html").read_text()


def test_a_run_keeps_its_grid(tmp_path, capsys):
    """Trained on two frames a quarter, it hears every MIDI file so, also its prime."""
    frames = np.zeros((24, 88), np.uint8)
    frames[np.arange(24), 40 + np.arange(24) % 5] = 1
    song = str(write_midi(PianoRoll(frames, 0.4, "song"), tmp_path / "song.mid"))
    run = str(tmp_path / "run")
    train = ["train", "--data", song, "--run", run, "--cells", "8", "--epochs", "1", "--quiet"]
    assert main([*train, "--frames-per-quarter", "2"]) == 0
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["frames_per_quarter"] == 2.0
    assert facts["frame_seconds_music"] == pytest.approx(0.2)
    generate = ["generate", run, "--prime", song, "--prime-frames", "48", "--seconds", "2"]
    assert main([*generate, "--out", str(tmp_path / "a.wav")]) == 0
    assert "primed with 48 frames of song" in capsys.readouterr().out
    assert main(["train", "--run", run, "--resume", "--epochs", "2", "--quiet"]) == 0  # on its own data
    assert "passes over 1 pieces of song" in capsys.readouterr().out
    other = str(tmp_path / "quarters")
    assert main([*train[:4], other, *train[5:]]) == 0
    assert main(["compare", run, other, "--out", str(tmp_path / "compared")]) == 2
    assert "does not hear as" in capsys.readouterr().err


def test_a_run_goes_on_from_the_weights_of_another(run, tmp_path, capsys):
    moved = str(tmp_path / "moved")
    start = ["train", "--from", str(run / "run"), "--run", moved, "--fidelity", "nominal", "--quiet"]
    assert main([*start, "--cells", "9"]) == 2
    says(capsys, "--cells")
    assert main([*start, "--epochs", "1"]) == 0
    assert "with the weights of" in capsys.readouterr().out
    facts = json.loads((tmp_path / "moved" / "run.json").read_text())
    assert [phase["phase"] for phase in facts["phases"]] == ["train", "transfer"]
    assert [note["epoch"] for note in facts["history"]] == [0, 1]
    assert main(["train", "--run", moved, "--resume", "--epochs", "2", "--quiet"]) == 0


def test_a_noisy_run_stays_noisy(run, tmp_path, capsys):
    out = str(tmp_path / "noisy")
    train = [
        "train",
        "--data",
        str(run / "scale.npz"),
        "--run",
        out,
        "--cells",
        "8",
        "--epochs",
        "1",
        "--quiet",
    ]
    assert main([*train, "--noise"]) == 0
    assert json.loads((tmp_path / "noisy" / "run.json").read_text())["noise"] is True
    assert main(["info", out]) == 0
    assert "nominal with noise" in capsys.readouterr().out
    assert main(["evaluate", out]) == 0
    assert main([*train[:4], str(tmp_path / "ideal"), *train[5:], "--fidelity", "ideal", "--noise"]) == 2
    assert "an ideal network has no noise" in capsys.readouterr().err


@pytest.mark.parametrize("tempo", ["60", "240"])
def test_the_tempo_is_the_users(run, tmp_path, tempo):
    wav, midi = tmp_path / "t.wav", tmp_path / "t.mid"
    command = ["generate", str(run / "run"), "--data", str(run / "scale.npz"), "--seconds", "6", "--tempo", tempo,
               "--prime-frames", "3"]  # fmt: skip
    assert main([*command, "--out", str(wav), "--midi", str(midi)]) == 0
    assert read_audio(wav).seconds == pytest.approx(6.5, abs=0.02)  # half a second of tail
    roll = read_midi(midi)
    assert roll.frame_seconds == pytest.approx(60 / float(tempo))
    assert abs(len(roll) - 6 * float(tempo) / 60) <= 8  # silence at the end is not written


def test_listen_saves_an_adapted_run_beside_the_old_one(run, tmp_path, capsys):
    song, out = str(run / "scale.npz"), tmp_path / "adapted"
    before = (run / "run" / "run.h5").read_bytes()
    plot, json_ = tmp_path / "a.png", tmp_path / "a.json"
    command = ["listen", str(run / "run"), song, "--out", str(out)]
    assert main([*command, "--plot", str(plot), "--json", str(json_)]) == 0
    assert (run / "run" / "run.h5").read_bytes() == before
    facts = json.loads((out / "run.json").read_text())
    assert facts["phases"][-1] == {
        "phase": "listen",
        "fidelity": "nominal",
        "data": [song],
        "from": str(run / "run"),
    }
    heard = json.loads(json_.read_text())
    assert len(heard["by_frame"]["nll"]) == facts["listening"]["frames"] == 37  # three parts, 40 frames
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert main(["evaluate", str(out), "--data", song]) == 0
    plain = [
        "listen",
        str(run / "run"),
        song,
        "--out",
        str(tmp_path / "plain"),
        "--unguarded",
        "--json",
        str(json_),
    ]
    assert main(plain) == 0
    assert "NaN" not in json_.read_text()
    assert main(command) == 2
    says(capsys, "run here already", "--resume")
    assert main([*command, "--resume"]) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"MThd nothing", b"\x00" * 4000])
def test_garbage_is_not_listened_to(run, tmp_path, capsys, content):
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    assert main(["listen", str(run / "run"), str(path), "--out", str(tmp_path / "new")]) == 2
    says(capsys, "song.mid")
    assert [p.name for p in tmp_path.iterdir()] == ["song.mid"]


def test_another_library_is_refused_by_name(run, tmp_path, capsys):
    shipped = Library.shipped()
    other = Library(tmp_path / "lib")
    for name in shipped.blocks():
        data = shipped.read(name)
        if name == "memory_cell":
            data.fit.parameters["g_width"] *= 1.01
        other.write(data)
    assert (
        main(["evaluate", str(run / "run"), "--data", str(run / "scale.npz"), "--library", str(other.path)])
        == 2
    )
    says(capsys, "trained with library", other.digest(*BLOCKS)[:12])


@pytest.mark.ngspice
def test_a_recipe_is_a_script(tmp_path):
    command = [
        sys.executable,
        str(ROOT / "circuits" / "gate.py"),
        "--plot",
        "--knob",
        "vb=0.25",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    fitted = {f"{sweep.name}.png" for sweep in load_recipe("gate").sweeps if not sweep.held_out}
    assert {p.name for p in (tmp_path / "gate").glob("*.png")} == fitted
    bad = subprocess.run([*command[:3], "--knob", "vb=9"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert "Traceback" not in bad.stderr


@pytest.mark.ngspice
def test_doctor_measures_an_rc_circuit(capsys):
    assert main(["doctor"]) == 0
    assert "of theory" in capsys.readouterr().out


def test_without_ngspice_the_rest_still_works(monkeypatch, capsys):
    monkeypatch.setenv("NEUROMORPH_NGSPICE", "/nowhere/libngspice.so")
    assert main(["doctor"]) == 1
    assert "without it: everything but characterize and verify works" in capsys.readouterr().out
    assert main(["verify", "gate", "--quiet"]) == 1
    says(capsys, "/nowhere/libngspice.so", "apt-get install libngspice0")


def test_a_chip_is_the_same_chip_again(run, tmp_path, capsys):
    out = str(tmp_path / "chip")
    train = [
        "train",
        "--data",
        str(run / "scale.npz"),
        "--run",
        out,
        "--cells",
        "8",
        "--epochs",
        "1",
        "--quiet",
    ]
    assert main([*train, "--fidelity", "nominal", "--chip", "3"]) == 2
    says(capsys, "--fidelity mismatch")
    assert main([*train, "--fidelity", "mismatch", "--mismatch", "5"]) == 2
    says(capsys, "mismatch = 5")
    for name, value, told in (("--celsius", "120", "120 C"), ("--supply", "2", "a supply of 2 V")):
        assert main([*train, "--fidelity", "mismatch", name, value]) == 2
        says(capsys, told)
    assert main([*train, "--fidelity", "mismatch", "--mismatch", "0.02", "--chip", "3"]) == 0
    facts = json.loads((tmp_path / "chip" / "run.json").read_text())
    assert (facts["fidelity"], facts["mismatch"], facts["chip"]) == ("mismatch", 0.02, 3)
    assert main(["info", out]) == 0
    told = capsys.readouterr().out
    assert "2 % mismatch, chip 3" in told
    assert "drawn, instance by instance" in told
    assert main(["evaluate", out, "--data", str(run / "scale.npz")]) == 0
    assert main(["verify", out, "--spots", "1"]) == 2
    says(capsys, "--fidelity nominal")
