import numpy as np
import pytest

from neuromorph.errors import ScoreError
from neuromorph.music import chorales
from neuromorph.music.datasets import load_dataset
from neuromorph.music.pianoroll import Note

SOME = [f"bach/bwv{number}" for number in ("269", "347", "153.1", "86.6", "267", "8.6")]


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Six chorales instead of all, and a cache of our own."""
    monkeypatch.setenv("NEUROMORPH_CACHE", str(tmp_path / "cache"))
    rolls = chorales.read_corpus(SOME)
    monkeypatch.setattr(chorales, "read_corpus", lambda: rolls)
    return rolls


def test_a_chorale_is_what_sounds_at_each_quarter():
    # BWV 269, "Aus meines Herzens Grunde", begins with a G major chord: G2 B3 D4 G4
    roll = chorales.read_corpus(["bach/bwv269"])[0]
    first = [note.midi for note in roll.notes() if note.start_frame == 0]
    assert first == [43, 59, 62, 67]
    assert roll.name == "bwv269"
    assert len(roll) == 63
    assert set(roll.frames.sum(axis=1)) <= {1, 2, 3, 4}


def test_only_the_sung_voices_are_read():
    roll = chorales.read_corpus(["bach/bwv29.8"])[0]  # with three trumpets and timpani
    assert roll.frames.sum(axis=1).max() <= 4


def test_quarters_between_notes_are_counted_by_their_beginning():
    class Pitch:
        midi = 60

    class Element:
        def __init__(self, offset, length):
            self.offset, self.quarterLength, self.pitches = offset, length, (Pitch,)

    class Part:
        def __init__(self, *elements):
            self.elements = elements

        def flatten(self):
            self.notes = self.elements
            return self

    assert list(chorales._notes(Part(Element(0.0, 1.0)))) == [Note(60, 0, 1)]
    assert list(chorales._notes(Part(Element(0.5, 0.5)))) == []
    assert list(chorales._notes(Part(Element(0.5, 1.0)))) == [Note(60, 1, 1)]
    assert list(chorales._notes(Part(Element(1.0, 2.5)))) == [Note(60, 1, 3)]


def test_the_split_is_kept_in_the_cache(few, monkeypatch):
    first = load_dataset("chorales")
    assert [len(part) for part in (first.train, first.valid, first.test)] == [4, 1, 1]
    assert sorted(r.name for r in first.train + first.valid + first.test) == sorted(r.name for r in few)
    monkeypatch.setattr(chorales, "read_corpus", lambda: pytest.fail("the cache was not used"))
    assert load_dataset("chorales").parts() == first.parts()


def test_a_damaged_cache_is_made_anew(few):
    first = load_dataset("chorales")
    (cache,) = chorales.cache_folder().iterdir()
    cache.write_bytes(cache.read_bytes()[:100])
    assert load_dataset("chorales").parts() == first.parts()


def test_an_unwritable_cache_only_costs_time(few, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEUROMORPH_CACHE", str(tmp_path / "file"))
    assert len(load_dataset("chorales", limit=1).train) == 1


def test_no_chorales(monkeypatch):
    monkeypatch.setattr(chorales, "_voices", lambda score: [])
    with pytest.raises(ScoreError, match="no chorales"):
        chorales.read_corpus(["bach/bwv269"])


@pytest.mark.slow
def test_the_whole_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROMORPH_CACHE", str(tmp_path))
    dataset = load_dataset("chorales")
    rolls = dataset.train + dataset.valid + dataset.test
    assert 330 <= len(rolls) <= 371
    frames = np.concatenate([roll.frames for roll in rolls])
    assert frames.sum(axis=1).max() <= 5  # one chorale has two sopranos
    assert (frames.sum(axis=1) == 4).mean() > 0.85
