"""Block parameters measured in the feasibility study; a stand-in until the library's fits are passed.

Sources: lstm_circuits study, 3.1 gate, 3.2 amplifier, 3.4 cell, 3.7 Diehl; net study for the rest.
The i_hold, excitatory synapse and Diehl numbers are rounded or assumed.
"""

STUDY_MODELS: dict[str, dict[str, float]] = {
    "gate": {
        "gain": 1.0,
        "v_offset": 1.6e-3,
        "v_width": 32.8e-3,
        "floor": 3e-4,
        "tanh_gain_up": 1.0,
        "tanh_gain_down": 0.99,
        "tanh_v_offset": 0.4e-3,
        "tanh_v_width": 68e-3,
    },
    "memory_cell": {
        "capacitance": 50e-15,
        "i_charge": 32.5e-9,
        "i_leak": 26e-9,
        "v_leak_width": 65e-3,
        "v_rest": -1e-3,
        "i_hold": 2e-12,
        "read_gain": 1.0,
        "v_read_offset": 0.5e-3,
        "v_read_width": 65e-3,
    },
    "excitatory_synapse": {
        "tau_decay": 10e-9,
        "tau_rise": 1e-9,
        "gain": 1.0,
        "facilitation": 0.0,
        "saturation": 0.05,
    },
    "axon_hillock": {"t_dead": 5e-9},
    "stdp_synapse": {
        "dw_up": 0.04,
        "dw_down": 0.04,
        "mu_up": 0.8,
        "mu_down": 0.5,
        "v_stop_up": 0.4,
        "v_stop_down": 0.4,
        "v_soft": 10e-3,
        "v_width": 82e-3,
        "v_shift": -3e-3,
        "tau_trace": 25e-9,
    },
}
