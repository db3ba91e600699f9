"""The virtual-source CNFET, written once as text and read by both worlds.

Every formula is a string in the arithmetic that Python and ngspice share
(``+ - * /``, ``exp ln tanh sqrt abs min max``).  :func:`evaluate_geometry` and
:func:`drain_current` compile the strings for arrays (the namespace is passed
in, so NumPy or JAX serve alike); :mod:`neuromorph.devices.netlist` prints the
same strings as a SPICE subcircuit.

Source of the model: C.-S. Lee, E. Pop, A. D. Franklin, W. Haensch and
H.-S. P. Wong, "A Compact Virtual-Source Model for Carbon Nanotube FETs in the
Sub-10-nm Regime", Part I (intrinsic elements) and Part II (extrinsic
elements), IEEE Trans. Electron Devices 62(9), 2015; arXiv 1503.04397 and
1503.04398.  Contact resistance: transmission-line form of P. M. Solomon,
IEEE EDL 32(3), 2011.  Three things are ours: constant factors on the
subthreshold swing and on the carriers' velocity and mobility, and a
drain-source conductance per tube in place of the tunnelling integrals, which
no B-source can carry.

Symbols, SI except where named:

=============  ==========================================================
``dia``        tube diameter, **nm** (as in the papers' fits)
``lg``         gate length, **nm**;  ``lcon`` contact length, **nm**
``lext``       source/drain extension, **nm**;  ``nsd`` its doping, 1/nm
``tox, kox``   oxide thickness, **nm**, and relative permittivity
``vfb``        flat-band shift, V (raises the threshold)
``ssf``        factor on the ideal subthreshold swing
``vsf``        factor on virtual-source velocity and mobility; 1 is the papers' calibration
``goff``       off conductance of one tube, S
``tk``         temperature, K
``tubes``      tubes in parallel
=============  ==========================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType, ModuleType
from typing import Any

GEOMETRY: tuple[tuple[str, str], ...] = (
    # thermal voltage, V; band gap, eV: 2 a_cc V_pi / d with a_cc 0.142 nm, V_pi 3 eV
    ("vt", "8.617333262e-5*tk"),
    ("eg", "0.852/dia"),
    # gate-all-around oxide in series with the quantum capacitance, F/m
    ("cox", "2*3.141592653589793*8.8541878128e-12*kox/ln((2*tox+dia)/dia)"),
    ("cq", "0.64e-9*sqrt(eg)+0.1e-9"),
    ("cinv", "cox*cq/(cox+cq)"),
    # mobility, m2/Vs, and virtual-source velocity, m/s
    ("mu", "vsf*0.135*lg/(66.2+lg)*dia*sqrt(dia)"),
    ("vxo", "vsf*4.1e5*sqrt(dia/1.2)*220/(220+lg)"),
    # scale length, nm, and short-channel factors
    ("zeta", "2.4048*dia/(dia+2*tox)"),
    ("bsl", "0.41*(zeta/2-zeta*zeta*zeta/16)*(3.141592653589793*zeta/2)"),
    ("lam", "(dia+2*tox)/4.8096*(1+bsl*(1/kox-1))"),
    ("eta", "exp(-(lg+2*tox/3)/(2*lam))"),
    ("nss", "ssf/(1-2*eta)"),
    ("vth0", "eg/2-2*(0.258+eg/2)*eta+vfb"),
    # contact: coupling S/m (clamped: a fit near 1.2-1.3 nm), resistance per side, ohm
    ("gc", "490*exp(min(max((0.4-eg/2)/0.032,-8),5))"),
    ("rq", "6453.2"),
    ("lt", "1/sqrt(gc*rq/380e-9+gc*rq/2*gc*rq/2)"),
    ("rcon", "rq/2*sqrt(1+4/(380e-9*gc*rq))/tanh(lcon*1e-9/lt)"),
    ("rs", "rcon+35*lext/(exp(2.1*ln(nsd))*dia*dia)"),
    # folded constants of the bias equations
    ("avt", "3.5*vt"),
    ("nv", "nss*vt"),
    ("qv", "cinv*nv"),
    ("vxl", "vxo/(1+rs*cinv*(1+2*eta)*vxo)"),
    ("lmu", "lg*1e-9/mu"),
    ("cgate", "tubes*(cinv*lg*0.5e-9+4e-18)"),
)
"""Constants of one device, in order; each may use the ones above it."""

BIAS: tuple[tuple[str, str], ...] = (
    # overdrive referred to the zero-bias threshold, with DIBL = eta
    ("x0", "vgs-vth0+eta*abs(vds)"),
    # Fermi-like transition from weak to strong inversion
    ("x1", "0.5-0.5*tanh((x0+avt/2)/(2*avt))"),
    # inversion charge over Cinv*nv: softplus in a form that cannot overflow
    ("x2", "max((x0+avt*x1)/nv,0)+ln(1+exp(-abs((x0+avt*x1)/nv)))"),
    # virtual-source velocity and saturation voltage; guarded, since Newton may
    # visit points where x1 leaves [0, 1]
    ("x3", "max((vxo*x1+vxl*(1-x1))*(2*rs*qv*x2+lmu)*(1-x1)+vt*x1,0.01)"),
    (
        "id",
        "tubes*(qv*x2*(vxo*x1+vxl*(1-x1))*vds/max(x3,0.01)*exp(-ln(1+exp(1.8*ln(abs(vds)/max(x3,0.01)+1e-9)))/1.8)+goff*vds)",
    ),
)
"""Bias equations in order; ``vgs`` is measured from the lower of drain and source (n type)."""

_COMPILED: dict[str, CodeType] = {
    text: compile(text.strip(), f"<cnfet {name}>", "eval") for name, text in (*GEOMETRY, *BIAS)
}


def _functions(xp: ModuleType) -> dict[str, Any]:
    return {
        "exp": xp.exp, "ln": xp.log, "tanh": xp.tanh, "sqrt": xp.sqrt,
        "abs": xp.abs, "min": xp.minimum, "max": xp.maximum, "__builtins__": {},
    }  # fmt: skip


def _evaluate(equations: tuple[tuple[str, str], ...], values: Mapping[str, Any], xp: ModuleType) -> dict:
    scope = {**_functions(xp), **values}
    for name, text in equations:
        scope[name] = eval(_COMPILED[text], scope)  # our own constant strings, compiled above
    return {name: scope[name] for name, _ in equations}


def evaluate_geometry(parameters: Mapping[str, Any], xp: ModuleType) -> dict[str, Any]:
    """Constants of a device from its parameters.

    Parameters
    ----------
    parameters : mapping of str to float or array
        The symbols of the module's table; arrays broadcast.
    xp : module
        ``numpy`` or ``jax.numpy``.

    Returns
    -------
    dict of str to float or array
        Every name of :data:`GEOMETRY`, in the units given there.
    """
    return _evaluate(GEOMETRY, parameters, xp)


def drain_current(parameters: Mapping[str, Any], vg: Any, vd: Any, vs: Any, xp: ModuleType) -> Any:
    """Current into the drain of an n-type device, A.

    Parameters
    ----------
    parameters : mapping of str to float or array
        The symbols of the module's table.
    vg, vd, vs : float or array
        Node voltages, V.  For a p-type device negate all three and the result.
    xp : module
        ``numpy`` or ``jax.numpy``.
    """
    return biased_current({**parameters, **evaluate_geometry(parameters, xp)}, vg, vd, vs, xp)


def biased_current(constants: Mapping[str, Any], vg: Any, vd: Any, vs: Any, xp: ModuleType) -> Any:
    """:func:`drain_current` with the geometry evaluated before, for many calls on the same devices.

    Parameters
    ----------
    constants : mapping of str to float or array
        Parameters and every name of :data:`GEOMETRY`.
    """
    return referred_current(constants, vg - xp.minimum(vd, vs), vd - vs, xp)


def referred_current(constants: Mapping[str, Any], vgs: Any, vds: Any, xp: ModuleType) -> Any:
    """:func:`biased_current` by what it depends on: the gate over the lower of drain and source, and drain over source."""
    return _evaluate(BIAS, {**constants, "vgs": vgs, "vds": vds}, xp)["id"]
