"""Arrays from files: what is damaged is one error, never a traceback, and never the end of the interpreter."""

import io
import random
import zipfile

import numpy as np
import pytest

from tcugen.model.array_files import UNPACKED_BYTES, read_archive, read_array
from tcugen.model.errors import ModelError


def npy(header: str, data: bytes = b"") -> bytes:
    """A .npy file of format 1.0 with this header."""
    padded = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode("latin1") + data


HEADERS = {
    "elements of no bytes": "{'descr': '|S0', 'fortran_order': True, 'shape': (-1,)}",
    "a negative side": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}",
    "more than follows": "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
    "a side beyond 64 bits": "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
    "a bracket that stays open": "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4)",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
    "no type": "{'descr': 'nothing', 'fortran_order': False, 'shape': (4,)}",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_damaged_header(header, tmp_path):
    content = npy(header, bytes(64))
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"x\.npy: is damaged or no .npy file .*numpy.save"):
        read_array(path, "images")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(ValueError, match="."):
        read_archive(path)


def test_sound_files_come_back(tmp_path):
    arrays = {"a": np.arange(24, dtype=np.float32).reshape(2, 3, 4).T, "b": np.array(3, np.int8)}
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    read = read_archive(tmp_path / "x.npz")
    assert list(read) == ["a", "b"]
    for name, array in arrays.items():
        np.save(tmp_path / "x.npy", array)
        for other in (read[name], read_array(tmp_path / "x.npy", "images")):
            assert other.dtype == array.dtype and np.array_equal(other, array)


def test_an_archive_that_unpacks_to_far_more_than_it_is(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "ab":
            archive.writestr(f"{name}.npy", bytes(UNPACKED_BYTES // 2 + 1))
    with pytest.raises(ValueError, match=r"bytes unpack to 67,108,866, more than arrays of a model would"):
        read_archive(tmp_path / "x.npz")


def test_a_member_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("manifest", "{}")
    with pytest.raises(ValueError, match="magic"):
        read_archive(tmp_path / "x.npz")


def test_an_archive_or_a_folder_is_no_array(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(ModelError, match="archive of several arrays"):
        read_array(tmp_path / "x.npz", "images")
    with pytest.raises(ModelError, match="cannot be read .*give a .npy file of labels"):
        read_array(tmp_path, "labels")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_with_wrong_bytes_is_read_or_refused(save, tmp_path):
    whole = io.BytesIO()
    save(whole, a=np.arange(6, dtype=np.int32).reshape(2, 3), b=np.array(1.5))
    path, numbers, refused = tmp_path / "x.npz", random.Random(9), 0
    for _ in range(500):
        content = bytearray(whole.getvalue())
        for _ in range(numbers.choice((1, 2, 4))):
            content[numbers.randrange(len(content))] = numbers.randrange(256)
        path.write_bytes(content)
        try:
            read_archive(path)
        except ValueError:
            refused += 1
    assert refused > 250


def test_an_array_with_wrong_bytes_is_read_or_refused(tmp_path):
    whole = io.BytesIO()
    np.save(whole, np.arange(6, dtype=np.float32).reshape(2, 3))
    path, numbers, refused = tmp_path / "x.npy", random.Random(9), 0
    for _ in range(1000):
        content = bytearray(whole.getvalue())
        for _ in range(numbers.choice((1, 2, 4))):
            content[numbers.randrange(72)] = numbers.randrange(256)
        path.write_bytes(content)
        try:
            read_array(path, "images")
        except ModelError:
            refused += 1
    assert refused > 500
