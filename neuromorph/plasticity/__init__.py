"""Local learning rules: Diehl's STDP, eligibility traces, three-factor and delta updates."""
