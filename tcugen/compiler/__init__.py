"""Graph to program: lower, lay out, allocate, schedule, check, disassemble."""

from tcugen.compiler.check import check_program
from tcugen.compiler.compile import compile_network, plan_network
from tcugen.compiler.disassemble import disassemble
from tcugen.compiler.errors import CompileError

__all__ = ["CompileError", "check_program", "compile_network", "disassemble", "plan_network"]
