"""Networks side by side, each on its own stream."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from neuromorph.errors import InputError
from neuromorph.network.simulate import simulate
from neuromorph.network.stream import stream_of
from neuromorph.network.streams import simulate_streams
from tests.network.toys import toy, tunes

OPTIONS = {"plasticity": 1.0, "rate": 0.05, "dropout": 0.2}


def test_each_stream_is_as_if_it_ran_alone():
    network, state = toy()
    whole = stream_of(tunes(2))
    streams = [whole, whole.part(3, len(whole))]  # as many blocks: the step is compiled once
    keys = jax.random.split(jax.random.key(3), 2)
    many = simulate_streams(network, [state] * 2, streams, keys=keys, workers=2, **OPTIONS)
    for (after, seen), stream, key in zip(many, streams, keys, strict=True):
        alone_after, alone = simulate(network, state, stream, key=key, **OPTIONS)
        assert np.array_equal(seen["nll"], alone["nll"])
        assert all(jax.tree.leaves(jax.tree.map(np.array_equal, after, alone_after)))
    assert len(many[0][1]["nll"]) != len(many[1][1]["nll"])


def test_what_is_not_there_is_named():
    network, state = toy()
    streams, keys = [stream_of(tunes(1))], jax.random.split(jax.random.key(0), 1)
    with pytest.raises(InputError, match="99 devices asked for, there are"):
        simulate_streams(network, [state], streams, keys=keys, devices=99, **OPTIONS)
    with pytest.raises(InputError, match="2 states and 1 keys for 1 streams"):
        simulate_streams(network, [state] * 2, streams, keys=keys, **OPTIONS)
    with pytest.raises(InputError, match="0 workers"):
        simulate_streams(network, [state], streams, keys=keys, workers=0, **OPTIONS)


ON_TWO = """
import sys; sys.path.insert(0, ".")
import jax, numpy as np
from neuromorph.network.streams import simulate_streams
from tests.network.test_streams import OPTIONS, simulate, stream_of, toy, tunes
network, state = toy()
stream, keys = stream_of(tunes(1)), jax.random.split(jax.random.key(0), 3)
many = simulate_streams(network, [state] * 3, [stream] * 3, keys=keys, workers=1, **OPTIONS)
print(*(next(iter(after.fast.gates.devices())).id for after, _ in many))
print(all(np.array_equal(simulate(network, state, stream, key=k, **OPTIONS)[1]["nll"], seen["nll"])
          for k, (_, seen) in zip(keys, many)))
"""


@pytest.mark.slow
def test_streams_go_to_devices_in_turn():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.split() == ["0", "1", "0", "True"]
