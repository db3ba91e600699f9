"""Circuits of CNFETs at transistor level without ngspice: many copies at a time, from the same netlists."""
