import base64
import re

import numpy as np
import pytest

from neuromorph.library import Library
from neuromorph.reporting.curves import plot_sweep
from neuromorph.reporting.music import plot_raster, plot_rolls
from neuromorph.reporting.page import Page


def test_a_page_needs_nothing_else_and_escapes_what_it_shows(tmp_path):
    page = Page("a <b> & c")
    page.heading("h")
    page.paragraph("1 < 2")
    page.table(("name", "value"), [("x <script>", 1.23456), ("flag", True)])
    page.figure(plot_rolls({"roll": np.eye(12, 88)}, prime_frames=3), "picture", tmp_path / "roll.png")
    text = page.write(tmp_path / "page.html").read_text()
    assert "<script>" not in text
    assert "1 &lt; 2" in text
    assert "1.235" in text
    image = re.search(r"base64,([^\"]+)", text)
    assert image
    assert base64.b64decode(image[1])[:4] == b"\x89PNG"
    assert not re.search(r'src="(?!data:)', text)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".partial"] == []


@pytest.mark.parametrize("block", Library.shipped().blocks())
def test_every_sweep_can_be_plotted(block):
    """As many panels as outputs, each with a label, a unit and as many points as were measured."""
    import matplotlib.pyplot as plt

    for sweep in Library.shipped().read(block).sweeps.values():
        figure = plot_sweep(sweep, block)
        drawn = [panel for panel in figure.axes if panel.lines]
        assert len(drawn) == len([n for n in sweep.outputs if n != "slot_seconds"])
        assert all(panel.get_xlabel() and panel.get_ylabel() for panel in drawn)
        plt.close(figure)


def test_a_raster_shows_every_spike():
    import matplotlib.pyplot as plt

    spikes = np.random.default_rng(0).random((3, 50, 8)) < 0.1
    figure = plot_raster(spikes, 2e-9, "raster")
    (line,) = figure.axes[0].lines
    assert len(line.get_xdata()) == spikes.sum()
    plt.close(figure)
