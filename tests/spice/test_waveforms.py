import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.spice.waveforms import crossings, integral, pulses, spikes, staircase


def test_crossings_of_a_sine():
    t = np.linspace(0, 3, 3001)
    up = crossings(t, np.sin(2 * np.pi * (t - 0.1)), 0.0)
    # linear interpolation of a sine on a 1 ms grid errs by less than (2 pi 1e-3)^2 / 8 periods
    assert up == pytest.approx([0.1, 1.1, 2.1], abs=5e-6)
    assert crossings(t, np.sin(2 * np.pi * (t - 0.1)), 0.0, rising=False) == pytest.approx(
        [0.6, 1.6, 2.6], abs=5e-6
    )


def test_integral_of_a_ramp():
    t = np.linspace(0, 2, 201)
    assert integral(t, t, 0.5, 1.5) == pytest.approx(1.0, abs=1e-12)


@given(st.lists(st.floats(2e-9, 50e-9), min_size=1, max_size=20))
def test_pulse_corners_increase(gaps):
    corners = pulses(np.cumsum(gaps))[4:-1].split()
    times = np.array(corners[::2], float)
    assert np.all(np.diff(times) > 0)
    assert len(times) == 1 + 4 * len(gaps)


def test_staircase_holds_its_values():
    text = staircase((0, 1e-9, 2e-9), (0.0, 1.0, 0.5))[4:-1].split()
    t, v = np.array(text[::2], float), np.array(text[1::2], float)
    assert np.interp([0.5e-9, 1.5e-9, 5e-9], t, v) == pytest.approx([0.0, 1.0, 0.5])


def train(count: int, after: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of 10 ns every 100 ns, then a constant level until 1 us."""
    time = np.linspace(0, 1e-6, 2001)
    value = np.where(np.abs(time % 1e-7 - 5e-8) < 5e-9, 0.8, 0.0)
    value[time > count * 1e-7] = after
    return time, value


@pytest.mark.parametrize(
    ("waveform", "words"),
    [
        (train(0), r"0 spikes at 1 nA: 3 are needed; the output never exceeds 0 V; raise it"),
        (
            train(2, 0.75),
            r"3 spikes at 1 nA: 4 are needed; .*stuck high at 0\.75 V, it saturates and is not silent",
        ),
        (
            train(2),
            r"2 spikes at 1 nA: 3 are needed; the last came at 1\.45e-07 s of 1e-06 s; raise it, or run longer",
        ),
    ],
)
def test_silence_saturation_and_a_short_run_are_told_apart(waveform, words):
    needed = int(words.split(": ")[1][0])
    with pytest.raises(ValueError, match=words):
        spikes(*waveform, 0.4, needed, "1 nA", "raise it")


def test_enough_spikes_are_returned():
    # linear interpolation over the edge sample of 0.5 ns
    np.testing.assert_allclose(spikes(*train(5), 0.4, 3, "", ""), 1e-7 * np.arange(5) + 4.5e-8, atol=5e-10)
