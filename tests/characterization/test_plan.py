"""What makes a block be measured again, and stimuli that drive nothing."""

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization.plan import planned, source_of
from neuromorph.errors import CircuitError

from .recipes_for_tests import rc_circuit

LEVEL = 0.3


def _helper(x):
    return x + LEVEL


def _first(waves, point):
    return {"out": _helper(waves)}


def _other(waves, point):
    return {"out": _helper(waves) * 2}


def _made(level):
    def measure(waves, point):
        return {"out": waves > level}

    return measure


def with_measure(circuit, measure):
    return replace(circuit, sweeps=(replace(circuit.sweeps[0], measure=measure),))


def test_another_measurement_is_another_plan(tmp_path):
    circuit = rc_circuit(tmp_path)
    digests = {planned(with_measure(circuit, m)).digest for m in (_first, _other, _made(0.1), _made(0.2))}
    assert len(digests) == 4
    assert planned(with_measure(circuit, _first)).digest in digests


def test_helpers_and_constants_of_the_module_count(monkeypatch):
    before = "\n".join(source_of(_first))
    assert "x + LEVEL" in before
    monkeypatch.setitem(globals(), "LEVEL", 0.4)
    assert "\n".join(source_of(_first)) != before


def test_comments_do_not_count(tmp_path):
    texts = []
    for name, comment in (("a", ""), ("b", "  # why")):
        path = tmp_path / f"{name}.py"
        path.write_text(f"def measure(waves, point):{comment}\n    return {{'out': 1}}\n")
        space = {}
        exec(compile(path.read_text(), str(path), "exec"), space)
        texts.append(list(source_of(space["measure"])))
    assert texts[0] == texts[1]
    assert "return" in texts[0][0]


def test_arrays_and_numpy_numbers_are_their_values():
    """Their text would change with numpy's version."""
    texts = ["\n".join(source_of(_made(level))) for level in (np.float64(0.5), 0.5, np.arange(3.0))]
    assert texts[0] == texts[1]
    assert "[0.0, 1.0, 2.0]" in texts[2]


@pytest.mark.parametrize("pin", ["inn", "vbais"])
def test_a_source_on_a_misspelt_pin_is_refused(tmp_path, pin):
    def bench(circuit, point):
        return circuit.testbench(point, f"vin {pin} 0 0.1", ".tran 20p 4n 0 20p", "v(out)")

    circuit = rc_circuit(tmp_path)
    wrong = replace(circuit, sweeps=(replace(circuit.sweeps[0], bench=bench),))
    with pytest.raises(CircuitError, match=f"node '{pin}', which nothing else touches") as error:
        planned(wrong)
    assert "pins of .subckt rc are: in out vdd vbias" in str(error.value)
