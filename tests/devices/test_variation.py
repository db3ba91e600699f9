"""Device draws against their definitions, and equivalent devices against explicit tubes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neuromorph.devices.cnfet import PRESETS, drain_current
from neuromorph.devices.variation import DRAIN, DeviceStatistics, _gate, draw, explicit_current, folded
from neuromorph.errors import InputError

COUNT = 4000


def currents(device, parts, vg, vd):
    return drain_current(device.with_(**parts.parameters), "n", vg, vd, 0.0)


@pytest.mark.parametrize("name", ["low_leakage", "fast_low"])
@pytest.mark.parametrize("tubes", [2, 8, 32])
def test_mismatch_is_the_log_spread_of_eight_tubes_and_falls_with_their_root(name, tubes):
    device = PRESETS[name].with_(tubes=float(tubes))
    rows = draw(DeviceStatistics(mismatch=0.2), device, COUNT, np.random.default_rng(1))
    log = np.log(currents(device, folded(device, rows), _gate(device), DRAIN))
    expected = 0.2 * np.sqrt(8 / tubes)
    assert log.std() == pytest.approx(
        expected, rel=4 / np.sqrt(2 * COUNT) + 0.05
    )  # 5 %: not quite exponential yet
    assert stats.kstest((log - log.mean()) / log.std(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("name", list(PRESETS))
def test_no_spread_changes_nothing(name):
    device = PRESETS[name]
    found = folded(device, draw(DeviceStatistics(), device, 3, np.random.default_rng(0)))
    for key, values in found.parameters.items():
        np.testing.assert_allclose(values, getattr(device, key), rtol=1e-9, atol=1e-12)
    assert not found.dead.any()


@pytest.mark.parametrize("name", ["low_leakage", "analog", "fast"])
def test_an_equivalent_device_carries_what_its_tubes_carry(name):
    """Below threshold within what a common shift does to tubes that differ; above it by their mean diameter."""
    device, spread = PRESETS[name], DeviceStatistics(mismatch=0.1, diameter=0.05 * 1.49, missing=0.05)
    rows = draw(spread, device, 500, np.random.default_rng(2))
    parts = folded(device, rows)
    low = currents(device, parts, _gate(device), DRAIN) / explicit_current(device, rows, _gate(device), DRAIN)
    assert np.abs(low - 1).max() < 5e-3
    for vg in (0.3, 0.5, 0.8):
        for vd in (0.05, 0.8):
            ratio = currents(device, parts, vg, vd) / explicit_current(device, rows, vg, vd)
            assert np.abs(ratio - 1).max() < 0.1
            assert abs(np.mean(ratio) - 1) < 0.04


def test_the_mean_current_grows_with_the_spread_of_the_diameter():
    """Thick tubes carry exponentially more: at 5 % the mean of eight shifts by 12 % (exp(s^2 / 2) of a log spread s)."""
    device = PRESETS["low_leakage"]
    rows = draw(DeviceStatistics(diameter=0.05 * device.dia), device, COUNT, np.random.default_rng(3))
    found = currents(device, folded(device, rows), _gate(device), DRAIN)
    nominal = drain_current(device, "n", _gate(device), DRAIN, 0.0)
    assert 1.08 < found.mean() / nominal < 1.18


def test_metallic_tubes_leak_and_a_device_without_channel_is_dead():
    device = PRESETS["analog"].with_(tubes=2.0)
    rows = draw(DeviceStatistics(metallic=0.5), device, COUNT, np.random.default_rng(4))
    parts = folded(device, rows)
    both = (rows.metallic).all(axis=1)
    np.testing.assert_array_equal(parts.dead, both)
    assert parts.dead.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / COUNT))
    leak = currents(device, parts, 0.0, 0.1)
    assert np.all(leak[rows.metallic.any(axis=1)] > 0.1 / 16e3)
    assert np.all(np.isfinite(leak))


@pytest.mark.parametrize(
    ("name", "value"), [("mismatch", -0.1), ("mismatch", 5.0), ("metallic", 1.0), ("diameter", float("nan"))]
)
def test_absurd_spreads_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=name):
        DeviceStatistics(**{name: value})


def test_a_device_needs_a_tube():
    with pytest.raises(InputError, match="tubes"):
        draw(DeviceStatistics(mismatch=0.1), PRESETS["fast"].with_(tubes=0.3), 1, np.random.default_rng(0))
