"""Noise source: probability of a release pulse at the strobe against the bias.

python circuits/noise_source.py --plot
"""

# slow: a point is 48 strobes of a noisy circuit, 25 s
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
    literature="shot noise: Schottky (1918), thermal noise: Nyquist (1928); random release of the synapse: Mahvash "
    "and Parker, IEEE TNNLS 24:397 (2013), known to us by its abstract only; own circuit",
    description="""Two amplifiers in unity feedback hold two small capacitors, one at the rate bias, one at the reference;
the noise of their transistors moves the capacitors by some millivolt with a nanosecond's time constant. At the strobe
a clocked comparator decides which is higher, and one of two outputs gives a pulse as long as the strobe: a release
with a probability that is a Gaussian's distribution function of the bias. The simulator's devices are silent, so the
bench injects what theory gives them: a density of 4 q I for each amplifier of tail current I, drawn from a seed.""",
    limits="""The noise's density is theory (full shot noise of every branch), not a measurement on nanotubes, whose
flicker noise is known to be large and is left out. The comparator's own noise is left out too. The probability moves
from 0.1 to 0.9 within 6 mV of bias, less than the offset of eight-tube pairs (8 mV): each source's bias must be
trimmed. Forty-eight decisions a point: the probabilities are known to 7 %.""",
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
