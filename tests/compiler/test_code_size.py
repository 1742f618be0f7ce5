"""How much instructions weigh beside the weights; what that costs is part of a plan's price."""

import pytest

from tcugen.arch import Architecture
from tcugen.compiler import compile_network
from tcugen.isa import INSTRUCTION_BYTES, PART_BYTES
from tcugen.network.resnets import bundled_network
from tcugen.program import Program
from tcugen.synthetic.placeholder import placeholder


@pytest.fixture(scope="module")
def resnet50():
    return placeholder(bundled_network("resnet50"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows, columns, kib, most",
    [
        pytest.param(8, 32, 64, 0.013, marks=pytest.mark.verify),
        pytest.param(16, 16, 64, 0.013, marks=pytest.mark.verify),
        (16, 16, 256, 0.004),
    ],
)
def test_resnet50_needs_little_code(resnet50, rows, columns, kib, most):
    program = compile_network(resnet50, Architecture(rows, columns, kib, accumulator_depth=128))
    assert len(program.code) < most * len(program.weights)
    # Most instructions use the body of the one before; every sixteenth part is a checksum.
    assert len(program.code) < 0.62 * INSTRUCTION_BYTES * len(program.instructions)


@pytest.mark.slow
def test_a_program_reads_back(resnet50, tmp_path):
    program = compile_network(resnet50, Architecture(activation_kib=256))
    program.write(tmp_path)
    read = Program.read(tmp_path)
    assert read.code == program.code and read.code_offsets == program.code_offsets
    assert [i.encode() for i in read.instructions] == [i.encode() for i in program.instructions]
    assert all(offset % PART_BYTES == 0 for offset in program.code_offsets)
