"""Figures of the circuits as a whole: what is there, the electrical interface, the frame, energy and size.

    python benchmarks/circuits.py

Everything is read from the shipped library, the recipes and the event counts of the music runs
(``benchmarks/results/music.json``); nothing is measured anew, so it takes seconds.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from neuromorph.characterization import load_recipe, recipe_names
from neuromorph.commands.inspection import network_budget
from neuromorph.figures import Figure, record, table
from neuromorph.fitting.eligibility import FRAME, WEIGHT_RANGE
from neuromorph.fitting.pulse_pairs import CONVERSION
from neuromorph.library import Library
from neuromorph.models.fidelity import gate_dendrites
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.library_blocks import blocks_for
from neuromorph.models.noise import BOLTZMANN, ELEMENTARY_CHARGE, TEMPERATURE, TRANSISTORS
from neuromorph.network.config import NetworkConfig
from neuromorph.network.energy import LEARNING_SECONDS, energy_per_frame
from neuromorph.network.hardware import IDEAL, PRODUCTS, STATES

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results"

INTERFACE = (
    ("pulse of the shaper: width at the default", "spike_shaper", "width"),
    ("pulse of the shaper: delay into 0.15 pF", "spike_shaper", "delay"),
    ("weight read-out: charge of one unit of weight (30 mV) a spike", "gate_synapse", "unit_charge"),
    ("weight read-out: largest charge a spike", "gate_synapse", "charge"),
    ("weight read-out: width of the tanh", "gate_synapse", "v_width"),
    ("excitatory synapse: charge of a lone spike", "excitatory_synapse", "charge"),
    ("inhibitory synapse: charge of a lone spike", "inhibitory_synapse", "charge"),
    ("dendrite: conductance", "dendritic_adder", "conductance"),
    ("dendrite: time constant", "dendritic_adder", "tau"),
    ("gate: width of the sigmoid (one unit)", "gate", "v_width"),
    ("amplifier: width of the tanh (one unit)", "gate", "tanh_v_width"),
    ("gate line: full line current over the leak of a gate", "gate_line", "current_ratio"),
    ("gate line: closing 100:1 into 0.2 pF", "gate_line", "close_time"),
    ("gate line: static current", "gate_line", "static_current"),
    ("trace: y added by a pulse at full psi", "eligibility_synapse", "gain"),
    (
        "trace: y added by a pulse whatever psi is, at most (residual charge)",
        "eligibility_synapse",
        "residual",
    ),
    ("error unit: widest difference of pulses", "error_unit", "time_up"),
    ("update: weight change of a full-scale signal at y = 1", "eligibility_synapse", "full_update"),
    ("store: share taken over at a transfer", "weight_store", "share"),
)


def interface(library: Library) -> list[Figure]:
    """Values that one block hands to the next, as fitted."""
    figures = []
    for claim, block, parameter in INTERFACE:
        fit = library.read(block).fit
        assert fit is not None
        figures.append(
            Figure(f"interface: {claim}", fit.parameters[parameter], fit.units.get(parameter, "1"))
        )
    return figures


def dendrites(library: Library) -> list[Figure]:
    """How the network sets the dendrites of its cells and the pulses on their lines."""
    design = gate_dendrites(library.models(), Frame())
    return [
        Figure("interface: dendrite of a cell: time constant as set", design.tau, "s"),
        Figure("interface: dendrite of a cell: lag of its column", design.lag, "s"),
        Figure("interface: line of a note or feature: height of its pulse", design.external_height, "V"),
        Figure("interface: line of a cell: height of its pulse", design.cell_height, "V"),
    ]


def complete(library: Library) -> list[Figure]:
    """Blocks that have all their parts, and states of the network that have no block."""
    pages = ROOT / "docs" / "circuits"
    benches = ROOT / "netlists" / "benches"
    whole = [
        name
        for name in recipe_names()
        if name in library.blocks() and (pages / f"{name}.md").exists() and (benches / f"{name}.cir").exists()
    ]
    shown = (ROOT / "docs" / "chains.md").read_text()
    chains = sum(f"generated: {c.stem} " in shown for c in (ROOT / "netlists" / "chains").glob("*.cir"))
    homeless = sum(block == IDEAL for block, _ in (*STATES.values(), *PRODUCTS.values()))
    noted = sum(bool(note) for _, note in (*STATES.values(), *PRODUCTS.values()))
    return [
        Figure("blocks with netlist, bench, recipe, curves, fit and page", len(whole), "1",
               len(recipe_names()), len(recipe_names()), better="higher"),
        Figure("blocks chained: benches at transistor level that ran and are drawn in docs/chains.md", chains, "1",
               4, 5, better="higher"),
        Figure("states and products of the network without a block at nominal", homeless, "1", 0, 0),
        Figure("states and products whose block the step simulates in part (info --hardware says what)", noted, "1"),
        Figure("transistors of the largest block", max(load_recipe(n).transistors for n in recipe_names()), "1"),
    ]  # fmt: skip


def frame(library: Library) -> list[Figure]:
    """Retention of cell and weights in frames and seconds."""
    cell = library.read("memory_cell").fit
    synapse = library.read("eligibility_synapse").fit
    assert cell is not None
    assert synapse is not None
    c = cell.parameters
    lost = c["i_hold"] * FRAME / c["capacitance"]
    frames_cell = 0.0065 / lost
    apart = 0.0065 * c["capacitance"] / (c["i_wait"] + 0.065 * c["g_wait"])
    tonic, neuron = library.read("axon_hillock")["tonic"], library.models("axon_hillock")["axon_hillock"]
    full_scale = neuron["capacitance"] * neuron["threshold"] * Frame().spike_rate
    shortest = float(np.interp(full_scale, tonic["i_in"], tonic["interval"]))
    leak = 2 * synapse.parameters["drift"]
    return [
        Figure("frame: length", FRAME, "s"),
        Figure("frame: shortest interval of a neuron, at full-scale current", shortest, "s", 8e-9, 5e-9),
        Figure("frame: lowest current at which a neuron was seen to fire, of full scale",
               100 * float(tonic["i_in"].min()) / full_scale, "%", 5.0, 2.0),
        Figure("frame: learning phase after it", LEARNING_SECONDS, "s"),
        Figure("frame: one conversion of pulse widths", CONVERSION, "s"),
        Figure("retention: closed cell loses 6.5 mV (a tenth of its unit) in", frames_cell, "frames", better="higher"),
        Figure("retention: closed cell, the same in seconds", frames_cell * FRAME, "s", better="higher"),
        Figure("retention: cell cut off from its gates at 65 mV loses 6.5 mV in", apart, "s", better="higher"),
        Figure("retention: fast weight loses one percent of itself in", 0.01 / leak, "frames", better="higher"),
        Figure("retention: fast weight, the same in seconds", 0.01 / leak * FRAME, "s", better="higher"),
        Figure("range of a weight, wp - wn", WEIGHT_RANGE, "V"),
    ]  # fmt: skip


def noise(library: Library) -> list[Figure]:
    """What thermal and shot noise make of a dendrite, a cell and a neuron at full currents."""
    spread, frame = blocks_for("nominal", Frame(), library, noise=True)[0].noise, Frame()
    assert spread is not None
    cell = library.models("memory_cell")["memory_cell"]
    neuron = library.models("axon_hillock")["axon_hillock"]
    electrons = neuron["capacitance"] * neuron["threshold"] / ELEMENTARY_CHARGE
    frames_kick = np.sqrt(frame.ticks * (spread.charging**2 + spread.leaking**2)) * TANH_UNIT
    return [
        Figure("noise: rms of a gate's dendrite", float(spread.dendrite[0, 0]) * GATE_UNIT, "V"),
        Figure("noise: rms of a candidate's dendrite", float(spread.dendrite[3, 0]) * TANH_UNIT, "V"),
        Figure("noise: charge noise of a cell in a frame with open gates", float(frames_kick), "V"),
        Figure("noise: kT/C of a cell, for comparison",
               float(np.sqrt(BOLTZMANN * TEMPERATURE / cell["capacitance"])), "V"),
        Figure("noise: electrons in a spike", electrons, "1"),
        Figure("noise: spread of an interval", 100 * float(np.sqrt(TRANSISTORS / electrons)), "%"),
    ]  # fmt: skip


def cost(library: Library) -> list[Figure]:
    """Size and energy of the joint network of 128 cells, with the events of the trained run."""
    config, models = NetworkConfig(joint=True), library.models()
    rows = json.loads((RESULTS / "music.json").read_text())
    events = next(r for r in rows if r["claim"] == "JSB valid NLL, joint outputs, nominal")[
        "events_per_frame"
    ]
    whole = network_budget(config, library)[-1]
    figures = [
        Figure(f"network: {name}", value, unit)
        for name, value, unit in (
            ("transistors", whole.transistors, "1"), ("tubes", whole.tubes, "1"),
            ("explicit capacitance", whole.capacitance, "F"),
            ("static power", whole.static_power, "W"),
        )
    ]  # fmt: skip
    for learning in (False, True):
        mode = "learning" if learning else "listening"
        parts = energy_per_frame(events, models, config, learning)
        figures += [Figure(f"energy per frame, {mode}: {name}", value, "J") for name, value in parts.items()]
    return figures


def main() -> None:
    library = Library.shipped()
    figures = [
        *complete(library),
        *interface(library),
        *dendrites(library),
        *frame(library),
        *noise(library),
        *cost(library),
    ]
    print(table(figures))
    record(RESULTS / "circuits.json", figures, "python benchmarks/circuits.py")


if __name__ == "__main__":
    main()
