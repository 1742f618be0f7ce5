"""Instructions weigh next to nothing beside the weights, however small the activation memory."""

import pytest

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.compiler.compile import MOST_CODE
from tcugen.isa import INSTRUCTION_BYTES, PART_BYTES
from tcugen.network.resnets import bundled_network
from tcugen.program import Program
from tcugen.synthetic.placeholder import placeholder

ARRAYS = ((4, 4), (8, 8), (8, 16), (16, 16), (32, 32))


@pytest.fixture(scope="module")
def resnet50():
    return placeholder(bundled_network("resnet50"))


@pytest.mark.slow
@pytest.mark.parametrize("rows, columns, kib", [*((*array, 64) for array in ARRAYS), (16, 16, 256)])
def test_resnet50_stays_under_one_percent(resnet50, rows, columns, kib, tmp_path):
    assert MOST_CODE == 0.01
    architecture = Architecture(
        rows=rows,
        columns=columns,
        activation_kib=kib,
        bus_bytes=16 if rows == 32 else 8,
        output_lanes=max(1, rows * columns // 64),
        weight_tiles=65536 // (rows * columns),
    )
    program = compile_network(resnet50, architecture)
    program.write(tmp_path)
    assert (tmp_path / "program.bin").stat().st_size < 0.01 * (tmp_path / "weights.bin").stat().st_size
    # Most instructions use the body of the one before.
    assert len(program.code) < 0.6 * INSTRUCTION_BYTES * len(program.instructions)


@pytest.mark.slow
def test_a_program_reads_back(resnet50, tmp_path):
    program = compile_network(resnet50, Architecture(activation_kib=256))
    program.write(tmp_path)
    read = Program.read(tmp_path)
    assert read.code == program.code and read.code_offsets == program.code_offsets
    assert [i.encode() for i in read.instructions] == [i.encode() for i in program.instructions]
    assert all(offset % PART_BYTES == 0 for offset in program.code_offsets)
