"""Drawn noise against theory; every bound is a quantile of the estimator's own distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal, stats

from neuromorph.errors import InputError
from neuromorph.spice.noise import (
    capacitor_variance,
    noise_corners,
    noise_source,
    shot_density,
    thermal_density,
)
from neuromorph.units import parse_spice

RARE = 1e-6
"""Probability with which a right generator leaves a bound."""
BANDWIDTH = 1e9


def test_the_same_seed_draws_the_same_noise():
    first, again, other = (noise_source(s, 1e-26, BANDWIDTH, 1e-7) for s in (3, 3, 4))
    assert first == again != other


def test_mean_and_variance_of_the_corners():
    """A mean of n Gaussians and a chi-square variance, two-sided at one in a million."""
    density, n = shot_density(1e-8), 20000
    _, values = noise_corners(7, density, BANDWIDTH, (n - 1) / (2 * BANDWIDTH))
    assert len(values) == n
    sigma = np.sqrt(density * BANDWIDTH)
    assert abs(values.mean()) <= stats.norm.isf(RARE / 2) * sigma / np.sqrt(n)
    low, high = stats.chi2.ppf((RARE / 2, 1 - RARE / 2), n - 1) / (n - 1)
    assert low <= values.var(ddof=1) / sigma**2 <= high


def test_density_well_below_the_bandwidth():
    """The interpolated waveform's periodogram, averaged over low bins: chi-square of two per bin."""
    density, fine, n = 1e-26, 8, 2**15
    times, values = noise_corners(11, density, BANDWIDTH, n / (2 * BANDWIDTH))
    step = 1 / (2 * BANDWIDTH * fine)
    wave = np.interp(np.arange(n * fine) * step, times, values)
    frequency, power = signal.periodogram(wave, 1 / step, detrend=False)
    bins = (frequency > 0) & (frequency < 0.05 * BANDWIDTH)
    count = int(bins.sum())
    # sinc^4 falls by 0.8 % at a twentieth of the bandwidth
    low, high = stats.chi2.ppf((RARE / 2, 1 - RARE / 2), 2 * count) / (2 * count)
    assert 0.99 * low <= power[bins].mean() / density <= high


def test_a_resistor_gives_kt_over_c():
    """Filtered by its RC, thermal noise has the variance k T / C."""
    resistance, capacitance = 1e7, 1e-15
    tau, bandwidth = resistance * capacitance, 4e9
    n = 200_000
    times, current = noise_corners(5, thermal_density(resistance), bandwidth, n / (2 * bandwidth))
    decay = np.exp(-(times[1] - times[0]) / tau)
    # the exact response of an RC to a piecewise-linear current
    ramp = 1 - (1 - decay) / ((times[1] - times[0]) / tau)
    b = resistance * np.array([ramp, (1 - decay) - ramp])
    voltage = signal.lfilter(b, [1, -decay], current)[1000:]
    independent = len(voltage) * (times[1] - times[0]) / tau
    low, high = stats.chi2.ppf((RARE / 2, 1 - RARE / 2), independent) / independent
    # the sinc^4 roll-off takes 1 / (4 tau bandwidth) at most from the variance
    assert low * (1 - 1 / (4 * tau * bandwidth)) <= voltage.var() / capacitor_variance(capacitance) <= high


def test_the_source_is_readable_spice():
    words = noise_source(1, 1e-26, BANDWIDTH, 1e-8)[4:-1].split()
    times = [parse_spice(w) for w in words[::2]]
    assert np.all(np.diff(times) > 0)
    assert times[-1] >= 1e-8


@pytest.mark.parametrize("wrong", [(-1.0, 1e9, 1e-8), (1e-26, 0.0, 1e-8), (1e-26, 1e9, 0.0)])
def test_impossible_noise_is_refused(wrong):
    with pytest.raises(InputError, match="cannot be drawn"):
        noise_source(1, *wrong)
