"""The copy machine: a small Verilog stand-in with the unit's ports, and a program that it fulfils."""

from pathlib import Path

import numpy as np

from tcugen.arch import Architecture
from tcugen.isa import Instruction, Opcode
from tcugen.program import Layer, Observation, Port, Program, TensorLayout
from tcugen.program_format import seal_weights
from tcugen.registers import REGISTERS

COPY_MACHINE = Path(__file__).parent / "copy_machine.v"
POOL_BASE = 0x10000


def emit_copy_machine(directory: Path, architecture: Architecture, fingerprint: int) -> Path:
    """Writes the copy machine as if emitted for `architecture`, answering `fingerprint`."""
    constants = [f"localparam REG_{register.name} = {register.address};" for register in REGISTERS]
    constants += [f"localparam FINGERPRINT = 32'h{fingerprint:08x};"]
    text = COPY_MACHINE.read_text().replace("// @REGISTERS@", "\n    ".join(constants))
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tcu_top.v").write_text(text)
    (directory / "architecture.json").write_text(architecture.to_json())
    return directory


def copy_program(architecture: Architecture, height: int = 5, width: int = 37, scratch_bytes: int = 0) -> Program:
    """A program that the copy machine fulfils: tensor `copy` is `image` + 1 and so is `pooled`."""
    word = architecture.rows
    layout = TensorLayout(word, height, width, word, word, width * word, height * width * word)
    loop = {"n_y": height, "n_x": width}
    instructions = (
        Instruction(Opcode.COMPUTE, {"layer": 0, **loop, "n_columns": 1, "n_groups": 1, "n_ky": 1, "n_kx": 1}),
        Instruction(
            Opcode.DRAIN,
            {
                "layer": 0,
                **loop,
                "n_columns": 1,
                "block_rows": 2,
                "last_steps": 1,
                "out_y_step": width * word,
                "out_x_step": word,
            },
        ),
        Instruction(
            Opcode.POOL, {"layer": 1, **loop, "n_groups": 1, "out_base": POOL_BASE, "out_row_step": width * word}
        ),
        Instruction(Opcode.END, {"layer": 1}),
    )
    return Program(
        architecture=architecture,
        network="copy",
        mac_count=1,
        instructions=instructions,
        weights=np.frombuffer(seal_weights(bytes(128), architecture), np.uint8),
        inputs=(Port("image", 0, layout),),
        outputs=(Port("copy", 0, layout),),
        input_bytes=layout.bytes,
        output_bytes=layout.bytes,
        scratch_bytes=scratch_bytes,
        layers=(Layer(("conv", "relu"), "copy"), Layer(("maxpool",), "pooled")),
        tensors={"copy": layout, "pooled": layout},
        observations=(Observation(1, "copy"), Observation(2, "pooled")),
    )


def random_images(program: Program, count: int, seed: int = 1) -> list[dict[str, np.ndarray]]:
    """`count` images of random int8 for every input of `program`."""
    rng = np.random.default_rng(seed)

    def tensor(port: Port) -> np.ndarray:
        shape = (port.layout.channels, port.layout.height, port.layout.width)
        return rng.integers(-128, 128, shape, dtype=np.int8)

    return [{port.tensor: tensor(port) for port in program.inputs} for _ in range(count)]
