"""The workloads of ``vs_peers.py``: draws from seeds, kept as plain arrays that every simulator loads.

    python benchmarks/workloads.py w1 out/peers

Numbers follow Diehl and Cook, Front. Comput. Neurosci. 9:99 (2015) for W1, and Vogels and Abbott, J. Neurosci. 25:10786
(2005) in the form of Brette and others, J. Comput. Neurosci. 23:349 (2007) for W3; W2 has the size of the music network.

What every simulator does in a step t of length dt, in this order (time in ms, voltage in mV in W1 and W3):

1. **state**: every variable from its old values (Euler in W1 and W2, exact in W3); traces by exp(-dt/tau).  A neuron that
   fired at step s holds its potential in the steps s+1 ... s+R-1, R its refractory time in steps; conductances, currents
   and thresholds go on.
2. **threshold**: a neuron outside its refractory time whose potential is larger than its threshold fires.
3. **pre events** of the inputs and neurons that fire in this step: they add to conductances or currents with the weights
   as they stand, and (W1, input to A in W2) set their trace to 1.  No delay: what arrives acts on the potential at t+1.
4. **post events** of the neurons that fired: weights move.
5. **reset** of the potential, rise of the threshold.

**W1**, dt 0.5 ms: 784 inputs -> 400 E, 400 I.
E: ``v' = ((-65 - v) + ge (0 - v) + gi (-100 - v)) / 100``, fires over ``-52 + theta``, reset -65, R = 10 steps, then
``theta += 0.1``; ``theta' = -theta / 1e4``.  I: ``v' = ((-60 - v) + ge (0 - v)) / 10``, over -40, reset -45, R = 4 steps.
``ge' = -ge``, ``gi' = -gi / 2``.  Input to E ``ge += w``; E to its own I ``ge += 10.4``; I to all E but its own
``gi += 0.2``.  Input's trace x (tau 20).  Post event of E: ``w = clip(w + 0.01 (x - 0.4) (1 - w)^0.2, 0, 1)``.

**W2**, dt 1 ms: 128 inputs -> 512 A -> 512 R.
A and R: ``v' = (i - v) / 20``, ``i' = -i / 5``, reset 0, R = 3 steps.  A fires over ``1 + theta``, then ``theta += 0.02``,
``theta' = -theta / 1e4``; R over ``1 + 0.1 b``, then ``b += 1``, ``b' = -b / 200``.  Input to A ``i += w``; A to all
other A ``i -= 0.1``; A to R ``i += u``, static; R to R ``i += r``, no diagonal; R to all other R ``i -= 0.01``.
Post event of A: ``w = clip(w + 0.02 (x - 0.3) (1 - w), 0, 1)``, x the input's trace (tau 20, set to 1).
R to R, with traces p (pre) and q (post), tau 20 each: pre event ``r[j, :] = clip(r[j, :] - 0.0022 q, 0, 0.05)``, after it
post event ``r[:, k] = clip(r[:, k] + 0.002 p, 0, 0.05)``; then the traces of those that fired rise by 1, so that spikes of
the same step are no pair.

**W3**, dt 0.1 ms: 4,000 (8,000, 16,000) neurons, four fifths excitatory, one tenth of all pairs connected, none to itself.
``v' = (ge + gi - (v + 49)) / 20``, ``ge' = -ge / 5``, ``gi' = -gi / 10``, over -50, reset -60, R = 50 steps; an excitatory
spike adds ``1.62 f`` to ge, an inhibitory one ``-9 f`` to gi, f = 80 / (0.1 N).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

INPUTS, EXCITATORY = 784, 400
NOTES, CELLS = 128, 512
CONNECTED = 0.1
SEEDS = {"w1": 1, "w2": 2, "w3": 3}
"""Workloads and the seeds of their draws."""


def _events(draw: np.random.Generator, rates: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Steps and channels of Poisson spikes; rates [steps, channels] in Hz, dt in ms."""
    steps, channels = np.nonzero(draw.random(rates.shape, dtype=np.float32) < rates * (dt * 1e-3))
    return steps.astype(np.int32), channels.astype(np.int32)


def w1(seconds: float = 10.0) -> dict[str, np.ndarray]:
    """Ten patterns of a fifth of the inputs at 45 Hz, 350 ms each, then 150 ms of silence."""
    draw, dt = np.random.default_rng(SEEDS["w1"]), 0.5
    steps = round(seconds * 1e3 / dt)
    patterns = draw.random((10, INPUTS)) < 0.2
    time = np.arange(steps) * dt
    shown = patterns[(time // 500).astype(int) % 10] & (time % 500 < 350)[:, None]
    at, channel = _events(draw, 45.0 * shown, dt)
    weights = draw.uniform(0.0, 0.3, (INPUTS, EXCITATORY))
    weights *= 78.0 / weights.sum(axis=0)
    return {"dt": np.array(dt), "steps": np.array(steps), "at": at, "channel": channel,
            "w": weights.astype(np.float32)}  # fmt: skip


def w2(seconds: float = 10.0) -> dict[str, np.ndarray]:
    """A new chord of a fifth of the inputs at 100 Hz every 100 ms, the others at 5 Hz."""
    draw, dt = np.random.default_rng(SEEDS["w2"]), 1.0
    steps = round(seconds * 1e3 / dt)
    chords = draw.random((-(-steps // 100), NOTES)) < 0.2
    at, channel = _events(draw, np.where(chords[np.arange(steps) // 100], 100.0, 5.0), dt)
    r = draw.uniform(0.0, 0.02, (CELLS, CELLS))
    np.fill_diagonal(r, 0.0)
    return {"dt": np.array(dt), "steps": np.array(steps), "at": at, "channel": channel,
            "w": draw.uniform(0.0, 0.3, (NOTES, CELLS)).astype(np.float32),
            "u": draw.uniform(0.0, 0.16, (CELLS, CELLS)).astype(np.float32), "r": r.astype(np.float32)}  # fmt: skip


def w3(neurons: int = 4000, seconds: float = 1.0) -> dict[str, np.ndarray]:
    """Targets of neuron k: ``target[start[k] : start[k + 1]]``, ascending."""
    draw, dt = np.random.default_rng([SEEDS["w3"], neurons]), 0.1
    rows = []
    for k in range(neurons):
        hit = draw.random(neurons, dtype=np.float32) < CONNECTED
        hit[k] = False
        rows.append(np.flatnonzero(hit).astype(np.int32))
    return {"dt": np.array(dt), "steps": np.array(round(seconds * 1e3 / dt)), "neurons": np.array(neurons),
            "start": np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
            "target": np.concatenate(rows), "v": draw.uniform(-60.0, -50.0, neurons).astype(np.float32)}  # fmt: skip


MAKE = {
    "w1": w1, "w2": w2, "w3": w3, "w3x2": lambda: w3(8000), "w3x4": lambda: w3(16000),
}  # fmt: skip


def kept(name: str, folder: Path) -> Path:
    """File of a workload in ``folder``, drawn when it is not there."""
    file = folder / f"{name}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{name}.partial.npz"
        np.savez(partial, **MAKE[name]())
        partial.replace(file)
    return file


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=tuple(MAKE))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    print(kept(args.name, args.folder))
