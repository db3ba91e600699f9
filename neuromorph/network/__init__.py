"""The network in circuit time: configuration, state, step, simulator, checkpoints, hardware listing."""
