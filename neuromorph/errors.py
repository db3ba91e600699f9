"""One exception tree for everything neuromorph refuses or fails at.

A message is written for the person who reads it at two in the morning: what
went wrong, where (file, circuit, parameter), which value, what is allowed, and
what to do about it.  The command line prints the message alone and exits with
status 2 for :class:`InputError` (the user can mend it) and 1 for the rest.
"""

from __future__ import annotations


class NeuromorphError(Exception):
    """Base of every error raised on purpose by neuromorph."""


class InputError(NeuromorphError):
    """A file, parameter or value the user gave cannot be used.

    Parameters
    ----------
    what : str
        What is wrong, in words, naming the parameter and the value.
    where : str, optional
        File, recipe or run it was found in.
    remedy : str, optional
        What to do about it.
    """

    def __init__(self, what: str, *, where: object = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, str(where), remedy
        text = f"{self.where}: {what}" if self.where else what
        super().__init__(f"{text}. {remedy}" if remedy else text)


class CircuitError(InputError):
    """A recipe or its netlist is inconsistent or not allowed."""


class AudioError(InputError):
    """A sound file cannot be used."""


class ScoreError(InputError):
    """A MIDI file, piano roll or data set cannot be used."""


class OutOfRange(InputError):
    """A model or knob was asked for a value outside its characterized range."""


class LibraryError(InputError):
    """A characterization library is missing, damaged or of another schema."""


class RunError(InputError):
    """A stored run is missing, damaged or does not match its library."""


class EngineUnavailable(NeuromorphError):
    """libngspice cannot be found or does not answer."""


class SimulationFailed(NeuromorphError):
    """ngspice could not solve one point.

    Parameters
    ----------
    circuit, point, analysis : str
        Which block, which point of which plan, which analysis line.
    reason : str
        The cause in one line.
    log_tail : sequence of str
        ngspice's own last lines.
    """

    def __init__(
        self, circuit: str, point: str, analysis: str, reason: str, log_tail: tuple[str, ...] = ()
    ) -> None:
        self.circuit, self.point, self.analysis = circuit, point, analysis
        self.reason, self.log_tail = reason, tuple(log_tail)
        tail = "".join(f"\n    ngspice: {line}" for line in self.log_tail)
        super().__init__(f"{circuit}, {point}, {analysis}: {reason}{tail}")

    def __reduce__(self):  # survives the way back from a worker process
        args = (self.circuit, self.point, self.analysis, self.reason, self.log_tail)
        return type(self), args


class FitFailed(NeuromorphError):
    """The curves do not determine the model's parameters."""


class LearningDiverged(NeuromorphError):
    """Weights or losses left the finite range; the last good checkpoint is kept."""


class SimulationDiverged(NeuromorphError):
    """A state of a running network is no longer finite.

    Parameters
    ----------
    what : str
        Which population and when.
    recorded : object
        What was recorded until then.
    remedy : str, optional
        What to do about it.
    """

    def __init__(self, what: str, recorded: object = None, *, remedy: str = "") -> None:
        self.what, self.recorded, self.remedy = what, recorded, remedy
        super().__init__(f"{what}. {remedy}" if remedy else what)
