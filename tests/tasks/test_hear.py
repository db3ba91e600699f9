"""Sound in, sound expected, sound played; classes recognised."""

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from neuromorph.cli import main
from neuromorph.errors import InputError, RunError
from neuromorph.models.fidelity import ideal_blocks
from neuromorph.music.audio import Audio, read_audio, write_wav
from neuromorph.music.frontend import FrontEnd
from neuromorph.tasks.hear import (
    continued_levels,
    expected_levels,
    front_end_of,
    hearing_config,
)
from neuromorph.tasks.recognize import (
    UNCERTAIN,
    RecognitionHead,
    activity,
    load_head,
    recognition,
    recognize,
    save_head,
    summaries,
    train_head,
)
from neuromorph.tasks.run import RunFacts, Schedule, load_run, log_odds, new_run
from neuromorph.tasks.train import train

BANDS, FRAMES = 8, 40
RATE = 16_000


def sweep(seed, frames=FRAMES):
    """Levels [frames, bands]: a hill that climbs one band a frame, round and round."""
    draw = np.random.default_rng(seed)
    peak = np.arange(frames)[:, None] + draw.integers(BANDS)
    distance = np.abs((np.arange(BANDS) - peak + BANDS // 2) % BANDS - BANDS // 2)
    return -1.5 * distance + draw.normal(0, 0.1, (frames, BANDS))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that has heard such sweeps."""
    pieces = [sweep(seed) for seed in range(16)]
    ear = FrontEnd(0.1, BANDS).fitted(pieces, 3)
    config = replace(
        hearing_config(ear, cells=24), features=replace(hearing_config(ear).features, neurons=4, winners=1)
    )
    lines = [ear.lines(piece) for piece in pieces]
    schedule, odds = Schedule(30, 0.15, 0.93, chunk_frames=128), log_odds(lines).tolist()
    facts = RunFacts(config, 0, schedule, "ideal", odds, front_end=ear.to_dict())
    return train(new_run(tmp_path_factory.mktemp("hear") / "run", facts, ideal_blocks(config.frame)), lines)


def test_expected_levels_beat_persistence(run):
    heard = sweep(101)
    expected = expected_levels(run, heard)
    assert expected.shape == heard.shape
    error = ((expected[3:-1] - heard[4:]) ** 2).mean()
    persistence = ((heard[3:-1] - heard[4:]) ** 2).mean()
    assert error < 0.5 * persistence


def test_it_plays_on_where_the_prime_stopped(run):
    hits = []
    for seed in range(12):
        prime = sweep(200 + seed, 12)
        played = continued_levels(run, prime, 1, seed=seed, temperature=0.3)
        assert played.shape == (1, BANDS)
        hits.append(played[0].argmax() == (prime[-1].argmax() + 1) % BANDS)
    assert sum(hits) >= 6  # by chance 1.5 of 12; 6 or more has a chance of 0.2 %


def test_the_front_end_comes_back_from_disk(run):
    back = load_run(run.path, ideal_blocks(run.network.config.frame))
    np.testing.assert_array_equal(front_end_of(back).code.edges, front_end_of(run).code.edges)


def test_a_run_of_notes_does_not_hear(run):
    deaf = replace(run, facts=replace(run.facts, front_end={}))
    with pytest.raises(RunError, match="trained on notes"):
        expected_levels(deaf, sweep(0))


def test_activity_follows_the_sound_and_surprise_the_unexpected(run):
    ear = front_end_of(run)
    known, unknown = sweep(7), np.random.default_rng(0).permutation(sweep(7))
    channels = activity(run.network, run.state, ear, [known, unknown])
    assert [c.shape for c in channels] == [(FRAMES - 1, BANDS + 3)] * 2
    np.testing.assert_array_equal(channels[0][:, :BANDS], known[1:])
    assert channels[1][:, BANDS].mean() > channels[0][:, BANDS].mean() + 1.0
    alone = activity(run.network, run.state, ear, [unknown])[0]
    np.testing.assert_allclose(alone, channels[1], rtol=1e-4)  # each sound from rest
    with pytest.raises(InputError, match="1 frames"):
        activity(run.network, run.state, ear, [known[:1]])


def test_summaries_of_constant_and_alternating_channels():
    time = np.arange(50)
    found = summaries(np.column_stack([np.full(50, 2.0), (-1.0) ** time]), 0.1)
    assert found.shape == (5, 6)
    np.testing.assert_allclose(found[:, 0], 2.0)
    np.testing.assert_allclose(found[:, [2, 4]], 0.0, atol=1e-12)
    assert found[-1, 5] == pytest.approx(2.0, abs=0.1)
    assert summaries(np.ones((3, 1)), 0.1).shape == (1, 3)


def gaussians(seed, count=10, seconds=12, spread=1.0):
    draw = np.random.default_rng(seed)
    centres = {"a": [2, 0, 0], "b": [0, 2, 0], "c": [0, 0, 2]}
    return {k: [draw.normal(v, spread, (seconds, 3)) for _ in range(count)] for k, v in centres.items()}


def test_the_head_learns_and_is_calibrated():
    head = train_head(gaussians(0))
    rows = {k: np.concatenate(v) for k, v in gaussians(1, 40).items()}
    p = np.concatenate([head.probabilities(rows[k]) for k in head.labels])
    truth = np.repeat(np.arange(3), 480)
    right = p.argmax(axis=1) == truth
    best = 0.84  # Bayes' own share for three such clouds, measured with their densities below
    densities = np.stack(
        [-((np.concatenate(list(rows.values())) - 2 * np.eye(3)[k]) ** 2).sum(1) for k in range(3)]
    )
    bayes = (densities.argmax(axis=0) == truth).mean()
    assert bayes == pytest.approx(best, abs=0.03)
    assert right.mean() > bayes - 0.03
    assert p.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.06)


def test_the_rare_class_is_learned_as_well():
    heard = gaussians(0)
    heard["c"] = heard["c"][:2]
    head = train_head(heard)
    rows = gaussians(1, 40)
    recalls = [
        np.mean(head.probabilities(np.concatenate(rows[k])).argmax(1) == i) for i, k in enumerate(head.labels)
    ]
    assert min(recalls) > 0.7


def test_it_says_uncertain_between_classes():
    weights = np.vstack([4 * np.eye(3), np.zeros(3)])
    head = RecognitionHead(("a", "b", "c"), weights, np.zeros(3), np.ones(3))
    heard = recognition(head, np.array([[1.0, 0, 0], [0.6, 0.6, 0.6], [0, 0, 1.0]]))
    assert [heard.answer(row)[0] for row in heard.by_second] == ["a", UNCERTAIN, "c"]
    assert heard.answer(heard.by_second[0])[1] == pytest.approx(np.exp(4) / (np.exp(4) + 2))
    assert heard.answer(heard.whole)[0] == UNCERTAIN
    np.testing.assert_allclose(heard.whole.sum(), 1.0)


@pytest.mark.parametrize("heard", [{}, {"a": [np.ones((2, 3))]}, {"a": [np.ones((2, 3))], "b": []}])
def test_one_class_is_nothing_to_learn(heard):
    with pytest.raises(InputError, match="at least two classes"):
        train_head(heard)


def test_the_head_comes_back_from_disk(tmp_path, run):
    head = train_head(gaussians(0))
    save_head(head, tmp_path)
    back = load_head(tmp_path)
    rows = np.random.default_rng(3).normal(0, 1, (5, 3))
    np.testing.assert_allclose(back.probabilities(rows), head.probabilities(rows))
    (tmp_path / "recognition.json").write_text("{}")
    with pytest.raises(RunError, match=r"recognition\.json"):
        load_head(tmp_path)
    with pytest.raises(RunError, match="not trained to recognise"):
        load_head(run.path)


def test_recognition_of_a_sound(run):
    ear = front_end_of(run)
    channels = activity(run.network, run.state, ear, [sweep(k) for k in range(6)])
    backward = activity(run.network, run.state, ear, [sweep(k)[::-1] for k in range(6)])
    heard = {
        name: [summaries(c, 0.1) for c in found] for name, found in (("up", channels), ("down", backward))
    }
    head = train_head(heard)
    assert isinstance(head, RecognitionHead)
    for seed in (50, 51, 52):
        up = recognize(run.network, run.state, ear, head, sweep(seed)).whole
        down = recognize(run.network, run.state, ear, head, sweep(seed)[::-1]).whole
        assert head.labels[up.argmax()] == "up"  # only the network's surprise tells these apart
        assert head.labels[down.argmax()] == "down"


def sound(kind, seed, seconds=1.5):
    draw, times = np.random.default_rng(seed), np.arange(round(seconds * RATE)) / RATE
    if kind == "hiss":
        return Audio(draw.normal(0, 0.1, len(times)).astype(np.float32), RATE)
    pitches = 220.0 * 2 ** (draw.integers(0, 12, 3) / 12)
    return Audio((0.2 * sum(np.sin(2 * np.pi * p * times) for p in pitches)).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def ear(tmp_path_factory):
    """What the command line trains on a folder of two classes."""
    folder = tmp_path_factory.mktemp("ear")
    for kind in ("chord", "hiss"):
        (folder / "set" / kind).mkdir(parents=True)
        for seed in range(6):
            write_wav(sound(kind, seed), folder / "set" / kind / f"{seed}.wav")
    command = ["train", "--mode", "spectrogram", "--data", str(folder / "set"), "--frame-seconds", "0.05", "--bands", "16",
               "--levels", "2", "--cells", "8", "--epochs", "1", "--run", str(folder / "run"), "--quiet"]  # fmt: skip
    assert main(command) == 0
    return folder


def test_the_command_line_recognises(ear, tmp_path, capsys):
    files = [str(write_wav(sound(kind, 77), tmp_path / f"{kind}.wav")) for kind in ("chord", "hiss")]
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    out = tmp_path / "heard.json"
    status = main(
        ["recognize", str(ear / "run"), *files, str(tmp_path / "bad.wav"), "--seconds", "--json", str(out)]
    )
    heard = json.loads(out.read_text())["files"]
    assert status == 2
    assert [heard[f]["label"] for f in files] == ["chord", "hiss"]
    said = capsys.readouterr()
    assert "bad.wav" in said.err
    assert "second    1: " in said.out


def test_the_command_line_predicts_plays_listens_and_evaluates(ear, tmp_path, capsys):
    song, run = str(write_wav(sound("chord", 3, 3.0), tmp_path / "song.wav")), str(ear / "run")
    assert main(["predict", run, song, "--out", str(tmp_path / "p.png")]) == 0
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["generate", run, "--prime", song, "--seconds", "4", "--out", str(tmp_path / "o.wav")]) == 0
    assert read_audio(tmp_path / "o.wav").seconds == pytest.approx(4.0, abs=0.1)
    assert main(["listen", run, song, "--out", str(tmp_path / "adapted")]) == 0
    assert main(["evaluate", str(tmp_path / "adapted"), "--data", str(ear / "set")]) == 0
    capsys.readouterr()
    assert main(["generate", run, "--seconds", "4", "--out", str(tmp_path / "x.wav")]) == 2
    assert "--prime" in capsys.readouterr().err
    assert main(["generate", run, "--prime", song, "--midi", "x.mid", "--out", str(tmp_path / "x.wav")]) == 2
    assert (
        main(["train", "--mode", "spectrogram", "--control", "shuffled", "--run", str(tmp_path / "r")]) == 2
    )
    assert not (tmp_path / "x.wav").exists()


def test_a_resumed_run_hears_as_it_did_and_keeps_its_schedule(ear, tmp_path, capsys):
    """Neither --mode nor --epochs has to be said again."""
    run, data = tmp_path / "run", str(ear / "set")
    command = ["train", "--data", data, "--run", str(run), "--quiet"]
    begun = [
        "--mode",
        "spectrogram",
        "--frame-seconds",
        "0.05",
        "--bands",
        "8",
        "--levels",
        "2",
        "--cells",
        "4",
    ]
    assert main([*command, *begun, "--epochs", "2"]) == 0
    facts = json.loads((run / "run.json").read_text())
    assert main([*command, "--resume"]) == 0
    again = json.loads((run / "run.json").read_text())
    assert (again["front_end"], again["schedule"], again["history"]) == (
        facts["front_end"], facts["schedule"], facts["history"],
    )  # fmt: skip
    assert main([*command, "--resume", "--epochs", "3"]) == 0
    assert len(json.loads((run / "run.json").read_text())["history"]) == 3


def test_runs_that_hear_differently_are_not_compared(ear, tmp_path, capsys):
    other = tmp_path / "other"
    facts = json.loads((ear / "run" / "run.json").read_text())
    shutil.copytree(ear / "run", other)
    facts["front_end"]["code"]["edges"][0][0] -= 1.0
    state, stored = (other / "run.h5"), json.dumps(facts)
    with h5py.File(state, "r+") as file:
        file.attrs["run"] = stored
    command = [
        "compare",
        str(ear / "run"),
        str(other),
        "--data",
        str(ear / "set"),
        "--out",
        str(tmp_path / "c"),
    ]
    assert main(command) == 2
    assert "does not hear as" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_features_of_sound_differ_and_do_not_saturate(run):
    """With the target of the notes all weights run to the stop, and every feature is the same."""
    weights = np.asarray(run.state.features.weights)
    assert (weights > 0.95).mean() < 0.8
    assert weights.std(axis=1).min() > 0.05
