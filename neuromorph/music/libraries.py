"""The optional libraries for sound and scores, imported when first used."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from neuromorph.errors import InputError

REMEDY = "install it with: pip install 'neuromorph[music]'"


def needs(name: str) -> Any:
    """Import a library of the ``music`` extra.

    Parameters
    ----------
    name : str
        Module name, for example ``"soundfile"``.

    Raises
    ------
    InputError
        When it is not installed or cannot be loaded, saying how to get it.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise InputError(f"the library {name!r} cannot be loaded ({error})", remedy=REMEDY) from error


def library_folder(name: str) -> Path:
    """Folder of an installed package, found without importing it.

    Raises
    ------
    InputError
        When it is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"the library {name!r} is not installed", remedy=REMEDY)
    return Path(spec.submodule_search_locations[0])
