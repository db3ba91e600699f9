"""Gaussian noise drawn by us, from a seed, as piecewise-linear sources.

ngspice's own transient noise does not repeat with its seed; what is drawn here does.
Densities are one-sided: shot noise ``S = 2 q I`` (A^2/Hz), thermal noise ``S = 4 k T / R``; on a
capacitor the latter gives the variance ``k T / C`` whatever R is.
Source: H. Nyquist, Phys. Rev. 32:110 (1928); W. Schottky, Ann. Phys. 57:541 (1918).
"""

from __future__ import annotations

import numpy as np

from neuromorph.errors import InputError

BOLTZMANN = 1.380649e-23
"""k, J/K."""
CHARGE = 1.602176634e-19
"""q, C."""
ROOM = 300.15
"""K."""


def shot_density(current: float) -> float:
    """One-sided density of shot noise, A^2/Hz, of a current, A."""
    return 2 * CHARGE * abs(current)


def thermal_density(resistance: float, temperature: float = ROOM) -> float:
    """One-sided density of a resistor's current noise, A^2/Hz."""
    return 4 * BOLTZMANN * temperature / resistance


def capacitor_variance(capacitance: float, temperature: float = ROOM) -> float:
    """Variance of the thermal noise voltage on a capacitor, V^2: k T / C."""
    return BOLTZMANN * temperature / capacitance


def corner_deviation(density: float, bandwidth: float) -> float:
    """Standard deviation of the corners of a noise source, A.

    Independent corners a time 1 / (2 bandwidth) apart have, joined by straight lines, the density
    ``density`` well below the bandwidth, falling as sinc^4 above.
    """
    return float(np.sqrt(density * bandwidth))


def noise_corners(
    seed: int, density: float, bandwidth: float, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """Times, s, and currents, A, of the corners of a noise source.

    Parameters
    ----------
    seed : int
    density : float
        One-sided, A^2/Hz (or V^2/Hz), at frequencies well below ``bandwidth``.
    bandwidth : float
        Hz; the corners are 1 / (2 bandwidth) apart.
    seconds : float
        Length; the last corner lies at or beyond it.

    Raises
    ------
    InputError
        When density is negative, or bandwidth or length are not positive.
    """
    if density < 0 or bandwidth <= 0 or seconds <= 0:
        raise InputError(
            f"noise of density {density:g}, bandwidth {bandwidth:g} Hz, length {seconds:g} s cannot be drawn",
            remedy="the density must be at least 0, the other two positive",
        )
    count = int(np.ceil(seconds * 2 * bandwidth)) + 1
    times = np.arange(count) / (2 * bandwidth)
    values = np.random.default_rng(seed).standard_normal(count)
    return times, corner_deviation(density, bandwidth) * values


def noise_source(seed: int, density: float, bandwidth: float, seconds: float) -> str:
    """The ``pwl(...)`` of a noise source, for a current or a voltage."""
    times, values = noise_corners(seed, density, bandwidth, seconds)
    return "pwl(" + " ".join(f"{t:.6g} {v:.6g}" for t, v in zip(times, values, strict=True)) + ")"
