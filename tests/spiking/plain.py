"""Workloads W1, W2 and W3 as plain loops in NumPy, written from their description alone: what the fast path is held to."""

from __future__ import annotations

import numpy as np

F = np.float32


def by_step(at, channel, steps):
    """Channels that spike at each step."""
    return np.split(channel, np.searchsorted(at, np.arange(1, steps)))


def w1(work, steps):
    """Spikes of E and I, bool [steps, 400] each, and the weights at the end."""
    dt, w = F(work["dt"]), work["w"].copy()
    events = by_step(work["at"], work["channel"], int(work["steps"]))
    n = w.shape[1]
    v, ge, gi, theta, rest = (
        np.full(n, F(-65)),
        np.zeros(n, F),
        np.zeros(n, F),
        np.zeros(n, F),
        np.zeros(n, int),
    )
    u, gu, pause = np.full(n, F(-60)), np.zeros(n, F), np.zeros(n, int)
    x, decay = np.zeros(len(w), F), F(np.exp(-dt / 20))
    exc, inh = np.zeros((steps, n), bool), np.zeros((steps, n), bool)
    for t in range(steps):
        dv = ((F(-65) - v) + ge * (F(0) - v) + gi * (F(-100) - v)) * (dt / F(100))
        du = ((F(-60) - u) + gu * (F(0) - u)) * (dt / F(10))
        v, u = np.where(rest > 0, v, v + dv), np.where(pause > 0, u, u + du)
        free, awake = rest == 0, pause == 0
        ge, gi, gu = ge * (1 - dt), gi * (1 - dt / F(2)), gu * (1 - dt)
        theta, x = theta * (1 - dt / F(1e4)), x * decay
        fired, answer = free & (v > F(-52) + theta), awake & (u > F(-40))
        for k in events[t]:
            ge = ge + w[k]
            x[k] = 1
        gu = gu + F(10.4) * fired
        gi = gi + F(0.2) * (answer.sum() - answer)
        for j in np.flatnonzero(fired):
            w[:, j] = np.clip(w[:, j] + F(0.01) * (x - F(0.4)) * (1 - w[:, j]) ** F(0.2), 0, 1)
        v, u = np.where(fired, F(-65), v), np.where(answer, F(-45), u)
        theta = theta + F(0.1) * fired
        rest = np.where(fired, 9, np.maximum(rest - 1, 0))
        pause = np.where(answer, 3, np.maximum(pause - 1, 0))
        exc[t], inh[t] = fired, answer
    return exc, inh, w


def w2(work, steps):
    """Spikes of A and R, bool [steps, 512] each, and both plastic weights at the end."""
    dt, w, u, r = F(work["dt"]), work["w"].copy(), work["u"], work["r"].copy()
    events = by_step(work["at"], work["channel"], int(work["steps"]))
    n = w.shape[1]
    zeros = lambda: np.zeros(n, F)  # noqa: E731
    va, ia, theta, ra = zeros(), zeros(), zeros(), np.zeros(n, int)
    vr, ir, b, rr = zeros(), zeros(), zeros(), np.zeros(n, int)
    x, p, q, decay = np.zeros(len(w), F), zeros(), zeros(), F(np.exp(-dt / 20))
    first, second = np.zeros((steps, n), bool), np.zeros((steps, n), bool)
    for t in range(steps):
        new_a, new_r = va + (ia - va) * (dt / F(20)), vr + (ir - vr) * (dt / F(20))
        va, vr = np.where(ra > 0, va, new_a), np.where(rr > 0, vr, new_r)
        free, awake = ra == 0, rr == 0
        ia, ir = ia * (1 - dt / F(5)), ir * (1 - dt / F(5))
        theta, b = theta * (1 - dt / F(1e4)), b * (1 - dt / F(200))
        x, p, q = x * decay, p * decay, q * decay
        a, s = free & (va > 1 + theta), awake & (vr > 1 + F(0.1) * b)
        for k in events[t]:
            ia = ia + w[k]
            x[k] = 1
        ia = ia - F(0.1) * (a.sum() - a)
        for k in np.flatnonzero(a):
            ir = ir + u[k]
        for k in np.flatnonzero(s):
            ir = ir + r[k]
        ir = ir - F(0.01) * (s.sum() - s)
        diagonal = np.eye(n, dtype=bool)
        for k in np.flatnonzero(s):
            r[k] = np.where(diagonal[k], 0, np.clip(r[k] - F(0.0022) * q, 0, F(0.05)))
        for k in np.flatnonzero(s):
            r[:, k] = np.where(diagonal[:, k], 0, np.clip(r[:, k] + F(0.002) * p, 0, F(0.05)))
        for k in np.flatnonzero(a):
            w[:, k] = np.clip(w[:, k] + F(0.02) * (x - F(0.3)) * (1 - w[:, k]), 0, 1)
        p, q = p + s, q + s
        va, vr = np.where(a, F(0), va), np.where(s, F(0), vr)
        theta, b = theta + F(0.02) * a, b + s
        ra, rr = np.where(a, 2, np.maximum(ra - 1, 0)), np.where(s, 2, np.maximum(rr - 1, 0))
        first[t], second[t] = a, s
    return first, second, w, r


def w3(work, steps):
    """Spikes of all neurons, bool [steps, neurons], in double precision."""
    dt, n = float(work["dt"]), int(work["neurons"])
    start, target = work["start"], work["target"]
    factor = 80 / (0.1 * n)
    membrane, keep_e, keep_i = np.exp(-dt / 20), np.exp(-dt / 5), np.exp(-dt / 10)
    from_e = (keep_e - membrane) / (20 * (1 / 20 - 1 / 5))
    from_i = (keep_i - membrane) / (20 * (1 / 20 - 1 / 10))
    v, ge, gi, rest = work["v"].astype(float), np.zeros(n), np.zeros(n), np.zeros(n, int)
    spikes = np.zeros((steps, n), bool)
    for t in range(steps):
        v = np.where(rest > 0, v, -49 + (v + 49) * membrane + ge * from_e + gi * from_i)
        ge, gi = ge * keep_e, gi * keep_i
        fired = (rest == 0) & (v > -50)
        for k in np.flatnonzero(fired):
            into, jump = (ge, 1.62 * factor) if k < round(0.8 * n) else (gi, -9.0 * factor)
            into[target[start[k] : start[k + 1]]] += jump
        v[fired] = -60
        rest = np.where(fired, 49, np.maximum(rest - 1, 0))
        spikes[t] = fired
    return spikes
