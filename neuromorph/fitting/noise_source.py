"""Release probability of the noise source: a Gaussian's distribution function of the bias.

    p(release) = Phi((vrate - vref - offset) / sigma)

The counts are binomial, so the fit weighs each with its own variance.  For the interface of sampled
notes: a wanted probability p is the bias ``vref + offset + sigma Phi^-1(p)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, special

from neuromorph.errors import FitFailed
from neuromorph.figures import Figure
from neuromorph.library import BlockData, FittedModel

STROBES = 48
"""Decisions of one run."""
REFERENCE = 0.4
"""vref, V."""


def release_probability(p: dict[str, float], vrate: Any) -> np.ndarray:
    """Probability of a release pulse at bias ``vrate``, V."""
    return special.ndtr((np.asarray(vrate) - REFERENCE - p["v_offset"]) / p["v_sigma"])


def bias_for(p: dict[str, float], probability: Any) -> np.ndarray:
    """Bias vrate, V, that gives a release probability."""
    return REFERENCE + p["v_offset"] + p["v_sigma"] * special.ndtri(np.asarray(probability))


def fit_noise_source(data: BlockData) -> FittedModel:
    """Offset and width by maximum likelihood of the counts."""
    sweep = data["rate"]
    released = np.rint(sweep["probability"] * STROBES)
    vrate = np.broadcast_to(sweep["vrate"][:, None], released.shape)
    p, deviation = fit_counts(vrate, released, np.full(released.shape, STROBES), data.name)
    p["v_noise"] = float(np.sqrt(np.mean(sweep["noise_n"] ** 2 + sweep["noise_m"] ** 2)))
    p["energy_per_strobe"] = float(np.mean(sweep["energy"]) / STROBES)
    units = {"v_offset": "V", "v_sigma": "V", "v_noise": "V", "energy_per_strobe": "J"}
    errors = {"chi_square_per_run": _chi_square(p, sweep)}
    return FittedModel("gaussian_release", p, units, deviation, errors, {"vrate": (0.39, 0.41)})


def fit_counts(
    vrate: np.ndarray, released: np.ndarray, strobes: np.ndarray, block: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Probit fit: offset and sigma, V, with their deviations.

    Raises
    ------
    FitFailed
        When all runs release always or never: such counts do not determine sigma.
    """
    if not np.any((released > 0) & (released < strobes)):
        raise FitFailed(f"{block}: no bias gives a probability between 0 and 1, so sigma is not determined")

    def cost(x: np.ndarray) -> float:
        z = (vrate - REFERENCE - x[0] * 1e-3) / (np.exp(x[1]) * 1e-3)
        return -float(np.sum(released * special.log_ndtr(z) + (strobes - released) * special.log_ndtr(-z)))

    found = optimize.minimize(cost, (0.0, 1.0), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    sigma = float(np.exp(found.x[1]) * 1e-3)
    p = {"v_offset": float(found.x[0] * 1e-3), "v_sigma": sigma}
    return p, _deviation(p, vrate, strobes)


def _deviation(p: dict[str, float], vrate: np.ndarray, strobes: np.ndarray) -> dict[str, float]:
    """From the Fisher information of binomial counts."""
    z = ((vrate - REFERENCE - p["v_offset"]) / p["v_sigma"]).ravel()
    chance = np.clip(special.ndtr(z), 1e-12, 1 - 1e-12)
    slope = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) / p["v_sigma"]
    weight = strobes.ravel() * slope**2 / (chance * (1 - chance))
    information = np.array(
        [[np.sum(weight), np.sum(weight * z)], [np.sum(weight * z), np.sum(weight * z * z)]]
    )
    spread = np.sqrt(np.diag(np.linalg.inv(information)))
    return {"v_offset": float(spread[0]), "v_sigma": float(spread[1])}


def _chi_square(p: dict[str, float], sweep: Any) -> float:
    expected = np.clip(release_probability(p, sweep["vrate"])[:, None], 1 / STROBES, 1 - 1 / STROBES)
    variance = expected * (1 - expected) / STROBES
    return float(np.mean((sweep["probability"] - expected) ** 2 / variance))


def score_noise_source(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out biases and seeds, beside what the counts' own scatter allows."""
    p, check = model.parameters, data["rate_check"]
    expected = release_probability(p, check["vrate"])
    measured = check["probability"].mean(axis=1)
    strobes = STROBES * check["probability"].shape[1]
    scatter = np.sqrt(np.mean(expected * (1 - expected) / strobes))
    rms = np.sqrt(np.mean((measured - expected) ** 2))
    return [
        Figure("noise source: release probability, rms error", 100 * float(rms), "%"),
        Figure("noise source: binomial scatter of that check", 100 * float(scatter), "%"),
        Figure(
            "noise source: fitted sigma over the noise at the comparator", p["v_sigma"] / p["v_noise"], "1"
        ),
    ]
