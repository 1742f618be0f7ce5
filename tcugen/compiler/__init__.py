"""Plan and integers to a program: bind, check, disassemble."""

from tcugen.compiler.check import check_program
from tcugen.compiler.compile import compile_network
from tcugen.compiler.disassemble import disassemble
from tcugen.compiler.integers import int32_outputs
from tcugen.mapping.errors import CompileError

__all__ = ["CompileError", "check_program", "compile_network", "disassemble", "int32_outputs"]
