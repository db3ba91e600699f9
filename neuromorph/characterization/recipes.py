"""Find and load recipes: the project's own, those installed with the package, or any path."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from neuromorph.circuit import Circuit
from neuromorph.errors import CircuitError, InputError

_PACKAGE = Path(__file__).parent.parent
RECIPE_FOLDERS = (Path("circuits"), _PACKAGE.parent / "circuits", _PACKAGE / "data" / "circuits")
"""Where recipes are looked for by name, in this order."""


def recipe_folder() -> Path:
    """The folder of the project's recipes."""
    for folder in RECIPE_FOLDERS:
        if (folder / "axon_hillock.py").is_file():
            return folder
    raise CircuitError(
        "the recipes folder is missing", remedy="run from the project's folder or reinstall neuromorph"
    )


def device_library() -> Path:
    """The shipped transistors, for the ``netlists`` of a recipe: netlists/devices/cnfet.lib."""
    return recipe_folder().resolve().parent / "netlists" / "devices" / "cnfet.lib"


def recipe_names() -> tuple[str, ...]:
    """Names of the project's recipes, in the order of the signal's way."""
    return tuple(sorted(p.stem for p in recipe_folder().glob("*.py") if not p.stem.startswith("_")))


def find_recipe(name: str) -> Path:
    """Path of a recipe given by name or path.

    Raises
    ------
    CircuitError
        When there is none; lists the names.
    """
    path = Path(name)
    if path.suffix == ".py":
        if path.is_file():
            return path
        raise CircuitError("recipe file not found", where=path)
    candidate = recipe_folder() / f"{name}.py"
    if candidate.is_file():
        return candidate
    raise CircuitError(
        f"no recipe {name!r}", remedy=f"recipes: {', '.join(recipe_names())}, or a path to a .py file"
    )


def load_recipe(name: str) -> Circuit:
    """The ``CIRCUIT`` of a recipe.

    Raises
    ------
    CircuitError
        When the file cannot be run or defines no ``CIRCUIT``.
    """
    path = find_recipe(name).resolve()
    module_name = f"neuromorph_recipe_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except InputError as error:
        where = f"{path}: {error.where}" if error.where else path
        raise type(error)(error.what, where=where, remedy=error.remedy) from error
    except (Exception, SystemExit) as error:
        raise CircuitError(
            f"the recipe does not run: {type(error).__name__}: {error}", where=_line_in(path, error)
        ) from error
    circuit = getattr(module, "CIRCUIT", None)
    if not isinstance(circuit, Circuit):
        raise CircuitError(
            "the recipe defines no CIRCUIT", where=path, remedy="assign a neuromorph.Circuit to CIRCUIT"
        )
    return circuit


def _line_in(path: Path, error: BaseException) -> str:
    """The recipe's file, with the line that failed where it lies in it."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f"{path}:{lines[-1]}" if lines and lines[-1] else str(path)
