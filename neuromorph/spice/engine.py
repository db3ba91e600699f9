"""ngspice in this process, through PySpice's shared mode; the only module that imports PySpice.

PySpice's own netlist parser and subprocess mode are not used: the text that
the library hashes is the text that ngspice reads.  What one ngspice run says is judged
by its plot and its words, never by PySpice's exception alone: an operating
point that converged by gmin stepping raises although it is right, and a
transient that stopped early does not raise although it is wrong.

Load this only in a worker (:mod:`neuromorph.spice.workers`): a run cannot be
interrupted cleanly, and ngspice may crash.
"""

from __future__ import annotations

import ctypes.util
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neuromorph.errors import CircuitError, EngineUnavailable, SimulationFailed

_SONAMES = ("libngspice.so.0", "libngspice.so", "libngspice.0.dylib", "libngspice.dylib", "ngspice.dll")
_FATAL = re.compile(
    r"timestep too small|singular matrix|run simulation\(s\) aborted|no such (?:device|vector|model)|"
    r"unknown subckt|could not find|can't find|no dc value|mif-error|undefined|syntax error|parse error|"
    r"doanalyses|not parsed|no simulations|too few parameters|can't parse",
    re.I,
)
_INSTALL = (
    "Install it: 'apt-get install libngspice0' (Debian, Ubuntu) or 'brew install libngspice' (macOS), "
    "or name the file in the environment variable NEUROMORPH_NGSPICE"
)


@dataclass(frozen=True)
class Waveforms:
    """Vectors of one analysis.

    Attributes
    ----------
    analysis : str
        ``"tran"``, ``"dc"``, ``"op"`` or ``"ac"``.
    vectors : dict of str to ndarray
        By lower-case name: ``"time"`` or the sweep, node names, ``"vdd#branch"``.
    """

    analysis: str
    vectors: dict[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        if name.lower() not in self.vectors:
            raise CircuitError(
                f"ngspice saved no {name!r}",
                remedy=f"it saved: {', '.join(self.vectors)}; see the bench's .save",
            )
        return self.vectors[name.lower()]

    @property
    def time(self) -> np.ndarray:
        """Sample times of a transient, s, shape (n,)."""
        return self.vectors["time"]


def find_library() -> str:
    """Name under which libngspice can be loaded.

    Raises
    ------
    EngineUnavailable
        When no candidate loads; says how to install it.
    """
    chosen = os.environ.get("NEUROMORPH_NGSPICE") or os.environ.get("NGSPICE_LIBRARY_PATH")
    found = ctypes.util.find_library("ngspice")
    candidates = [chosen] if chosen else [*([found] if found else []), *_SONAMES]
    for name in candidates:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    which = f"NEUROMORPH_NGSPICE={chosen!r} cannot be loaded" if chosen else "libngspice is not installed"
    raise EngineUnavailable(f"{which}. {_INSTALL}")


class Engine:
    """One ngspice instance; never two in a process.

    Raises
    ------
    EngineUnavailable
        When libngspice or PySpice is missing.
    """

    def __init__(self) -> None:
        os.environ["NGSPICE_LIBRARY_PATH"] = find_library()
        logging.getLogger("PySpice").setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                from PySpice.Spice.NgSpice.Shared import NgSpiceShared
            except ImportError as error:
                raise EngineUnavailable(
                    "PySpice is not installed. Install it: pip install 'neuromorph[spice]'"
                ) from error
            self._ngspice = NgSpiceShared.new_instance()
        self._loaded = False

    @property
    def version(self) -> str:
        """ngspice's own version number."""
        return str(self._ngspice.ngspice_version)

    def simulate(self, netlist: str, circuit: str = "netlist", point: str = "") -> Waveforms:
        """Run the one analysis of a netlist.

        Parameters
        ----------
        netlist : str
            Complete text with title, one analysis line and ``.end``.
        circuit, point : str
            Names for the error message.

        Raises
        ------
        SimulationFailed
            With the reason and ngspice's last lines.
        """
        analysis = _analysis_line(netlist)
        log: list[str] = []
        error = self._run(netlist, log)
        waveforms = self._last_plot(analysis)
        self._clear()
        reason = _failure(analysis, waveforms, log, error)
        if reason or waveforms is None:
            raise SimulationFailed(circuit, point, analysis, reason or "no result", tuple(log[-6:]))
        return waveforms

    def _run(self, netlist: str, log: list[str]) -> str:
        spice = self._ngspice
        try:
            self._loaded = True
            spice.load_circuit(_untitled(netlist))
            self._collect(log)
            spice.run()
        except Exception as failure:  # PySpice raises NameError subclasses and bare errors
            self._collect(log)
            return str(failure) or type(failure).__name__
        self._collect(log)
        return ""

    def _collect(self, log: list[str]) -> None:
        spice = self._ngspice
        lines = [*spice.stdout.splitlines(), *spice.stderr.splitlines()]
        log += [line.strip() for line in lines if line.strip() and line.strip() not in log]

    def _last_plot(self, analysis: str) -> Waveforms | None:
        kind = analysis.split()[0].lstrip(".").lower()
        name = self._ngspice.last_plot
        if not name.lower().startswith(kind):
            return None
        plot = self._ngspice.plot(None, name)
        vectors = {key.lower(): np.array(vector._data) for key, vector in plot.items()}
        return Waveforms(kind, vectors)

    def _clear(self) -> None:
        """Forget plots and circuit, or memory grows with every run."""
        for command in ("destroy all", "remcirc") if self._loaded else ():
            try:
                self._ngspice.exec_command(command)
            except Exception:  # nothing was loaded
                continue
        self._loaded = False


def _untitled(netlist: str) -> str:
    """The netlist under a title of ours: ngspice repeats its title, and one that says "error" reads as a failure."""
    return "* neuromorph\n" + netlist.partition("\n")[2]


def _analysis_line(netlist: str) -> str:
    for line in netlist.splitlines():
        if re.match(r"\s*\.(tran|dc|op|ac)\b", line, re.I):
            return line.strip()
    return ".op"


def _failure(analysis: str, waveforms: Waveforms | None, log: Sequence[str], error: str) -> str:
    """Why this run failed, or an empty string."""
    fatal = [line for line in log if _FATAL.search(line)]
    if waveforms is None or not all(len(vector) for vector in waveforms.vectors.values()):
        return fatal[0] if fatal else error or "ngspice gave no result"
    if not all(np.all(np.isfinite(v)) for v in waveforms.vectors.values()):
        return "the result is not finite"
    if waveforms.analysis == "tran":
        from neuromorph.units import parse_spice

        stop, reached = parse_spice(analysis.split()[2]), float(waveforms.time[-1])
        if reached < stop * (1 - 1e-6):
            return f"the transient stopped at {reached:.4g} s of {stop:.4g} s"
    if waveforms.analysis == "dc" and any("aborted" in line.lower() for line in fatal):
        return fatal[0]
    return ""


def _end_with_parent(parent: int) -> None:
    """End this worker within half a second of its parent, even in the middle of a run."""
    while os.getppid() == parent:
        time.sleep(0.25)
    os._exit(1)


def serve() -> None:
    """Worker loop: pickled (job, netlist, circuit, point) in, (job, result) out."""
    import pickle
    import resource
    import threading

    megabytes = int(os.environ.get("NEUROMORPH_WORKER_MEMORY_MB", "4096"))
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # ngspice prints to stdout; keep it off the channel
    sys.stdout = sys.stderr
    try:
        started = Engine()
        engine: Engine | None = started
        hello: object = ("ready", started.version)
    except EngineUnavailable as error:
        engine, hello = None, ("unavailable", str(error))
    pickle.dump(hello, channel)
    channel.flush()
    while engine is not None:
        try:
            job, netlist, circuit, point = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            result: object = engine.simulate(netlist, circuit, point)
        except SimulationFailed as failure:
            result = failure
        pickle.dump((job, result), channel)
        channel.flush()
