"""The compiler option for whole loops is given once and never over the user's own."""

import os

from neuromorph.network.compiler import compile_loops_whole


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
