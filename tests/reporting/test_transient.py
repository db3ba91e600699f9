"""A transient's plot draws what its panels name, in their units."""

from __future__ import annotations

import numpy as np

from neuromorph.reporting.transient import plot_transient
from neuromorph.spice.bench import Panel, Phase
from neuromorph.spice.engine import Waveforms


def test_panels_are_drawn_in_their_units():
    time = np.linspace(0, 50e-9, 11)
    waves = Waveforms("tran", {"time": time, "a": 0.1 + 0 * time, "vio#branch": 2e-9 + 0 * time})
    panels = [Panel("dendrite", "mV", ("a",)), Panel("read-out", "nA", ("vio#branch",), (-1.0, 5.0))]
    figure = plot_transient(waves, panels, [Phase(0.0, 20e-9, "write"), Phase(20e-9, 50e-9, "hold")], "cell")
    first, second = figure.axes
    np.testing.assert_allclose(first.lines[0].get_ydata(), 100.0)
    np.testing.assert_allclose(second.lines[0].get_ydata(), 2.0)
    np.testing.assert_allclose(first.lines[0].get_xdata()[-1], 50.0)
    assert "mV" in first.get_ylabel()
    assert [text.get_text() for text in first.texts] == ["write", "hold"]
    assert [t.get_text() for t in second.get_legend().get_texts()] == ["i(vio)"]
    assert second.get_ylim() == (-1.0, 5.0)
