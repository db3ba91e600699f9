"""Workloads of the benchmark, and which paths there are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from neuromorph.spiking.native import engine

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def loaded(name):
    """A module of the benchmarks."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def workloads():
    return loaded("workloads")


@pytest.fixture(scope="session")
def networks():
    return loaded("workload_networks")


needs_engine = pytest.mark.skipif(engine()[0] is None, reason=f"no native engine: {engine()[1]}")
