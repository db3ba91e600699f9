"""Fit behavioural models to curves, and hold them against SPICE they have not seen."""

from neuromorph.fitting.blocks import fit, verify, verify_quickly

__all__ = ["fit", "verify", "verify_quickly"]
