import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.errors import ScoreError
from neuromorph.music.pianoroll import KEYS, PianoRoll
from neuromorph.music.splits import content_key, name_key, split_by_hash, split_in_time, without_copies

from .conftest import random_rolls


@given(st.integers(3, 40), st.randoms())
def test_every_piece_falls_into_one_part_whatever_the_order(count, rng: random.Random):
    rolls = random_rolls(0, count, 3)
    split = split_by_hash(rolls, name_key)
    shuffled = list(rolls)
    rng.shuffle(shuffled)
    assert split_by_hash(shuffled, name_key) == split
    assert sorted(roll.name for part in split for roll in part) == sorted(roll.name for roll in rolls)
    train, valid, test = split
    assert len(valid) == len(test) == max(round(0.2 * count), 1)
    assert train


def test_transposed_copies_are_one_piece(cadence):
    other = random_rolls(0, 1)[0]
    assert content_key(cadence) == content_key(cadence.transposed(5))
    assert without_copies([cadence, other, cadence.transposed(-3)]) == [cadence, other]
    assert content_key(PianoRoll(np.zeros((2, KEYS)))) != content_key(PianoRoll(np.zeros((3, KEYS))))


def test_splitting_in_time_keeps_every_frame():
    roll = random_rolls(0, 1, 23)[0]
    parts = split_in_time([roll])
    np.testing.assert_array_equal(np.concatenate([part[0].frames for part in parts]), roll.frames)
    assert [len(part[0]) for part in parts] == [13, 5, 5]


def test_a_piece_too_short_to_split_is_refused():
    with pytest.raises(ScoreError, match="9 frames, too few"):
        split_in_time(random_rolls(0, 1, 9))
