"""The demo says how far its trainings are, and a training how far its passes."""

import json

from neuromorph.commands.demo import PassesDone
from neuromorph.commands.learning import _show
from neuromorph.tasks.train import Progress


def at(run, epoch):
    run.mkdir(exist_ok=True)
    (run / "run.json").write_text(json.dumps({"position": {"epoch": epoch, "chunk": 0}}))


def test_a_line_each_time_a_pass_ends(tmp_path, capsys):
    a, b = tmp_path / "a", tmp_path / "b"
    at(a, 1)  # from an interrupted demo
    progress = PassesDone([a, b], 4)
    progress.tell()
    assert capsys.readouterr().out == ""
    at(b, 2)
    progress.tell()
    progress.tell()
    assert capsys.readouterr().out.splitlines() == ["   3 of 8 passes, about 0 min left"]


def test_without_a_terminal_a_training_says_each_pass(capsys):
    show = _show(0.0, quiet=False)
    for epoch, frames in ((0, 10), (0, 20), (1, 30)):
        show(Progress(epoch, frames, 40, 8.5))
    lines = capsys.readouterr().err.splitlines()
    assert [line[:7] for line in lines] == ["pass 1:", "pass 2:"]
