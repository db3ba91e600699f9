"""How XLA compiles the loops over ticks."""

from __future__ import annotations

import os

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
