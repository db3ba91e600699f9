import hashlib
import os
import stat

import pytest

from neuromorph.errors import ScoreError
from neuromorph.music.files import atomic_path, checked_size, sha256_of


def test_success_replaces_and_makes_folders(tmp_path):
    target = tmp_path / "new" / "a.txt"
    for text in ("one", "two"):
        with atomic_path(target) as partial:
            assert partial.suffix == ".txt"
            assert partial.parent == target.parent
            partial.write_text(text)
        assert target.read_text() == text
    assert list(target.parent.iterdir()) == [target]
    assert stat.S_IMODE(target.stat().st_mode) & 0o600 == 0o600


def test_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted():
        with atomic_path(target) as partial:
            partial.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_or_a_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ScoreError, match="is a folder"), atomic_path(tmp_path, ScoreError):
        pass
    with (
        pytest.raises(ScoreError, match="cannot be written"),
        atomic_path(tmp_path / "file" / "a", ScoreError),
    ):
        pass


def test_sizes_are_checked(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"12345")
    assert checked_size(path, 5, ScoreError) == 5
    with pytest.raises(ScoreError, match="over the limit"):
        checked_size(path, 4, ScoreError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ScoreError, match="regular file"):
        checked_size(tmp_path / "pipe", 10, ScoreError)


def test_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
