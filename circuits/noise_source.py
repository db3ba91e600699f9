"""Noise source: probability of a release pulse at the strobe against the bias.

python circuits/noise_source.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import Axis, Circuit, Knob, Sweep
from neuromorph.fitting.noise_source import REFERENCE, STROBES, fit_noise_source, score_noise_source
from neuromorph.spice.noise import noise_source, shot_density
from neuromorph.spice.waveforms import integral, pulses, sample

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
FIRST = 10e-9
PERIOD = 12e-9
"""Distance of the strobes, s: some nine time constants of a noisy node."""
BANDWIDTH = 5e8
"""Hz; the followers let pass about 0.12 GHz."""
TAIL = 1e-7
"""Tail current of a follower at the default vnoise, A."""
DENSITY = 2 * shot_density(TAIL)
"""Of one follower, A^2/Hz: the pair's two halves and the mirrors', each carrying half the tail."""


def _rate(circuit, point):
    strobes = FIRST + PERIOD * np.arange(STROBES)
    stop, seed = strobes[-1] + PERIOD, 2 * int(point["seed"])
    sources = [noise_source(seed + k, DENSITY, BANDWIDTH, stop) for k in range(2)]
    cards = (
        f"vref vref 0 {REFERENCE}\nvstrobe strobe 0 {pulses(strobes, 1.8e-9)}\n"
        f"in 0 n {sources[0]}\nim 0 m {sources[1]}"
    )
    save = "v(n) v(m) v(release) i(vdd)"
    return circuit.testbench(point, cards, f".tran 0.2n {stop:g} 0 2n", save)


def _rate_measure(waves, _):
    strobes = FIRST + PERIOD * np.arange(STROBES)
    released = sample(waves.time, waves["release"], strobes + 1.5e-9) > 0.4
    noise = {f"noise_{k}": float(np.std(sample(waves.time, waves[k], strobes - 0.3e-9))) for k in "nm"}
    energy = -0.8 * integral(waves.time, waves["vdd#branch"], FIRST)
    return {"probability": float(np.mean(released)), "energy": energy, **noise}


def _sweep(name, vrates, seeds, caption="", held_out=False):
    axes = {"vrate": Axis(tuple(REFERENCE + v * 1e-3 for v in vrates), "V"), "seed": Axis(seeds, "")}
    return Sweep(name, axes, _rate, _rate_measure, _OUT, held_out=held_out, caption=caption)


_OUT = {"probability": "1", "energy": "J", "noise_n": "V", "noise_m": "V"}

CIRCUIT = Circuit(
    name="noise_source",
    summary="noise turned into random release pulses whose probability is a bias",
    netlists=(
        NETLISTS / "devices/cnfet.lib", NETLISTS / "blocks/ota.cir", NETLISTS / "blocks/noise_source.cir",
    ),
    subcircuit="noise_source",
    knobs=(
        Knob("vrate", 0.38, 0.42, REFERENCE, "release probability: higher releases more often"),
        Knob("vnoise", 0.26, 0.34, 0.31, "tail of the followers: higher makes the noise faster"),
    ),
    states=("n", "m"),
    transistors=33,
    sweeps=(
        _sweep("rate", (-5, -2.5, -1, 0, 1, 2.5, 5), (1,), "Release probability"),
        _sweep("rate_check", (-3, -1.5, 1.5, 3), (21,), held_out=True),
    ),
    fit=fit_noise_source,
    score=score_noise_source,
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
