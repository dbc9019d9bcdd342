from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seamark.base_models._wheels import JoinedFiles


def _write(folder: Path, pieces: list[bytes]) -> list[Path]:
    paths = [folder / str(number) for number in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    return paths


_MOVES = st.tuples(st.sampled_from([0, 1, 2]), st.integers(-20, 60), st.integers(0, 40))


@given(pieces=st.lists(st.binary(max_size=20), min_size=1, max_size=5), moves=st.lists(_MOVES, max_size=10))
@hypothesis_settings(max_examples=60, deadline=None)
def test_joined_files_read_like_one_file(pieces: list[bytes], moves: list[tuple[int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = io.BytesIO(b"".join(pieces))
        with io.BufferedReader(JoinedFiles(_write(Path(folder), pieces))) as joined:
            for whence, offset, count in moves:
                base = (0, whole.tell(), len(whole.getvalue()))[whence]
                target = max(0, base + offset)
                assert joined.seek(target) == whole.seek(target)
                assert joined.read(count) == whole.read(count)
                assert joined.tell() == whole.tell()
            whole.seek(0)
            joined.seek(0)
            assert joined.read() == whole.read()


def test_seeking_before_the_beginning_is_refused(tmp_path: Path) -> None:
    with JoinedFiles(_write(tmp_path, [b"abc"])) as joined, pytest.raises(OSError, match="negative seek"):
        joined.seek(-4, io.SEEK_END)


def test_no_file_stays_open(tmp_path: Path) -> None:
    joined = JoinedFiles(_write(tmp_path, [b"ab", b"cd"]))
    assert joined.read() == b"abcd"
    joined.close()
    assert joined._stream is None
