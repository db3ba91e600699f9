"""The main job: SPICE curves, device models, a network that has learned chorales, and a piece it plays.

Every part leaves its result in the output folder and is skipped when it is
there already, so an interrupted demo goes on where it stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuromorph.errors import EngineUnavailable, NeuromorphError
from neuromorph.figures import stamp, write_json
from neuromorph.library import Library

PRIME_FRAMES = 8
SECONDS = 20.0
REMEASURED = "gate"


@dataclass(frozen=True)
class Training:
    """One network of the demo."""

    name: str
    head: str
    fidelity: str
    control: str = "none"


TRAININGS = tuple(
    Training(f"{label}-{head}", head, fidelity, control)
    for head in ("independent", "joint")
    for label, fidelity, control in (
        ("ideal", "ideal", "none"),
        ("hardware", "nominal", "none"),
        ("no-memory", "nominal", "no_memory"),
        ("shuffled", "nominal", "shuffled"),
    )
)


class Demo:
    """The demo's steps and where they keep their results."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.out = args, Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.library = Library.shipped()
        self.options = {"data": str(args.data), "passes": args.passes, "limit": args.limit, "seed": args.seed}

    def part(self, name: str, work: Callable[[], Any]) -> Any:
        """Result of a step: the stored one if it was made with the same options, else made now."""
        file = self.out / "parts" / f"{name}.json"
        if file.exists():
            stored = json.loads(file.read_text())
            if stored["options"] == self.options:
                return stored["result"]
        began = time.monotonic()
        print(f"== {name}", flush=True)
        result = work()
        result["seconds"] = round(time.monotonic() - began, 1)
        write_json(file, {"options": self.options, "result": result})
        return result

    def spice(self) -> dict[str, Any]:
        """Measure one block again in ngspice and score the neuron's model on held-out stimuli."""
        try:
            return self._measured()
        except EngineUnavailable as problem:
            print(f"   skipped: {problem}")
            return {"skipped": str(problem), "neuron_error": {}}

    def _measured(self) -> dict[str, Any]:
        from neuromorph.characterization import load_recipe, measure
        from neuromorph.fitting import verify

        circuit = load_recipe(REMEASURED)
        fresh = measure(circuit, (s for s in circuit.sweeps if not s.held_out), progress=True)
        deviation = largest_deviation(fresh, self.library.read(REMEASURED))
        print(
            f"   {REMEASURED}: largest difference to the shipped curves {100 * deviation:.2g} % of full scale"
        )
        figures = verify([load_recipe("axon_hillock")], self.library, progress=True, corners=False)
        errors = {f.claim.removeprefix("neuron: "): f.value for f in figures}
        return {"remeasured_block": REMEASURED, "largest_deviation": deviation, "neuron_error": errors,
                "neuron_holds": all(f.holds for f in figures)}  # fmt: skip

    def baselines(self) -> dict[str, Any]:
        """Marginal, copy and logistic predictions of the held-out pieces."""
        from neuromorph.music.baselines import baseline_nll

        data = self.data()
        return {"nll": baseline_nll(data.train, data.valid)}

    def data(self) -> Any:
        """The pieces."""
        from neuromorph.music.datasets import load_dataset

        return load_dataset(self.args.data, self.args.limit)

    def train_all(self) -> dict[str, Any]:
        """Train the demo's networks, two at a time."""
        waiting = list(TRAININGS)
        running: dict[str, subprocess.Popen] = {}
        progress = PassesDone([self.run_path(t.name) for t in TRAININGS], self.args.passes)
        while waiting or running:
            while waiting and len(running) < max(1, self.args.jobs):
                training = waiting.pop(0)
                print(f"   training {training.name}", flush=True)
                running[training.name] = self._spawn(training)
            time.sleep(0.5)
            progress.tell()
            for name, process in list(running.items()):
                if process.poll() is not None:
                    running.pop(name)
                    if process.returncode:
                        self._end(running)
                        raise NeuromorphError(f"training {name} failed; its message stands above")
        return {"trained": [t.name for t in TRAININGS]}

    @staticmethod
    def _end(running: dict[str, subprocess.Popen]) -> None:
        for process in running.values():
            process.terminate()

    def run_path(self, name: str) -> Path:
        """Folder of one network; other options have folders of their own."""
        options = f"{Path(self.args.data).stem}-seed{self.args.seed}-passes{self.args.passes}"
        return (
            self.out / "runs" / (f"{options}-limit{self.args.limit}" if self.args.limit else options) / name
        )

    def _spawn(self, training: Training) -> subprocess.Popen:
        path = self.run_path(training.name)
        command = [
            sys.executable, "-m", "neuromorph", "train", "--data", str(self.args.data), "--run", str(path),
            "--fidelity", training.fidelity, "--head", training.head, "--control", training.control,
            "--epochs", str(self.args.passes), "--seed", str(self.args.seed), "--quiet",
            "--rate-decay", "0.7",
        ]  # fmt: skip
        command += ["--limit", str(self.args.limit)] if self.args.limit else []
        command += ["--resume"] if (path / "run.json").exists() else []
        threads = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
        return subprocess.Popen(command, env={**os.environ, **threads})

    def evaluate_all(self) -> dict[str, Any]:
        """Held-out figures of every network."""
        from neuromorph.commands.learning import evaluation, open_run

        pieces = [roll.frames for roll in self.data().valid]
        results = {}
        for training in TRAININGS:
            run = open_run(str(self.run_path(training.name)), self.library)
            results[training.name] = evaluation(run, pieces, self.library)
            results[training.name]["history"] = [n["valid_nll"] for n in run.facts.history]
        return results

    def play(self) -> dict[str, Any]:
        """Twenty seconds from the ideal and from the hardware network, after the same prime."""
        from neuromorph.commands.learning import continued, open_run, save_piece
        from neuromorph.music.audio import read_audio
        from neuromorph.music.metrics import audio_metrics, generation_metrics

        data = self.data()
        prime = data.valid[self.args.seed % len(data.valid)][:PRIME_FRAMES]
        measured = {}
        for name in ("ideal", "hardware"):
            run = open_run(str(self.run_path(f"{name}-joint")), self.library)
            frames = round(SECONDS / run.facts.config.frame.music_seconds)
            piece = continued(run, prime, frames, self.args.seed)
            wav = self.out / f"{name}.wav"
            save_piece(piece, wav, self.out / f"{name}.mid")
            sound = audio_metrics(read_audio(wav, 44100))
            measured[name] = {**generation_metrics([piece[PRIME_FRAMES:]], data.valid, data.train), **sound}
        return {"pieces": measured, "prime": prime.name}


class PassesDone:
    """Says how far several trainings are, each time one of them ends a pass."""

    def __init__(self, runs: list[Path], passes: int) -> None:
        self.runs, self.total = runs, passes * len(runs)
        self.began, self.first = time.monotonic(), self.count()
        self.told = self.first

    def count(self) -> int:
        """Passes done in all runs together."""
        done = 0
        for run in self.runs:
            with contextlib.suppress(OSError, ValueError):  # not begun yet
                done += int(json.loads((run / "run.json").read_text())["position"]["epoch"])
        return done

    def tell(self) -> None:
        """Print a line where there is news."""
        done = self.count()
        if done > self.told:
            self.told = done
            left = (time.monotonic() - self.began) * (self.total - done) / (done - self.first)
            print(f"   {done} of {self.total} passes, about {left / 60:.0f} min left", flush=True)


def largest_deviation(fresh: Any, stored: Any) -> float:
    """Largest difference of any curve, as a share of that curve's full scale."""
    import numpy as np

    shares = []
    for name, sweep in fresh.sweeps.items():
        for output, values in sweep.outputs.items():
            reference = stored[name][output]
            shares.append(np.nanmax(np.abs(values - reference)) / np.nanmax(np.abs(reference)))
    return float(max(shares))


def run_demo(args: argparse.Namespace) -> int:
    """Run or resume the whole demo."""
    from neuromorph.commands.demo_report import print_summary, write_report

    began = time.monotonic()
    demo = Demo(args)
    parts = {
        "spice": demo.part("spice", demo.spice),
        "baselines": demo.part("baselines", demo.baselines),
        "training": demo.part("training", demo.train_all),
        "evaluation": demo.part("evaluation", demo.evaluate_all),
        "music": demo.part("music", demo.play),
    }
    summary = summarise(demo, parts)
    write_json(demo.out / "summary.json", summary)
    print("== report", flush=True)
    report = write_report(demo, parts, summary)
    print_summary(demo, summary, report)
    print(f"this call took {time.monotonic() - began:.0f} s")
    return 0


def summarise(demo: Demo, parts: dict[str, Any]) -> dict[str, Any]:
    """The figures of the demo in one object."""
    base, evaluation = parts["baselines"]["nll"], parts["evaluation"]

    def nll(name: str, head: str) -> float:
        return evaluation[f"{name}-{head}"]["figures"]["nll"]

    networks = {"no_memory": "no-memory", "shuffled": "shuffled", "ideal": "ideal", "hardware": "hardware"}
    independent = {"marginal": base["marginal"], "copy": base["learned_copy"], "logistic": base["logistic"]}
    joint = {"logistic": base["logistic_joint"]}
    hardware = evaluation["hardware-joint"]
    return {
        "nll": {**independent, **{key: nll(name, "independent") for key, name in networks.items()}},
        "nll_joint": {**joint, **{key: nll(name, "joint") for key, name in networks.items()}},
        "neuron_error": parts["spice"]["neuron_error"],
        "energy_per_frame_joule": hardware["energy_per_frame_joule"]["total"],
        "energy_parts_joule": hardware["energy_per_frame_joule"],
        "music": parts["music"]["pieces"],
        "spice_seconds": parts["spice"]["seconds"],
        "sim_seconds": parts["training"]["seconds"] + parts["evaluation"]["seconds"],
        "passes": demo.args.passes,
        "data": str(demo.args.data),
        "held_out": "valid part; the test part is not read",
        "seed": demo.args.seed,
        **stamp(),
    }
