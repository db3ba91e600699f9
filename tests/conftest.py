"""Skip what a machine cannot do, and say why."""

from __future__ import annotations

import shutil
import sys

import pytest

from neuromorph.errors import EngineUnavailable


def _engine_missing() -> str:
    """Why ngspice tests cannot run; empty when they can."""
    try:
        from neuromorph.spice.engine import find_library

        find_library()
        import PySpice  # noqa: F401
    except EngineUnavailable as problem:
        return str(problem)
    except ImportError:
        return "PySpice is not installed"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("ngspice")]
    reason = _engine_missing() if marked else ""
    for item in marked if reason else ():
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def ngspice_program() -> str:
    """Path of the ngspice program, for benches."""
    found = shutil.which("ngspice")
    if not found:
        pytest.skip("the program ngspice is not installed: apt-get install ngspice")
    return found


@pytest.fixture(autouse=True)
def closed_figures():
    """No figure outlives its test; matplotlib warns of many open ones."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
