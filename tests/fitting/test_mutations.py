"""A model that is wrong by three times its allowed error fails verification, on held-out curves kept in the repository.

The curves are measured by ``neuromorph verify --references neuromorph/data/held_out``; no ngspice is needed here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from neuromorph.characterization.plan import planned
from neuromorph.characterization.recipes import find_recipe, load_recipe
from neuromorph.fitting.blocks import held_out, score
from neuromorph.library import Library

REFERENCES = Library.held_out()
# block, a parameter that scales what it does, a row of `verify` that says so
MUTATIONS = (
    ("axon_hillock", "capacitance", "tonic f-I, max error"),
    ("axon_hillock", "threshold", "next interval, mean error"),
    ("axon_hillock", "leak_current", "rheobase error"),
    ("cnfet", "on_dia_0", "on-current over diameter"),
    ("cnfet", "threshold_tk_0", "threshold at 10 nA over temperature"),
    ("delta_synapse", "rate", "dw, max error"),
    ("dendritic_adder", "v_width", "v(i1, i2), max error"),
    ("eligibility_synapse", "rate", "three-factor update: dw, max error"),
    ("eligibility_synapse", "gain", "eligibility model"),
    ("eligibility_synapse", "decay_full", "eligibility model"),
    ("eligibility_synapse", "psi_power", "eligibility model"),
    ("eligibility_synapse", "rate", "dw of traces up to 0.1"),
    ("error_unit", "time_up", "p - t, max error"),
    ("excitatory_synapse", "c_cleft", "pulse pairs, charge"),
    ("feedback_synapse", "rate", "dw, max error"),
    ("gate", "gain", "sigmoid transfer"),
    ("gate", "tanh_gain_up", "product transfer"),
    ("gate_line", "exponent", "leak against line current"),
    ("gate_synapse", "width", "charge of a pulse"),
    ("inhibitory_synapse", "c_cleft", "pulse pairs, charge"),
    ("lateral_synapse", "rate", "dw, max error"),
    ("learning_unit", "time_per_slope", "signal times slope"),
    ("memory_cell", "f_width", "held value after 1, 10, 100 frames"),
    ("memory_cell", "i_read", "read-out, max error"),
    ("pair_stdp", "a_up", "pairs, max error"),
    ("slope_unit", "scale", "signed psi"),
    ("slope_unit", "scale_g", "unsigned psi"),
    ("spike_shaper", "width_scale", "pulse width against its knob"),
    ("trace_shaper", "width_scale", "pulse width against its knob"),
    ("update_shaper", "width_scale", "pulse width against its knob"),
    ("weight_store", "share", "value carried from fast to slow"),
)


@cache
def measured(block):
    """The circuit, the models and the held-out curves of a block, and its figures."""
    circuit, library = load_recipe(str(find_recipe(block))), Library.shipped()
    sweeps = tuple(sweep for sweep in circuit.sweeps if sweep.held_out)
    assert planned(circuit, sweeps).is_done(REFERENCES), (
        f"the kept curves are of another {block}: neuromorph verify {block} --references neuromorph/data/held_out"
    )
    data = held_out(circuit, library, references=REFERENCES)
    return circuit, library, data, score(circuit, library, data)


@pytest.mark.parametrize(("block", "parameter", "row"), MUTATIONS, ids=lambda value: value.replace(" ", "_"))
def test_a_model_off_by_three_times_its_allowed_error_fails(block, parameter, row):
    circuit, library, data, figures = measured(block)
    before = [figure for figure in figures if row in figure.claim and figure.must is not None]
    assert before
    assert all(figure.holds for figure in before)
    allowed = max(figure.must for figure in before) / 100 if before[0].unit == "%" else 0.02
    for side in (1, -1):
        value = data.fit.parameters[parameter] * (1 + side * 3 * allowed)
        model = replace(data.fit, parameters={**data.fit.parameters, parameter: value})
        after = {figure.claim: figure for figure in score(circuit, library, replace(data, fit=model))}
        assert not all(after[figure.claim].holds for figure in before), (
            f"{parameter} times {1 + side * 3 * allowed:g}"
        )


@pytest.mark.parametrize(
    ("block", "parameters", "row"),
    [
        ("eligibility_synapse", ("leak_lag",), "eligibility: leak lost and gained"),
        ("eligibility_synapse", ("order_size",), "law of that order"),
        ("feature_neuron", ("load_charge",), "mean interval of a frame, max"),
        ("feature_neuron", ("latch_charge",), "first spike of a frame, max"),
        ("gate_synapse", ("crowd",), "three to ten read at once"),
        ("memory_cell", ("q_tail", "q_side", "q_sink"), "charge owed after a gate has moved"),
        ("memory_cell", ("rejoin_share",), "cut off and joined again"),
        ("slope_unit", ("wider",), "signed psi over the bias"),
        ("slope_unit", ("uneven",), "signed psi over the bias"),
        ("slope_unit", ("q_delay",), "unit: signed psi as its inputs move"),
        ("slope_unit", ("q_mirror",), "unit: unsigned psi as its inputs move"),
    ],
)
def test_a_model_without_a_law_that_corrects_a_few_percent_fails(block, parameters, row):
    circuit, library, data, figures = measured(block)
    (before,) = [figure for figure in figures if row in figure.claim]
    assert before.holds
    gone = {name: 1e-9 * data.fit.parameters[name] for name in parameters}
    without = replace(data.fit, parameters={**data.fit.parameters, **gone})
    after = {figure.claim: figure for figure in score(circuit, library, replace(data, fit=without))}
    assert not after[before.claim].holds
