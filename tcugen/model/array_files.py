"""Arrays from files that come from elsewhere: whatever is wrong with a file is one clear error."""

import io
import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tcugen.model.errors import ModelError

UNPACKED_BYTES = 1 << 26
MOST_TIMES = 16
"""An archive may unpack to UNPACKED_BYTES, or to as many times its own size: weights do not compress further."""


def read_array(path: str | Path, holds: str) -> NDArray[Any]:
    """The array of a `.npy` file, mapped and not loaded.

    Args:
        path: The file.
        holds: What is to be in it, as a message calls it: "images".

    Raises:
        ModelError: If it cannot be read, is damaged, an archive or no `.npy` file. Begins with the path.
    """
    try:
        with Path(path).open("rb") as file:
            if zipfile.is_zipfile(file):
                raise ModelError(f"{path}: is an archive of several arrays, but must be one; write it with numpy.save")
            file.seek(0)
            _check_header(file, os.fstat(file.fileno()).st_size)
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error}); give a .npy file of {holds}") from None
    except Exception as error:  # NumPy's reader evaluates the header as Python, and raises whatever that does.
        raise ModelError(f"{path}: is damaged or no .npy file ({error}); write it with numpy.save") from None


def read_archive(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz` file by name, each in memory.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is damaged, no such archive, or unpacks to far more than it is.
    """
    data = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max(UNPACKED_BYTES, MOST_TIMES * len(data)):
                raise ValueError(f"{len(data):,} bytes unpack to {unpacked:,}, more than arrays of a model would")
            return {name.removesuffix(".npy"): _array(archive.read(name)) for name in archive.namelist()}
    except Exception as error:  # As above; zipfile and zlib add what a damaged header makes them do.
        raise ValueError(str(error)) from None


def _array(data: bytes) -> NDArray[Any]:
    stream = io.BytesIO(data)
    _check_header(stream, len(data))
    stream.seek(0)
    return npy.read_array(stream, allow_pickle=False)


def _check_header(stream: IO[bytes], size: int) -> None:
    """Raises ValueError for an array that a file of `size` bytes cannot hold.

    NumPy maps what the header says unseen: elements of no bytes end the interpreter in a division by zero, and a
    negative side makes an array of any size.
    """
    read_header = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    held = size - stream.tell()
    if dtype.itemsize < 1 or any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize > held:
        raise ValueError(f"the header says {dtype.str} {shape}, but {held} bytes follow")
