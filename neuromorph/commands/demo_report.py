"""What the demo shows: the table on the terminal and the HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromorph.units import format_quantity

if TYPE_CHECKING:
    from neuromorph.commands.demo import Demo

ROWS: tuple[tuple[str, str], ...] = (
    ("marginal", "how often each pitch sounds"),
    ("copy", "learned copy of the last frame"),
    ("logistic", "logistic regression on the last frame"),
    ("shuffled", "hardware, fed frames shuffled in time"),
    ("no_memory", "hardware without memory and recurrence"),
    ("hardware", "hardware (nominal)"),
    ("ideal", "ideal neurons"),
)


def print_summary(demo: Demo, summary: dict[str, Any], report: Path) -> None:
    """The short table and where to listen."""
    print(f"\nheld-out NLL, nats per frame ({summary['passes']} passes)   independent   joint outputs")
    for key, meaning in ROWS:
        single, joint = summary["nll"].get(key), summary["nll_joint"].get(key)
        cells = [f"{value:12.3f}" if value is not None else " " * 11 + "-" for value in (single, joint)]
        print(f"  {meaning:44s} {cells[0]}  {cells[1]}")
    print("  (one seed, few passes: networks that differ by less than some 0.05 are not told apart)")
    energy = format_quantity(summary["energy_per_frame_joule"], "J")
    print(f"energy of the hardware network: {energy} per frame of music that it listens to")
    for metric, value in summary["neuron_error"].items():
        print(f"neuron against ngspice, {metric}: {value:.3g} %")
    print(f"listen: {demo.out / 'ideal.wav'} and {demo.out / 'hardware.wav'}; look: {report}")


def write_report(demo: Demo, parts: dict[str, Any], summary: dict[str, Any]) -> Path:
    """The demo's page."""
    from neuromorph.commands.inspection import add_block
    from neuromorph.reporting.page import Page

    page = Page("neuromorph: from a nanotube netlist to a chorale")
    page.paragraph(
        "SPICE netlists of carbon-nanotube circuits were measured in ngspice, fitted, and run as the network below, "
        "which learned chorales while listening, by local rules, without backpropagation through time."
    )
    _listen(page, demo, parts)
    _prediction(page, demo, parts, summary)
    _hardware(page, demo, parts, summary)
    page.heading("The circuits and their models")
    for block in demo.library.blocks():
        add_block(page, demo.library, block, demo.out / "curves")
    return page.write(demo.out / "report.html")


def _listen(page: Any, demo: Demo, parts: dict[str, Any]) -> None:
    from neuromorph.commands.demo import PRIME_FRAMES
    from neuromorph.music.midi import read_midi
    from neuromorph.reporting.music import plot_rolls

    page.heading("Listen")
    rolls = {name: read_midi(demo.out / f"{name}.mid").frames for name in ("ideal", "hardware")}
    for name in rolls:
        page.sound(
            demo.out / f"{name}.wav",
            f"{name} network, primed with {PRIME_FRAMES} frames of {parts['music']['prime']}",
        )
    page.figure(
        plot_rolls(rolls, PRIME_FRAMES), "What the networks play after the red line", demo.out / "rolls.png"
    )
    metrics = list(next(iter(parts["music"]["pieces"].values())))
    rows = [(metric, *(parts["music"]["pieces"][name][metric] for name in rolls)) for metric in metrics]
    page.table(("measure of the generated part", *rolls), rows)


def _prediction(page: Any, demo: Demo, parts: dict[str, Any], summary: dict[str, Any]) -> None:
    from neuromorph.reporting.music import plot_learning

    page.heading("How well it predicts the next frame")
    rows = [
        (meaning, summary["nll"].get(key, "-"), summary["nll_joint"].get(key, "-")) for key, meaning in ROWS
    ]
    page.table(("held-out NLL, nats per frame", "independent outputs", "joint outputs"), rows)
    page.paragraph("Independent and joint outputs are different tasks: compare within a column only.")
    for head in ("independent", "joint"):
        curves = {
            n: parts["evaluation"][f"{n}-{head}"]["history"] for n in ("ideal", "hardware", "no-memory")
        }
        key = "nll" if head == "independent" else "nll_joint"
        base = {k: summary[key][k] for k in ("copy", "logistic") if k in summary[key]}
        page.figure(
            plot_learning(curves, base), f"Learning, {head} outputs", demo.out / f"learning_{head}.png"
        )


def _hardware(page: Any, demo: Demo, parts: dict[str, Any], summary: dict[str, Any]) -> None:
    from neuromorph.commands.learning import open_run
    from neuromorph.network.hardware import hardware_listing
    from neuromorph.reporting.music import plot_raster

    run = open_run(str(demo.run_path("hardware-joint")), demo.library)
    cells, features = activity(run, demo.data().valid[0].frames[:20])
    tick = run.facts.config.frame.tick_seconds
    page.heading("Spikes")
    page.figure(
        plot_raster(cells, tick, "memory cells, first 20 frames of a held-out piece"),
        "Cells",
        demo.out / "raster_cells.png",
    )
    page.figure(
        plot_raster(features, tick, "feature layer, same frames"),
        "Features",
        demo.out / "raster_features.png",
    )
    page.heading("Energy per frame")
    page.table(("part", "joule"), list(summary["energy_parts_joule"].items()))
    page.paragraph(
        "Of a frame that is listened to, its pause included; what the whole chip shares (timing, bias) is not counted."
    )
    page.heading("Which block realises what")
    rows = [
        (r.kind, r.name, r.block, r.note) for r in hardware_listing(run.network, fidelity=run.facts.fidelity)
    ]
    page.table(("kind", "quantity", "block", "note"), rows)
    if summary["neuron_error"]:
        page.heading("The neuron against ngspice, held-out stimuli, measured in this run")
        page.table(("measure", "%"), list(summary["neuron_error"].items()))


def activity(run: Any, frames: Any) -> tuple[Any, Any]:
    """Spikes of cells and features over some frames, [frames, ticks, neurons]."""
    import jax

    from neuromorph.network.simulate import simulate, with_slow_weights
    from neuromorph.network.stream import stream_of

    _, seen = simulate(run.network, with_slow_weights(run.state), stream_of([frames]), plasticity=0.0, rate=0.0,
                       key=jax.random.key(0), record=("cell_spikes", "feature_spikes"))  # fmt: skip
    return seen["cell_spikes"], seen["feature_spikes"]
