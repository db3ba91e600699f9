"""The three-factor synapse: two non-negative traces and a compressive update.

A trace y decays with its cell's forget current, ``y' = -k s^a y``, and a spike of its line adds
``P m / (m + P / b)``, P the charge psi, ``m = y + y_0 + P / 2``: an injector that leaves the exponential raises a trace
and its floor y_0 by some b times itself at most.  It also adds ``r y / (y + y_r)``: the residual charge r is what the
injector's switch leaves behind, whatever psi is down to a hundredth (a closed line leaves a fifth of it).  An update
reads ``share = (x+ - x-) / (1 + kappa (x+ + x-))``, ``x = y^(p + q ln y)``: two trace currents divide the current of the
learning signal.  Ideal: a = p = 1, r = kappa = q = 0, b infinite.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

from neuromorph.fitting.eligibility import PSI_REST
from neuromorph.models.cell_mirrors import follow, log_of
from neuromorph.models.pytree import pytree

TRACE_RANGE = (0.007, 5.0)
"""Floor and largest value of a trace."""


def rational_power(power: float, bend: float = 0.0) -> tuple[float, ...]:
    """Scale, zero, pole, zero, pole of ``y^(power + bend ln y)`` as ``y`` times a rational function.

    For 0.8 <= power <= 1 without a bend, for 0.8 <= power <= 0.9 down to a bend of -0.02.  Within
    2 % over :data:`TRACE_RANGE`; a power of every trace would double the cost of a frame.
    """
    y = np.geomspace(*TRACE_RANGE, 200)
    wanted = y ** (power - 1 + bend * np.log(y))

    def factors(x: np.ndarray) -> np.ndarray:
        return (
            np.exp(x[0]) * (y + np.exp(x[1])) * (y + np.exp(x[3])) / (y + np.exp(x[2])) / (y + np.exp(x[4]))
        )

    limits = ([-8.0] * 5, [8.0] * 5)
    found = least_squares(lambda x: factors(x) / wanted - 1, [0.0, -3.0, -3.5, 0.0, -0.5], bounds=limits)
    return tuple(float(v) for v in np.exp(found.x))


def powered(trace: jax.Array, power: tuple[float | jax.Array, ...]) -> jax.Array:
    """``trace`` to a power of :func:`rational_power`."""
    over, under = power_parts(trace, power)
    return over / under


def power_parts(trace: jax.Array, power: tuple[float | jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    """Numerator and denominator of :func:`powered`."""
    scale, zero, pole, high_zero, high_pole = power
    return scale * trace * (trace + zero) * (trace + high_zero), (trace + pole) * (trace + high_pole)


@pytree
class EligibilitySynapse:
    """What a trace integrates and how an update reads it.

    Parameters
    ----------
    leak_rate : decay at a fully open forget line, 1/s
    tau_pre : filter of the spikes that charge the trace, s; 0 is the raw spike
    tau_output : filter of the spikes that gate the output gate's update, s (one a line;
        the output gate has no trace of its own)
    external : share of its design charge that a note's or a feature's spike adds to a trace, by its pulse's width
    residual, residual_half : r and y_r; a frame's spikes add theirs to the trace that it begins with
    reach : b of a pulse on a cell's line, one on a note's or a feature's has ``reach_ratio`` times that; None: no limit
    psi_lag : e-fold time of the psi lines at their full current, s, in the logarithm of it; None: they follow at once
    psi_full : psi at that current
    lag : e-fold time of the buffered forget line at its full current, s, in the logarithm of it; None: it follows at once
    shut : what is left of the full current in a line that was closed between frames
    compression : 1 / y_ref; 0 is the linear, ideal product
    leak_power : of the forget gate in the decay
    floor : what a trace at rest still shows an update
    largest : where a trace stops, the end of its characterized range; without a leak the residual charge of many
        spikes would take it beyond all bounds
    power : of a trace in the update, as :func:`rational_power` gives it; None is 1
    """

    leak_rate: float | jax.Array
    tau_pre: float | jax.Array = 0.0
    tau_output: float | jax.Array = 10e-9
    external: float | jax.Array = 1.0
    residual: float | jax.Array = 0.0
    residual_half: float | jax.Array = 1.0
    reach: float | jax.Array | None = None
    reach_ratio: float | jax.Array = 1.0
    psi_lag: float | jax.Array | None = None
    psi_full: float | jax.Array = 1.0
    lag: float | jax.Array | None = None
    shut: float | jax.Array = 1e-3
    compression: float | jax.Array = 0.0
    leak_power: float | jax.Array = 1.0
    floor: float | jax.Array = 0.0
    largest: float | jax.Array = 1e30
    power: tuple[float | jax.Array, ...] | None = None

    def open_psi(self, psi: jax.Array) -> jax.Array:
        """``psi`` on lines that carry a thousandth of their full current when they are closed."""
        return jnp.maximum(psi, PSI_REST * self.psi_full)

    def psi(
        self, line: jax.Array, psi: jax.Array, seconds: float, unit_lag: jax.Array | float = 0.0
    ) -> jax.Array:
        """What lines carry after so many ``seconds`` with ``psi`` at their input, behind slope units whose own mirrors take
        ``unit_lag`` (s) an e-fold: one mirror with the sum of both times stands for two in turn."""
        assert self.psi_lag is not None
        return follow(line, self.open_psi(psi), seconds / ((self.psi_lag + unit_lag) * self.psi_full))[0]

    def leak(self, gate: jax.Array, seconds: float) -> jax.Array:
        """lambda of the traces at each tick, [ticks, cells], from the forget gates' values there.

        The line is closed before a frame; what it leaks while it closes after the frame counts to the last tick.
        """
        full = seconds * self.leak_rate
        if self.lag is None:
            return full * self._rate(gate)
        pace = seconds / self.lag

        def tick(line: jax.Array, gate: jax.Array) -> tuple[jax.Array, jax.Array]:
            return follow(line, self._rate(gate), pace)

        line, leak = jax.lax.scan(tick, jnp.full_like(gate[0], self.shut), gate)
        return full * leak.at[-1].add(log_of(line / self.shut) / pace)

    def _rate(self, gate: jax.Array) -> jax.Array:
        return jnp.exp(self.leak_power * jnp.log(jnp.maximum(gate, 1e-9)))

    def pulsed(self, trace: jax.Array, pulses: jax.Array) -> jax.Array:
        """Traces after so many ``pulses`` without psi."""
        return trace + self.residual * pulses * trace / (trace + self.residual_half)

    def held(self, trace: jax.Array) -> jax.Array:
        """Traces as they stand: none beyond its range."""
        return jnp.minimum(trace, self.largest)

    def _read(self, trace: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Numerator and denominator of what an update sees of a trace."""
        trace = self.held(trace) + self.floor
        if self.power is None:
            return trace, jnp.float32(1.0)
        return power_parts(trace, self.power)

    def twin(self, up: jax.Array, down: jax.Array, share: jax.Array | None = None) -> jax.Array:
        """Signed eligibility that the update sees from twin traces (one division: it is their cost).

        ``share`` is the factor by which the positive one counts more, the negative one less.
        """
        (up, up_under), (down, down_under) = self._read(up), self._read(down)
        up, down, under = up * down_under, down * up_under, up_under * down_under
        if share is not None:
            up, down = up * share, down / share
        return (up - down) / (under + self.compression * (up + down))

    def single(self, up: jax.Array, share: jax.Array | None = None) -> jax.Array:
        """Eligibility from one unsigned trace (the input amplifier's); the other one rests."""
        return self.twin(up, jnp.float32(0.0), share)
