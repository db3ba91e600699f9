import subprocess
import sys

import pytest

import neuromorph.music
from neuromorph.errors import InputError
from neuromorph.music.libraries import library_folder, needs

HEAVY = "jax, scipy, music21, symusic, matplotlib, soundfile, soxr, mido, pretty_midi"


def test_every_public_name_is_there():
    for name in neuromorph.music.__all__:
        assert getattr(neuromorph.music, name) is not None
    assert set(neuromorph.music.__all__) <= set(dir(neuromorph.music))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        neuromorph.music.nonsense  # noqa: B018


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = (
        "import sys, neuromorph.music as music\n"
        "[getattr(music, name) for name in music.__all__]\n"
        f"print([name for name in '{HEAVY}'.split(', ') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_library_says_how_to_install_it():
    with pytest.raises(InputError, match=r"'no_such_library'.*pip install"):
        needs("no_such_library")
    with pytest.raises(InputError, match="not installed"):
        library_folder("no_such_library")
