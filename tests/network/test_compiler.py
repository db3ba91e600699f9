"""The compiler's option and cache: given once, and never over the user's own."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from neuromorph.network import compiler
from neuromorph.network.compiler import compile_loops_whole, keep_compiled


def test_other_flags_stay_and_it_is_given_once(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    compile_loops_whole()
    compile_loops_whole()
    flags = os.environ["XLA_FLAGS"].split()
    assert flags[0] == "--xla_cpu_multi_thread_eigen=false"
    assert len(flags) == 2
    assert "small_while_loop" in flags[1]


def test_extra_options_of_the_user_win(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_extra_options=mine")
    compile_loops_whole()
    assert os.environ["XLA_FLAGS"] == "--xla_backend_extra_options=mine"


CODE = (
    "import sys, jax; sys.path.insert(0, '.'); import neuromorph.network.simulate as s; "
    "from tests.network.toys import toy, tunes; from neuromorph.network.stream import stream_of; "
    "run = s.simulate(*toy(), stream_of(tunes(1)), plasticity=1.0, rate=0.05, key=jax.random.key(0)); "
    "print(jax.config.jax_compilation_cache_dir, float(run[1]['nll'].sum()))"
)


def said(**environment):
    names = ("NEUROMORPH_COMPILED", "JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME")
    kept = {k: v for k, v in os.environ.items() if k not in names}
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=kept | environment
    )
    return done.stdout.split(), done.stderr


def steps_in(folder):
    """Compiled steps, and when they were written; small programs are kept or not as long as they took."""
    return {f.name: f.stat().st_mtime_ns for f in Path(folder).glob("*run_blocks*-cache")}


def test_a_step_is_compiled_once_on_a_machine(tmp_path):
    (folder, first), _ = said(XDG_CACHE_HOME=str(tmp_path))
    assert Path(folder).parent == tmp_path / "neuromorph"
    made = steps_in(folder)
    assert made
    (_, again), noise = said(XDG_CACHE_HOME=str(tmp_path))
    assert again == first
    assert noise == ""
    assert steps_in(folder) == made


def config(folder):
    """JAX's, which must not be changed."""
    return SimpleNamespace(jax_compilation_cache_dir=folder, update=lambda *_: pytest.fail("it was changed"))


def test_the_users_own_cache_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler.jax, "config", config(str(tmp_path)))
    monkeypatch.delenv("NEUROMORPH_COMPILED", raising=False)
    keep_compiled()


def no_home():
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize("why", ["switched off", "cannot be written", "no home"])
def test_nothing_is_kept_where_it_cannot_be(why, monkeypatch):
    monkeypatch.setattr(compiler.jax, "config", config(None))
    monkeypatch.setenv("NEUROMORPH_COMPILED", "0" if why == "switched off" else "1")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere" if why == "cannot be written" else "")
    monkeypatch.setattr(compiler.user_cache.Path, "home", staticmethod(no_home))
    keep_compiled()
