"""Coincidence of spike trains: alike, by chance, and over windows that begin together."""

from __future__ import annotations

import numpy as np
import pytest

from neuromorph.tasks.spike_trains import coincidence, windowed_coincidence


def test_coincidence_is_one_for_the_same_train_and_none_by_chance():
    draw = np.random.default_rng(1)
    spikes = np.sort(draw.uniform(0, 1e-3, 2000))
    assert coincidence(spikes, spikes + 0.4e-9, 1e-9, 1e-3) == pytest.approx(1.0)
    others = np.sort(draw.uniform(0, 1e-3, 2000))
    assert abs(coincidence(spikes, others, 1e-9, 1e-3)) < 4 / np.sqrt(2000)
    assert coincidence(np.zeros(0), np.zeros(0), 1e-9, 1e-3) == 1.0
    assert coincidence(np.zeros(0), spikes, 1e-9, 1e-3) == 0.0


def test_trains_whose_intervals_are_alike_are_so_in_every_window():
    draw = np.random.default_rng(2)
    spikes = np.cumsum(draw.uniform(6e-9, 10e-9, 401))
    assert windowed_coincidence(spikes, spikes) == pytest.approx(1.0)
    # neither a delay nor a drift over many intervals says anything
    assert windowed_coincidence(spikes * 1.0004 + 1e-9, spikes) == pytest.approx(1.0)
    assert coincidence(spikes * 1.0004 + 1e-9, spikes, 0.4e-9, spikes[-1]) < 0.2


@pytest.mark.parametrize(("stretch", "expected"), [(1.004, 1.0), (1.02, 0.16), (1.3, -0.1)])
def test_intervals_too_long_lose_the_pairs_that_come_late(stretch, expected):
    """Of ten pairs, those with k (stretch - 1) <= 0.05 coincide: all, two, none; by chance a tenth would."""
    spikes = 8e-9 * np.arange(101)
    assert windowed_coincidence(spikes * stretch, spikes) == pytest.approx(expected, abs=0.06)


def test_short_trains_are_one_window_and_silent_ones_alike():
    assert windowed_coincidence(
        np.array([1e-9, 9e-9, 17e-9]), np.array([2e-9, 10e-9, 18e-9])
    ) == pytest.approx(1.0)
    assert windowed_coincidence(np.zeros(0), np.zeros(0)) == 1.0
    assert windowed_coincidence(np.zeros(0), np.array([1e-9])) == 0.0
