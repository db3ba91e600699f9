"""How XLA compiles the loops over ticks, and where what it made is kept."""

from __future__ import annotations

import hashlib
import os

import jax

from neuromorph import user_cache

_EXTRA = "--xla_backend_extra_options="
_WHOLE_LOOPS = "xla_cpu_small_while_loop_byte_threshold=8388608"
"""Bytes that a loop may touch and still become one CPU kernel.

By default a loop calls a kernel for each of its operations, and a tick of some hundred neurons takes less time
than these calls.  The option exists as an environment variable only; JAX cannot set it for one function.
"""


def compile_loops_whole() -> None:
    """Ask XLA's CPU compiler to make one kernel of a loop over ticks.

    Has an effect on what is compiled after the first JAX computation of the process only if it is called before
    that; extra options that the user has set in ``XLA_FLAGS`` are left alone.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if _EXTRA not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_EXTRA}{_WHOLE_LOOPS}".strip()


SWITCH = "NEUROMORPH_COMPILED"
"""Environment variable: 0 keeps nothing that was compiled."""
_WORTH_KEEPING = 0.5
"""Seconds of compilation from which a program is kept."""


def keep_compiled() -> None:
    """Keep compiled programs in the user's cache, so that a step is compiled once on a machine.

    A folder that the user has given JAX (``JAX_COMPILATION_CACHE_DIR``) is left alone.  Where the cache cannot be written
    nothing is kept.
    """
    if os.environ.get(SWITCH, "1") == "0" or getattr(jax.config, "jax_compilation_cache_dir", None):
        return
    kind = hashlib.sha256(user_cache.processor().encode()).hexdigest()[:12]
    try:
        folder = user_cache.folder() / f"compiled-{kind}"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home at all is a RuntimeError
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING)
