import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import ScoreError
from neuromorph.music.pianoroll import Note, from_notes
from neuromorph.music.rendering import bundled_soundfont, envelope, play, render
from neuromorph.music.soundfont import SoundFont, Voice


@pytest.fixture(scope="module")
def font() -> SoundFont:
    return SoundFont(bundled_soundfont())


def voice(**changes) -> Voice:
    values = {
        "samples": (10_000 * np.sin(2 * np.pi * np.arange(100) / 100)).astype(np.int16),
        "loop": (0, 100),
        "rate": 44_100.0,
        "gain": 1.0,
        "attack": 0.01,
        "hold": 0.02,
        "decay": 1.0,
        "sustain": 20.0,
        "release": 0.5,
    }
    return Voice(**values | changes)


def test_every_melodic_program_has_voices_over_the_piano(font):
    for program in range(128):
        for key in (21, 60, 108):
            for found in font.voices(program, key, 90):
                assert len(found.samples) > 0
                assert found.loop is None or 0 <= found.loop[0] < found.loop[1] <= len(found.samples)
        assert font.voices(program, 60, 90)


def test_keys_an_octave_apart_play_at_double_rate(font):
    low, high = font.voices(80, 60, 90)[0], font.voices(80, 61, 90)[0]
    assert high.rate / low.rate == pytest.approx(2 ** (1 / 12))


def test_a_loop_goes_on_as_long_as_the_key_is_held():
    sound = play(voice(attack=1e-3, sustain=0.0), 1.0, 44_100)
    assert len(sound) == round(1.5 * 44_100)
    held = sound[4_410:44_100]
    assert np.abs(held).max() == pytest.approx(10_000, rel=1e-3)
    spectrum = np.abs(np.fft.rfft(held))
    assert spectrum.argmax() * 44_100 / len(held) == pytest.approx(441, abs=1.2)


def test_without_a_loop_the_recording_ends():
    sound = play(voice(loop=None), 1.0, 44_100)
    assert sound[:100].any()
    assert not sound[100:].any()


def test_the_envelope_is_linear_then_straight_in_dB():
    times = np.array([0.0, 0.005, 0.02, 0.13, 0.9, 1.0, 1.25])
    level = envelope(voice(), times, 1.0)
    decibels = 20 * np.log10(level[2:])
    assert level[:2] == pytest.approx([0.0, 0.5])
    # 100 dB a second from 0.03 s on, down to -20; then 100 dB in half a second
    assert decibels == pytest.approx([0, -10, -20, -20, -70])


def test_an_unknown_program_is_refused(font):
    with pytest.raises(ScoreError, match="no instrument for program 500"):
        font.voices(500, 60, 90)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0sfbk", b"Dear Sir or Madam" * 9])
def test_what_is_no_soundfont_is_refused(tmp_path, content):
    (tmp_path / "a.sf2").write_bytes(content)
    with pytest.raises(ScoreError, match=r"a\.sf2: is"):
        SoundFont(tmp_path / "a.sf2")
    with pytest.raises(ScoreError, match="no such file"):
        render(from_notes([Note(60, 0, 1)]), soundfont=tmp_path / "none.sf2")


@settings(max_examples=40, deadline=None)
@given(position=st.floats(0, 1), value=st.integers(0, 255), kept=st.floats(0.9, 1))
def test_damaged_fonts_sound_or_give_one_clear_error(tmp_path_factory, position, value, kept):
    path = tmp_path_factory.mktemp("font") / "a.sf2"
    data = bytearray(bundled_soundfont().read_bytes())
    tables = data.index(b"pdta")
    data[tables + int(position * (len(data) - tables - 1))] = value
    path.write_bytes(data[: len(data) if kept > 0.95 else int(kept * len(data))])
    refusal = "a.sf2"
    try:
        render(from_notes([Note(60, 0, 1)], 0.1), soundfont=path)
    except ScoreError as error:
        refusal = str(error)
    finally:
        path.unlink()
    assert "a.sf2" in refusal or "no sound" in refusal
