"""Read what is needed of a SoundFont 2 file: samples and how keys select them.

After the *SoundFont Technical Specification 2.04* (Creative Technology, 2006).
Modulators, filters, low-frequency oscillators and panning are not read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ScoreError
from neuromorph.music.files import checked_size

MAX_SOUNDFONT_BYTES = 512 * 2**20
MAX_CENTS = 12_000  # ten octaves from the recorded pitch
BANK = 0  # General MIDI's melodic bank

# generator numbers of the specification, section 8.1.2
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, SAMPLE = 41, 43, 44, 53
ATTENUATION, COARSE_TUNE, FINE_TUNE, SAMPLE_MODES, SCALE_TUNING, ROOT_KEY = 48, 51, 52, 54, 56, 58
ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 34, 35, 36, 37, 38
OFFSETS = {"start": (0, 4), "end": (1, 12), "loop_start": (2, 45), "loop_end": (3, 50)}
DEFAULTS = {SCALE_TUNING: 100, ATTACK: -12_000, HOLD: -12_000, DECAY: -12_000, RELEASE: -12_000, ROOT_KEY: -1}
NOT_ADDED = (INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, SAMPLE, SAMPLE_MODES, ROOT_KEY)
WHOLE_RANGE = 127 << 8
NO_PRESET = "has no instrument for program {program}"

Generators = dict[int, int]


class _Header(NamedTuple):
    """Sample header, section 7.10: positions in the sample data, rate [Hz], pitch."""

    start: int
    end: int
    loop_start: int
    loop_end: int
    rate: int
    pitch: int
    correction: int


@dataclass(frozen=True, eq=False)
class Voice:
    """One sample as one key plays it.

    Parameters
    ----------
    samples : array, [N], int16
        The recording.
    loop : tuple of int or None
        First sample of the loop and first after it.
    rate : float
        Samples of the recording per second at this key [Hz].
    gain : float
        Amplitude factor.
    attack, hold, decay, release : float
        Envelope times [s]; decay and release are those for 100 dB.
    sustain : float
        Level after the decay [dB below the peak].
    """

    samples: NDArray[np.int16]
    loop: tuple[int, int] | None
    rate: float
    gain: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float


class SoundFont:
    """A SoundFont 2 file.

    Parameters
    ----------
    path : path
        The ``.sf2`` file.

    Raises
    ------
    ScoreError
        When the file is missing, damaged or not a SoundFont.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        checked_size(self.path, MAX_SOUNDFONT_BYTES, ScoreError)
        data = self.path.read_bytes()
        try:
            self._chunks = dict(_chunks(data))
            self.samples = np.frombuffer(self._chunks[b"smpl"], "<i2")
            self._headers = [_header(record) for record in self._records(b"shdr", "<20s5IBbHH")]
            self._presets = self._records(b"phdr", "<20s3H3I")
            self._instruments = self._records(b"inst", "<20sH")
        except (KeyError, ValueError, struct.error) as error:
            raise self._damaged(error) from error

    def voices(self, program: int, key: int, velocity: int) -> list[Voice]:
        """What sounds when a key of an instrument is struck.

        Parameters
        ----------
        program, key, velocity : int
            General MIDI instrument counted from 0, MIDI note, 1 to 127.

        Raises
        ------
        ScoreError
            When the file has no such instrument or is damaged.
        """
        try:
            return [
                self._voice(preset | _added(preset, instrument), key)
                for preset in self._preset_zones(program)
                if _selected(preset, key, velocity)
                for instrument in self._zones(self._instruments, b"ibag", b"igen", preset[INSTRUMENT], SAMPLE)
                if _selected(instrument, key, velocity)
            ]
        except (KeyError, IndexError, ValueError, struct.error, OverflowError) as error:
            raise self._damaged(error) from error

    def _preset_zones(self, program: int) -> list[Generators]:
        for index, (_, number, bank, *_) in enumerate(self._presets[:-1]):
            if (number, bank) == (program, BANK):
                return self._zones(self._presets, b"pbag", b"pgen", index, INSTRUMENT)
        raise ScoreError(NO_PRESET.format(program=program), where=self.path, remedy="choose another program")

    def _zones(
        self, owners: Sequence[tuple], bags: bytes, generators: bytes, index: int, last: int
    ) -> list[Generators]:
        """Zones of a preset or instrument, each on top of the global zone (section 7.3)."""
        column = 3 if owners is self._presets else 1
        first_bag, stop_bag = owners[index][column], owners[index + 1][column]
        common: Generators = {}
        zones = []
        for bag in range(first_bag, stop_bag):
            zone = self._generators(bags, generators, bag)
            if last in zone:
                zones.append(common | zone)
            elif bag == first_bag:
                common = zone
        return zones

    def _generators(self, bags: bytes, generators: bytes, bag: int) -> Generators:
        start, _, stop, _ = struct.unpack_from("<4H", self._chunks[bags], 4 * bag)
        return dict(struct.iter_unpack("<Hh", self._chunks[generators][4 * start : 4 * stop]))

    def _voice(self, zone: Generators, key: int) -> Voice:
        zone = DEFAULTS | zone
        header = self._headers[zone[SAMPLE]]
        at = {
            name: getattr(header, name) + zone.get(fine, 0) + 32_768 * zone.get(coarse, 0)
            for name, (fine, coarse) in OFFSETS.items()
        }
        if not 0 <= at["start"] <= at["end"] <= len(self.samples):
            raise ValueError(f"sample {zone[SAMPLE]} lies outside the sample data")
        root = header.pitch if zone[ROOT_KEY] < 0 else zone[ROOT_KEY]
        cents = (key - root) * zone[SCALE_TUNING] + 100 * zone.get(COARSE_TUNE, 0) + zone.get(FINE_TUNE, 0)
        if abs(cents) > MAX_CENTS:
            raise ValueError(f"key {key} is tuned by {cents} cents")
        loops = (
            zone.get(SAMPLE_MODES, 0) & 1 and at["start"] <= at["loop_start"] < at["loop_end"] <= at["end"]
        )
        return Voice(
            samples=self.samples[at["start"] : at["end"]],
            loop=(at["loop_start"] - at["start"], at["loop_end"] - at["start"]) if loops else None,
            rate=header.rate * 2.0 ** ((cents + header.correction) / 1200),
            gain=10.0 ** (-max(zone.get(ATTENUATION, 0), 0) / 200),
            attack=_seconds(zone[ATTACK]),
            hold=_seconds(zone[HOLD]),
            decay=_seconds(zone[DECAY]),
            sustain=min(max(zone.get(SUSTAIN, 0) / 10, 0.0), 100.0),
            release=_seconds(zone[RELEASE]),
        )

    def _records(self, chunk: bytes, layout: str) -> list[tuple]:
        return list(struct.iter_unpack(layout, self._chunks[chunk]))

    def _damaged(self, error: Exception) -> ScoreError:
        return ScoreError(f"is not a complete SoundFont 2 file ({error})", where=self.path)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Innermost RIFF chunks by name."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise ValueError("no RIFF sfbk header")
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"LIST":
            position += 12  # its content follows
            continue
        yield name, data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _header(record: tuple) -> _Header:
    return _Header(*record[1:8])


def _selected(zone: Generators, key: int, velocity: int) -> bool:
    """Whether key and velocity lie in the zone's ranges, each low byte to high byte."""
    return all(
        (limits & 255) <= value <= (limits >> 8 & 255)
        for limits, value in (
            (zone.get(KEY_RANGE, WHOLE_RANGE), key),
            (zone.get(VELOCITY_RANGE, WHOLE_RANGE), velocity),
        )
    )


def _added(preset: Generators, instrument: Generators) -> Generators:
    """The instrument's values with the preset's added to them (section 9.4)."""
    relative = {number: value for number, value in preset.items() if number not in NOT_ADDED}
    base = DEFAULTS | instrument
    return instrument | {number: base.get(number, 0) + value for number, value in relative.items()}


def _seconds(timecents: int) -> float:
    """Time of a value in timecents, at least a millisecond [s]."""
    return max(2.0 ** (min(timecents, 8_000) / 1200), 1e-3)
