"""What each circuit effect costs alone, in nats: the trained ideal network goes on with one effect switched on.

    python benchmarks/ablation.py --head independent

Starts from the ideal run of ``benchmarks/prediction.py`` (seed 0), takes one part of the nominal hardware at a time, and
hears the JSB training pieces once more at a small rate; the cost is the difference in valid NLL to the same pass without
any effect.  Differences under 0.01 say nothing (one seed).  The row "all" switches to nominal hardware as a whole.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record
from neuromorph.models.fidelity import BlockSet, psi_rates
from neuromorph.models.frame import Frame
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import NetworkConfig
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import RunFacts, Schedule, load_run, log_odds, new_run, read_facts
from neuromorph.tasks.train import train

NOISE = blocks_for("nominal", Frame(), noise=True).noise
RESULTS = Path(__file__).parent / "results" / "music.json"
PASS = Schedule(1, 0.02, 1.0)
Change = Callable[[BlockSet, BlockSet], BlockSet]


def part(block: str, *names: str) -> Change:
    """Take parameters of one block (or, without names, the whole block) from the nominal set."""

    def change(ideal: BlockSet, nominal: BlockSet) -> BlockSet:
        real = getattr(nominal, block)
        if names:
            real = replace(getattr(ideal, block), **{name: getattr(real, name) for name in names})
        return replace(ideal, **{block: real})

    return change


def both(*changes: Change) -> Change:
    def change(ideal: BlockSet, nominal: BlockSet) -> BlockSet:
        for one in changes:
            ideal = one(ideal, nominal)
        return ideal

    return change


def store(**values: float) -> Change:
    return lambda ideal, nominal: replace(
        ideal, store=replace(ideal.store, **{name: jnp.float32(value) for name, value in values.items()})
    )


def frame(**values: float) -> Callable[[NetworkConfig], NetworkConfig]:
    return lambda config: replace(config, frame=replace(config.frame, **values))


def unmirrored(config: NetworkConfig) -> NetworkConfig:
    return replace(config, learning=replace(config.learning, mirrored=False))


def slope_units(ideal: BlockSet, nominal: BlockSet) -> BlockSet:
    """Their pairs, charging traces as fast as the ideal cell's derivative says."""
    rates = psi_rates(ideal)
    rates["f"] *= float(nominal.slopes.width / ideal.cell.leak_width)  # the ideal leak is linear in c
    return replace(
        ideal, slopes=replace(nominal.slopes, rates=tuple(jnp.float32(rates[gate]) for gate in "ifg"))
    )


FRESH_FEEDBACK = "feedback: fixed and random"
SETTINGS: dict[str, Callable[[NetworkConfig], NetworkConfig]] = {
    "dead time: 10 ns for 5 ns": frame(dead_seconds=10e-9),
    "code: 32 spikes a frame at unit rate for 64": frame(spikes_per_unit=32.0),
    "code: 8 input spikes a frame for 16": frame(input_spikes=8),
    "feedback: fixed where it stands, not mirrored": unmirrored,
    FRESH_FEEDBACK: unmirrored,
}
"""Changes of the ideal network's own settings."""

EFFECTS: dict[str, Change] = {
    "cell: leak of the closed cell": part("cell", "drift_rate"),
    "cell: rest of the leak": part("cell", "rest"),
    "cell: saturating leak": part("cell", "leak_width"),
    "cell: depth of forgetting": both(part("cell", "leak_rate"), part("eligibility", "leak_rate")),
    "cell: read-out": part("cell", "read_amplitude", "read_offset", "read_width"),
    "gates: widths, offsets, floors": part("gate"),
    "candidate's tanh": part("tanh"),
    "dendrites: lag and time constant": part("dendrite"),
    "features: synapse and its weight's sigmoid": both(
        part("feature_synapse"), part("diehl", "read_zero", "read_width", "linear_read")
    ),
    "features: winners' latch": part("latch"),
    "neurons: fitted interval and dead time": both(part("cell_neuron"), part("feature_neuron")),
    "Diehl synapse": part("diehl"),
    "Diehl synapse: trace alone": part("diehl", "tau_trace", "trace_step", "trace_width", "linear_trace"),
    "traces: law of the decay": part("eligibility", "leak_power"),
    "traces: residual charge": part("eligibility", "residual"),
    "traces: lag of the forget line": part("eligibility", "lag"),
    "traces: lag of the psi lines": part("eligibility", "psi_lag", "psi_full"),
    "traces: slope units": slope_units,
    "update: compression": part("eligibility", "compression", "power"),
    "weight read-out: tanh": both(part("external_readout"), part("cell_readout"), part("head_readout")),
    "learning phase and pause": part("learning", "hold_seconds", "pause_seconds"),
    "error and learning unit: saturation, offset, sides": part(
        "learning", "error_up", "error_down", "saturation", "offset", "down", "linear"
    ),
    "fast weight: bound": part("store", "bound"),
    "fast weight: leak": part("store", "leak"),
    "fast weight: residual drift of 3.4e-6 units a frame (sd over synapses)": store(drift=3.4e-6),
    "slow weight: 5 bits": lambda ideal, nominal: replace(
        ideal, store=replace(ideal.store, bound=nominal.store.bound, bits=5)
    ),
    "slow weight: 6 bits, transfer": part("store", "bound", "bits", "follow", "pull"),
    "thermal and shot noise": lambda ideal, nominal: replace(ideal, noise=NOISE),
    "all": lambda ideal, nominal: nominal,
    "all, with noise": lambda ideal, nominal: replace(nominal, noise=NOISE),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", choices=("independent", "joint"), default="independent")
    parser.add_argument("--effects", nargs="*", default=[*EFFECTS, *SETTINGS], help="all by default")
    parser.add_argument("--runs", type=Path, default=Path("out/runs"))
    return parser.parse_args()


def continued(
    start: Path,
    config: NetworkConfig,
    blocks: BlockSet,
    pieces: list,
    valid: list,
    fresh_feedback: bool = False,
) -> float:
    """Valid NLL after one more pass of the trained network on other blocks or settings."""
    before = load_run(start, blocks_for("ideal", read_facts(start).config.frame))
    with tempfile.TemporaryDirectory() as folder:
        facts = RunFacts(config, 0, PASS, "ideal", log_odds(pieces).tolist(), library_hash("ideal"))
        fresh = new_run(Path(folder), facts, blocks)
        state = replace(
            before.state, features=replace(before.state.features, neuron=fresh.state.features.neuron),
            cells=replace(before.state.cells, neuron=fresh.state.cells.neuron),
            feedback=fresh.state.feedback if fresh_feedback else before.state.feedback,
        )  # fmt: skip
        run = train(replace(fresh, state=state), pieces)
    return evaluate(run.network, run.state, valid).nll


def main() -> None:
    args = arguments()
    data = load_dataset("jsb")
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    start = args.runs / f"jsb_{args.head}_ideal_none_128_0"
    config = read_facts(start).config
    ideal, nominal = (blocks_for(fidelity, config.frame) for fidelity in ("ideal", "nominal"))
    plain = continued(start, config, ideal, pieces, valid)
    command = "python benchmarks/ablation.py " + " ".join(sys.argv[1:])
    for name in args.effects:
        if name in SETTINGS:
            changed = SETTINGS[name](config)
            blocks = blocks_for("ideal", changed.frame)
            nll = continued(start, changed, blocks, pieces, valid, fresh_feedback=name == FRESH_FEEDBACK)
        else:
            nll = continued(start, config, EFFECTS[name](ideal, nominal), pieces, valid)
        cost = nll - plain
        claim = f"cost on JSB valid, {args.head} outputs, of {name}"
        details = {"valid_without": round(plain, 4), "library": library_hash("nominal")[:16]}
        record(
            RESULTS,
            [Figure(claim, round(cost, 4), "nats per frame", seeds=(0,), details=details)],
            command,
        )
        print(f"{name:70s} {cost:+.4f}", flush=True)


if __name__ == "__main__":
    main()
