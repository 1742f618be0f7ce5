"""The form of `program.bin` and `weights.bin`: headers that name what they are for, and CRC-32 sums over the rest.

Both begin with a header of eight words of 32 bits, little-endian:

| word | in the program | in the weights |
|---|---|---|
| `magic` | `TCUP` | `TCUW` |
| `format` | 1 | the same |
| `instruction_set` | hash of the instruction set, `isa.INSTRUCTION_SET` | the same |
| `architecture` | fingerprint of the architecture | the same |
| `generator` | version of tcugen, a byte each for major, minor, patch and 0, the first in bits 31:24 | the same |
| `program_bytes` | size of the program | 0 |
| `weights_bytes` | size of the weights | the same |
| `weights_crc` | CRC-32 of the weights after their header | the same |

**Weights.** The header fills 64 bytes with zeros, then come parameters and weights in the order of use.

For a machine with depthwise convolutions, two words follow the eight of the weights' header: `streamed_bytes`, the size
of the header and of what WEIGHT instructions read, and `loaded_crc`, the CRC-32 of what LOAD instructions read, which
follows in the order of first use. `weights_crc` is then the CRC-32 of the streamed bytes after the header XOR
`loaded_crc`, so that a program knows both. In other machines all bytes are streamed, and both words are 0.

**Program.** Blocks of 512 bytes. The header is the first part of the first block. The last part of every block is zeros
but for its last word, which holds the CRC-32 of the program from its beginning to the end of this block, these words of
it and of the blocks before taken as 0. Instructions fill the rest, and zeros follow END. CRC-32 is that of zlib:
`zlib.crc32`.
"""

import re
import zlib
from enum import Enum

from tcugen import __version__
from tcugen.arch import BUS_SIZES, Architecture
from tcugen.isa import INSTRUCTION_SET, PART_BYTES

FORMAT = 1
WORDS = (
    "magic",
    "format",
    "instruction_set",
    "architecture",
    "generator",
    "program_bytes",
    "weights_bytes",
    "weights_crc",
)
"""Words of a header, in order."""

PROGRAM_MAGIC = int.from_bytes(b"TCUP", "little")
WEIGHTS_MAGIC = int.from_bytes(b"TCUW", "little")

STREAMED_BYTES_WORD = len(WORDS)
LOADED_CRC_WORD = STREAMED_BYTES_WORD + 1
"""Places of the words `streamed_bytes` and `loaded_crc` in the weights."""

HEADER_BYTES = 4 * len(WORDS)
WEIGHTS_HEADER_BYTES = max(BUS_SIZES)
"""Of the header of the weights with the zeros after it: whole beats of every bus."""

BLOCK_BYTES = 512
"""Of a program: what is checked at a time. Its last part holds the sum."""

BLOCK_PARTS = BLOCK_BYTES // PART_BYTES
CRC_BYTES = 4

assert HEADER_BYTES == PART_BYTES, "the header takes the place of one part"
assert BLOCK_BYTES % max(BUS_SIZES) == 0, "blocks are whole beats of every bus"


def _generator(version: str) -> int:
    numbers = [int(number) for number in re.findall(r"\d+", version)[:3]]
    return int.from_bytes(bytes([*numbers, 0, 0, 0, 0][:4]), "big")


GENERATOR = _generator(__version__)
"""Version of tcugen as a word of the header, and as register GENERATOR reads it."""


class Flaw(Enum):
    """Why a program is refused, by the name of the error code that the machine reports."""

    FORMAT = "not a file of this format"
    INSTRUCTION_SET = "it is of another instruction set"
    ARCHITECTURE = "it is for another architecture"
    GENERATOR = "it is of another version of tcugen"
    LENGTH = "it is not as long as its header says"
    WEIGHTS = "the weights are not those that the program was compiled with"
    PROGRAM_CHECKSUM = "a checksum of the program does not hold"
    WEIGHTS_CHECKSUM = "the checksum of the weights does not hold"


class ProgramFormatError(ValueError):
    """A program or weights that the machine would refuse; `flaw` says why."""

    def __init__(self, flaw: Flaw, name: str, found: str):
        super().__init__(f"{name}: {flaw.value} ({flaw.name}): {found}; build it again for this machine")
        self.flaw = flaw


def constants(magic: int, architecture: Architecture) -> dict[str, int]:
    """The words that are the same in every header of this machine, by name."""
    values = (magic, FORMAT, INSTRUCTION_SET, architecture.fingerprint, GENERATOR)
    return dict(zip(WORDS, values, strict=False))


def seal_weights(image: bytes, architecture: Architecture, loaded_bytes: int = 0) -> bytes:
    """`image`, contents of window WEIGHTS, with its header in the first WEIGHTS_HEADER_BYTES, which are overwritten.

    The last `loaded_bytes` of it are read by LOAD instructions; there are none for a machine without depthwise
    convolutions.
    """
    body = image[WEIGHTS_HEADER_BYTES:]
    streamed = WEIGHTS_HEADER_BYTES + len(body) - loaded_bytes
    words = constants(WEIGHTS_MAGIC, architecture) | {
        "weights_bytes": WEIGHTS_HEADER_BYTES + len(body),
        "weights_crc": _weights_crc(image, streamed),
    }
    more = (streamed, zlib.crc32(image[streamed:])) if architecture.depthwise else ()
    header = _header(words) + b"".join(word.to_bytes(4, "little") for word in more)
    return header.ljust(WEIGHTS_HEADER_BYTES, b"\0") + body


def _weights_crc(weights: bytes, streamed_bytes: int) -> int:
    """Of no bytes CRC-32 is 0: where nothing is loaded, it is that of all bytes after the header."""
    return zlib.crc32(weights[WEIGHTS_HEADER_BYTES:streamed_bytes]) ^ zlib.crc32(weights[streamed_bytes:])


def streamed_bytes(weights: bytes, architecture: Architecture) -> int:
    """Size of the header and of what WEIGHT instructions read of sealed `weights`."""
    return _word(weights, STREAMED_BYTES_WORD) if architecture.depthwise else len(weights)


def _word(data: bytes, place: int) -> int:
    return int.from_bytes(data[4 * place : 4 * place + 4], "little")


def seal_program(parts: bytes, weights: bytes, architecture: Architecture) -> bytes:
    """The program of instruction `parts`, whole ones, and sealed `weights`."""
    words = constants(PROGRAM_MAGIC, architecture) | {
        "program_bytes": program_size(len(parts) // PART_BYTES),
        "weights_bytes": len(weights),
        "weights_crc": _weights_crc(weights, streamed_bytes(weights, architecture)),
    }
    content = _header(words) + parts
    sealed = bytearray()
    crc = 0
    room = BLOCK_BYTES - PART_BYTES
    for start in range(0, len(content), room):
        block = content[start : start + room].ljust(BLOCK_BYTES, b"\0")
        crc = zlib.crc32(block, crc)
        sealed += block[:-CRC_BYTES] + crc.to_bytes(CRC_BYTES, "little")
    return bytes(sealed)


def program_size(parts: int) -> int:
    """Bytes of a program of `parts` parts of instructions."""
    return -(-(1 + parts) // (BLOCK_PARTS - 1)) * BLOCK_BYTES


def part_offset(part: int) -> int:
    """Byte offset in the program of part number `part` of its instructions."""
    blocks, place = divmod(1 + part, BLOCK_PARTS - 1)
    return blocks * BLOCK_BYTES + place * PART_BYTES


def open_program(code: bytes, weights: bytes, architecture: Architecture) -> bytes:
    """The parts of a sealed program, zeros after END included.

    Raises:
        ProgramFormatError: If the machine would refuse program or weights, for the reason it would give first.
    """
    header = _read_header(code, "program.bin")
    _check_constants(_read_header(weights, "weights.bin"), WEIGHTS_MAGIC, architecture, "weights.bin")
    of_weights = _read_header(weights, "weights.bin")
    zeros = 4 * (LOADED_CRC_WORD + 1) if architecture.depthwise else HEADER_BYTES
    if any(weights[zeros:WEIGHTS_HEADER_BYTES]) or of_weights["program_bytes"]:
        raise ProgramFormatError(Flaw.FORMAT, "weights.bin", "its header does not end with zeros")
    _check_constants(header, PROGRAM_MAGIC, architecture, "program.bin")
    for word in ("weights_bytes", "weights_crc"):
        if header[word] != of_weights[word]:
            found = f"{word} is {header[word]} in the program and {of_weights[word]} in the weights"
            raise ProgramFormatError(Flaw.WEIGHTS, "weights.bin", found)
    size = header["program_bytes"]
    if not size or size % BLOCK_BYTES or size > len(code):
        raise ProgramFormatError(Flaw.LENGTH, "program.bin", f"{len(code)} bytes, and {size} in the header")
    parts, crc = bytearray(), 0
    for start in range(0, size, BLOCK_BYTES):
        block = code[start : start + BLOCK_BYTES]
        crc = zlib.crc32(block[:-CRC_BYTES] + bytes(CRC_BYTES), crc)
        if crc.to_bytes(CRC_BYTES, "little") != block[-CRC_BYTES:]:
            raise ProgramFormatError(Flaw.PROGRAM_CHECKSUM, "program.bin", f"in the block at byte {start}")
        parts += block[:-PART_BYTES]
    check_weights(weights, architecture)
    return bytes(parts[HEADER_BYTES:])


def check_weights(weights: bytes, architecture: Architecture) -> None:
    """Raises ProgramFormatError unless `weights` are sealed for this machine."""
    header = _read_header(weights, "weights.bin")
    _check_constants(header, WEIGHTS_MAGIC, architecture, "weights.bin")
    if header["weights_bytes"] != len(weights):
        found = f"{len(weights)} bytes, and {header['weights_bytes']} in the header"
        raise ProgramFormatError(Flaw.WEIGHTS_CHECKSUM, "weights.bin", found)
    streamed = streamed_bytes(weights, architecture)
    if not WEIGHTS_HEADER_BYTES <= streamed <= len(weights):
        found = f"{len(weights)} bytes, of which {streamed} are streamed"
        raise ProgramFormatError(Flaw.WEIGHTS_CHECKSUM, "weights.bin", found)
    loaded = zlib.crc32(weights[streamed:])
    if architecture.depthwise and loaded != _word(weights, LOADED_CRC_WORD):
        found = f"CRC-32 of what is loaded is 0x{loaded:08x}, and 0x{_word(weights, LOADED_CRC_WORD):08x} in the header"
        raise ProgramFormatError(Flaw.WEIGHTS_CHECKSUM, "weights.bin", found)
    if (crc := _weights_crc(weights, streamed)) != header["weights_crc"]:
        found = f"CRC-32 is 0x{crc:08x}, and 0x{header['weights_crc']:08x} in the header"
        raise ProgramFormatError(Flaw.WEIGHTS_CHECKSUM, "weights.bin", found)


def _header(words: dict[str, int]) -> bytes:
    return b"".join(words.get(name, 0).to_bytes(4, "little") for name in WORDS)


def _read_header(data: bytes, name: str) -> dict[str, int]:
    if len(data) < HEADER_BYTES:
        raise ProgramFormatError(Flaw.FORMAT, name, f"it has {len(data)} bytes, and a header takes {HEADER_BYTES}")
    return {word: int.from_bytes(data[4 * k : 4 * k + 4], "little") for k, word in enumerate(WORDS)}


FLAW_OF_WORD = {
    "magic": Flaw.FORMAT,
    "format": Flaw.FORMAT,
    "instruction_set": Flaw.INSTRUCTION_SET,
    "architecture": Flaw.ARCHITECTURE,
    "generator": Flaw.GENERATOR,
}
"""What a wrong constant word of a header means."""


def _check_constants(header: dict[str, int], magic: int, architecture: Architecture, name: str) -> None:
    for word, value in constants(magic, architecture).items():
        if header[word] != value:
            found = f"{word} is 0x{header[word]:08x}, and must be 0x{value:08x}"
            raise ProgramFormatError(FLAW_OF_WORD[word], name, found)
