"""Slope units: what a cell's gates charge its eligibility traces with, from the gates' own values.

A slope unit sees a gate's voltage through a pair of its own, a little wider and shifted.  With ``t = tanh(L / 2)`` of the
gate, its pair's is ``T = tanh((r L + d) / 2)``, a polynomial of t here, and its bump ``1 - T^2``; its factor is the tanh of
candidate or cell.  Half open, at full factor, psi is what the derivative of the cell is: that sets the units' biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.fitting.eligibility import PSI_FULL
from neuromorph.fitting.slope import BIAS_RANGE, at_bias, bias_for
from neuromorph.models.gate import TANH_UNIT
from neuromorph.models.pytree import pytree

Pair = tuple[float | jax.Array, ...]
"""Coefficients of :func:`seen`."""


def pair(ratio: float, shift: float) -> Pair:
    """Coefficients for a pair that sees ``ratio`` times the logarithm that a gate sees, and ``shift`` more.

    Within 0.01 for a tenth of width and a tenth of a unit of shift.
    """
    t = np.linspace(-0.995, 0.995, 400)
    weight = 1 - t**2
    own = np.tanh(ratio * np.arctanh(t) + 0.5 * shift)
    basis = weight[:, None] * t[:, None] ** np.arange(4)
    found, *_ = np.linalg.lstsq(basis, own - t, rcond=None)
    return tuple(float(v) for v in found)


def seen(t: jax.Array, pair: Pair) -> jax.Array:
    """tanh of the unit's pair, from that of the gate."""
    a, b, c, d = pair
    return t + (1.0 - t * t) * (a + t * (b + t * (c + t * d)))


@pytree
class SlopeUnits:
    """The three slope units of a cell.

    Parameters
    ----------
    i, f : pairs at the voltages of input and forget gate
    factor : pair at the candidate, the factor of the input gate's unit
    open, g : pairs of the candidate's unit at the input gate and at the candidate
    rest, width : of the factor of the forget gate's unit, units of c
    down_i, down_f : negative over positive psi
    rates : psi of i, f and g half open at full factor, 1/s
    delays : by which psi of i and f comes late, s
    lag : e-fold time of the mirrors of g at the full current of a psi line, s
    """

    i: Pair
    f: Pair
    factor: Pair
    open: Pair
    g: Pair
    rest: float | jax.Array
    width: float | jax.Array
    down_i: float | jax.Array
    down_f: float | jax.Array
    rates: tuple[float | jax.Array, float | jax.Array, float | jax.Array]
    delays: tuple[float | jax.Array, float | jax.Array]
    lag: float | jax.Array

    def psi(
        self, gate_i: jax.Array, gate_f: jax.Array, g: jax.Array, c: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """psi of i, f and g, 1/s.

        Parameters
        ----------
        gate_i, gate_f, g : [cells] tanh of half the gates' logarithms, and of the candidate
        c : [cells] of the cell, units of c
        """
        bump_i, bump_f = 1.0 - seen(gate_i, self.i) ** 2, 1.0 - seen(gate_f, self.f) ** 2
        by_g, by_c = seen(g, self.factor), jnp.tanh((c - self.rest) / self.width)
        candidate = 0.5 * (1.0 + seen(gate_i, self.open)) * (1.0 - seen(g, self.g) ** 2)
        i, f, g_rate = self.rates
        return (
            i * bump_i * by_g * jnp.where(by_g < 0, self.down_i, 1.0),
            f * bump_f * by_c * jnp.where(by_c < 0, self.down_f, 1.0),
            g_rate * candidate,
        )


def biases(unit: Mapping[str, float], full: Mapping[str, float]) -> dict[str, float]:
    """Biases at which the units give ``full`` line currents (A) by gate i, f, g; not held to the knob's range."""
    return {
        gate: bias_for(unit, current / unit["scale_g" if gate == "g" else "scale"])
        for gate, current in full.items()
    }


def slope_units(
    unit: Mapping[str, float], cell: Mapping[str, Any], rates: Mapping[str, float], full: Mapping[str, float]
) -> SlopeUnits:
    """The units of the library's ``slope_unit`` beside gates of its ``memory_cell``.

    Parameters
    ----------
    rates : psi of gate i, f, g half open at full factor, 1/s
    full : line currents for it, A; beyond the range of the bias a unit is as at its end
    """
    at = {gate: float(np.clip(bias, *BIAS_RANGE)) for gate, bias in biases(unit, full).items()}
    i, f = at_bias(unit, at["i"]), at_bias(unit, at["f"])

    def beside(gate: str, width: float, offset: float) -> Pair:
        """A pair of sigmoids, V, at the voltage of a cell's gate."""
        return pair(cell[f"{gate}_width"] / width, (cell[f"{gate}_offset"] - offset) / width)

    return SlopeUnits(
        i=beside("i", i["v_width"], i["v_offset"]),
        f=beside("f", f["v_width"], -f["v_offset"]),  # a leak's gate has its inputs swapped
        factor=pair(cell["g_width"] / i["x_width"], 2 * (cell["g_offset"] - i["x_offset"]) / i["x_width"]),
        open=beside("i", unit["vg_width"], unit["vg_offset"]),
        g=pair(
            cell["g_width"] / (2 * unit["g_width"]), (cell["g_offset"] - unit["g_offset"]) / unit["g_width"]
        ),
        rest=f["x_offset"] / TANH_UNIT,
        width=f["x_width"] / TANH_UNIT,
        down_i=i["down"],
        down_f=f["down"],
        rates=(rates["i"], rates["f"], rates["g"]),
        delays=(unit["q_delay"] / i["scale"], unit["q_delay"] / f["scale"]),
        lag=unit["q_mirror"] / PSI_FULL,
    )
