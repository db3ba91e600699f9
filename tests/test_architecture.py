"""The dependency rule: imports run one way, and the fast parts need neither JAX nor ngspice."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "neuromorph"
# each layer may import those before it and itself
LAYERS = (
    ("cores", "errors", "units", "user_cache"),
    ("figures", "devices"),
    ("spice",),
    ("circuit", "library", "transient"),
    ("characterization",),
    ("fitting",),
    ("models",),
    ("plasticity",),
    ("music", "network"),
    ("spiking",),
    ("tasks", "reporting"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
NO_JAX = ("spice", "characterization", "devices", "library", "circuit", "music", "fitting", "errors", "units")
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "data" not in p.relative_to(PACKAGE).parts)


def imported(path: Path) -> set[str]:
    """Dotted names of everything a module imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


def home(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    if home(path) == "__init__":
        return
    assert home(path) in RANK, f"{path} belongs to no layer"
    for name in imported(path):
        if name.startswith("neuromorph."):
            target = name.split(".")[1]
            assert RANK[target] <= RANK[home(path)], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", [p for p in MODULES if home(p) in NO_JAX], ids=lambda p: p.stem)
def test_no_jax_where_workers_start(path):
    assert not {name for name in imported(path) if name.split(".")[0] == "jax"}


def test_only_the_engine_imports_pyspice():
    users = [p for p in MODULES if any(n.split(".")[0] == "PySpice" for n in imported(p))]
    assert users == [PACKAGE / "spice" / "engine.py"]


def test_the_package_knows_no_recipe():
    for path in MODULES:
        assert not {n for n in imported(path) if n.split(".")[0] == "circuits"}


def test_import_is_light():
    code = (
        "import sys, neuromorph, neuromorph.cli; neuromorph.cli.build_parser();"
        "sys.exit(any(m in sys.modules for m in ('jax', 'PySpice', 'matplotlib', 'music21', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


DERIVATIVES = {
    "grad", "value_and_grad", "vjp", "jvp", "linearize", "jacrev", "jacfwd", "jacobian", "hessian", "custom_vjp",
}  # fmt: skip
LOCAL_LEARNING = ("models", "plasticity", "network", "spiking", "tasks", "music")


def derivatives(path: Path) -> set[str]:
    """Names of automatic differentiation that a module uses, however it came by them."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names}
    return used & DERIVATIVES


@pytest.mark.parametrize("path", [p for p in MODULES if home(p) in LOCAL_LEARNING], ids=lambda p: p.stem)
def test_learning_takes_no_derivative(path):
    """Rules are local: nothing that learns uses automatic differentiation, let alone through time."""
    assert not derivatives(path)


def test_the_search_for_derivatives_finds_them():
    assert "value_and_grad" in derivatives(PACKAGE.parent / "benchmarks" / "lstm.py")
