"""The static check finds what a careless compiler would get wrong: each test breaks one thing in a good program."""

import dataclasses

import pytest

from tcugen.arch import Architecture
from tcugen.compiler import CompileError, check_program, compile_network
from tcugen.compiler.deadlock import Execution
from tcugen.isa import Instruction, Opcode, Window
from tcugen.network.resnets import bundled_network
from tcugen.program import Program
from tcugen.synthetic.integers import synthesise
from tests.compiler.networks import NETWORKS

ARCHITECTURE = Architecture(activation_kib=32)


@pytest.fixture(scope="module")
def program() -> Program:
    model, _ = synthesise(NETWORKS["bottleneck"], seed=1)
    return compile_network(model, ARCHITECTURE)


def find(program: Program, opcode: Opcode, **fields) -> int:
    """Index of the last instruction with these field values."""
    return max(
        index
        for index, i in enumerate(program.instructions)
        if i.opcode == opcode and all(i[name] == value for name, value in fields.items())
    )


def changed(program: Program, index: int, **fields) -> Program:
    instructions = list(program.instructions)
    instructions[index] = Instruction(instructions[index].opcode, {**instructions[index].fields, **fields})
    return dataclasses.replace(program, instructions=tuple(instructions))


def test_good_program_passes(program):
    check_program(program)


@pytest.mark.parametrize("opcode, unit", [(Opcode.COMPUTE, "drain"), (Opcode.DRAIN, "drain"), (Opcode.STORE, "drain")])
def test_missing_wait_is_a_hazard(program, opcode, unit):
    index = next(at for at, i in enumerate(program.instructions) if i.opcode == opcode and i[f"wait_{unit}"])
    with pytest.raises(CompileError, match=rf"instruction {index} \({opcode.name}\): reads what work \d+ of DRAIN"):
        check_program(changed(program, index, **{f"wait_{unit}": 0}))


def test_every_wait_matters_or_is_implied(program):
    """Lowering any one wait by one either breaks a rule or leaves an order that an earlier wait of the unit gives."""
    found = 0
    for index, instruction in enumerate(program.instructions):
        for name, value in instruction.fields.items():
            if not name.startswith("wait_") or not value or instruction.opcode == Opcode.END:
                continue
            earlier = [
                i[name] for i in program.instructions[:index] if i.opcode == instruction.opcode and i[name] >= value
            ]
            try:
                check_program(changed(program, index, **{name: value - 1}))
            except CompileError as error:
                assert "waits for" in str(error)
                found += 1
            else:
                assert earlier, f"{instruction.opcode.name} {index} waits for more than it needs: {name} = {value}"
    assert found >= 10


def test_wait_for_later_work(program):
    index = find(program, Opcode.COMPUTE, layer=0)
    with pytest.raises(CompileError, match="waits for work 9999 of STORE, which comes later"):
        check_program(changed(program, index, wait_store=9999))


def dropped(program: Program, index: int) -> Program:
    """Without one LOAD or STORE; later waits for its unit count one less."""
    name = f"wait_{program.instructions[index].opcode.name.lower()}"
    instructions = list(program.instructions[:index])
    for instruction in program.instructions[index + 1 :]:
        fields = dict(instruction.fields)
        if fields.get(name):
            fields[name] -= 1
        instructions.append(Instruction(instruction.opcode, fields))
    observations = tuple(
        dataclasses.replace(o, instruction=o.instruction - (o.instruction > index)) for o in program.observations
    )
    return dataclasses.replace(program, instructions=tuple(instructions), observations=observations)


def test_bytes_that_were_never_loaded(program):
    """The last segment of the last LOAD of the image ends a beat early."""
    index = find(program, Opcode.LOAD)
    shorter = program.instructions[index]["segment_bytes"] - ARCHITECTURE.bus_bytes
    with pytest.raises(CompileError, match=r"COMPUTE\): reads byte \d+, which nothing has written"):
        check_program(changed(program, index, segment_bytes=shorter))


def test_channels_that_were_never_drained(program):
    """A DRAIN in front of a pool leaves out the last channels of its last column group."""
    pool = next(at for at, i in enumerate(program.instructions) if i.opcode == Opcode.POOL)
    index = max(at for at in range(pool) if program.instructions[at].opcode == Opcode.DRAIN)
    steps = program.instructions[index]["last_steps"]
    assert steps > 1
    with pytest.raises(CompileError, match=r"POOL\): pools channels that nothing has written"):
        check_program(changed(program, index, last_steps=steps - 1))


def test_an_output_that_is_never_stored(program):
    with pytest.raises(CompileError, match=r"output '\w+': byte \d+ of OUTPUT is never stored"):
        check_program(dropped(program, find(program, Opcode.STORE)))


def test_a_store_of_nothing(program):
    index = find(program, Opcode.STORE)
    free = ARCHITECTURE.activation_bytes - ARCHITECTURE.rows
    rows = {"row_step": ARCHITECTURE.bus_bytes, "row_bytes": ARCHITECTURE.rows}
    with pytest.raises(CompileError, match=rf"STORE\): stores byte {free}, which nothing has written"):
        check_program(
            changed(program, index, activation=free, segments=1, segment_bytes=ARCHITECTURE.bus_bytes, **rows)
        )


def test_a_layer_that_is_not_there(program):
    index = find(program, Opcode.DRAIN)
    with pytest.raises(CompileError, match=r"layer 4000 is not one of \d+"):
        check_program(changed(program, index, layer=4000))


@pytest.fixture(scope="module")
def spilling() -> Program:
    model, _ = synthesise(bundled_network("resnet20"), seed=1)
    program = compile_network(model, Architecture(rows=8, columns=8, activation_kib=16, output_lanes=1))
    assert program.scratch_bytes
    return program


def scratch_loads(program: Program) -> list[int]:
    """LOADs of SCRATCH that wait for a STORE that no earlier LOAD has waited for."""
    found, waited = [], 0
    for index, instruction in enumerate(program.instructions):
        if instruction.opcode == Opcode.LOAD:
            if instruction["window"] == Window.SCRATCH and instruction["wait_store"] > waited:
                found.append(index)
            waited = max(waited, instruction["wait_store"])
    return found


def test_a_load_ahead_of_the_store_that_it_reads(spilling):
    """Or ahead of one that sends what it overwrites."""
    found = 0
    for index in scratch_loads(spilling)[:30]:
        early = spilling.instructions[index]["wait_store"] - 1
        broken = changed(spilling, index, wait_store=early)
        with pytest.raises(CompileError, match=rf"{index} \(LOAD\): .* but waits for {early} only") as error:
            check_program(broken)
        found += f"loads what work {early + 1} of STORE" in str(error.value)
    assert found >= 4


def test_a_load_of_what_was_never_stored(spilling):
    index = scratch_loads(spilling)[0]
    last = spilling.scratch_bytes - spilling.instructions[index]["segment_bytes"]
    with pytest.raises(CompileError, match=rf"loads byte {last} of SCRATCH, never stored before"):
        check_program(changed(spilling, index, offset=last, segments=1))


def test_a_second_store_to_one_place(spilling):
    stores = [at for at, i in enumerate(spilling.instructions) if i.opcode == Opcode.STORE]
    place = spilling.instructions[stores[0]]["offset"]
    assert spilling.instructions[stores[1]]["window"] == spilling.instructions[stores[0]]["window"]
    with pytest.raises(CompileError, match=rf"stores to byte {place} of SCRATCH a second time"):
        check_program(changed(spilling, stores[1], offset=place))


def test_a_store_whose_end_meets_an_earlier_one(spilling):
    """The byte named is the first that is stored twice, not the first of the STORE."""
    stores = [at for at, i in enumerate(spilling.instructions) if i.opcode == Opcode.STORE]
    first, second = (spilling.instructions[at] for at in stores[:2])
    beat = spilling.architecture.bus_bytes
    after = first["offset"] + first["segment_bytes"]
    assert first["segments"] == 1 or first["memory_step"] > first["segment_bytes"]
    assert second["segment_bytes"] >= 2 * beat and after <= second["offset"]
    rows = {"row_step": beat, "row_bytes": beat}
    broken = changed(spilling, stores[1], offset=first["offset"] + beat, segments=1, segment_bytes=2 * beat, **rows)
    with pytest.raises(CompileError, match=rf"stores to byte {first['offset'] + beat} of SCRATCH a second time"):
        check_program(broken)
    ring = changed(spilling, stores[0], segments=2, memory_step=first["segment_bytes"] - beat, activation_step=0)
    with pytest.raises(CompileError, match=rf"stores to byte {after - beat} of SCRATCH a second time"):
        check_program(ring)


def test_write_past_the_memory(program):
    index = find(program, Opcode.DRAIN)
    with pytest.raises(CompileError, match=r"touches byte \d+ of an activation memory of 32768 bytes"):
        check_program(changed(program, index, out_base=32768 - 16))


def test_window_end(program):
    index = find(program, Opcode.STORE)
    with pytest.raises(CompileError, match=r"instruction \d+ \(STORE, layer \d+\): reaches byte \d+ of a window of"):
        check_program(changed(program, index, offset=program.output_bytes))


def test_store_to_a_window_that_is_read_only(program):
    with pytest.raises(CompileError, match="uses window 2"):
        check_program(changed(program, find(program, Opcode.STORE), window=2))


def test_block_larger_than_a_bank(program):
    index = find(program, Opcode.COMPUTE, layer=0)
    with pytest.raises(CompileError, match="blocks of 5120 pixels exceed 256"):
        check_program(changed(program, index, n_y=256, block_rows=256))


def test_drain_of_another_shape(program):
    index = find(program, Opcode.DRAIN)
    rows = program.instructions[index]["n_y"]
    with pytest.raises(CompileError, match="DRAIN of layer .* takes .* pixels of a tile of|deadlock|left undrained"):
        check_program(changed(program, index, n_y=rows - 1))


def test_kept_tiles_left_in_the_ring(program):
    index = find(program, Opcode.COMPUTE, keep=0)
    with pytest.raises(CompileError, match="weight tiles are left in their ring at the end"):
        check_program(changed(program, index, keep=1))


def test_drain_before_its_compute_deadlocks(program):
    """Nine COMPUTE ahead of their DRAIN: two banks fill, then the queue, then dispatch never reaches a DRAIN."""
    waiting = [i for i in program.instructions if i.opcode == Opcode.COMPUTE]
    index = find(program, Opcode.COMPUTE)
    instructions = list(program.instructions)
    wait = {f"wait_{unit}": 0 for unit in ("load", "store", "compute", "drain", "pool")}
    free = Instruction(Opcode.COMPUTE, {**waiting[-1].fields, **wait, "n_columns": 1})
    broken = dataclasses.replace(program, instructions=tuple(instructions[:index] + [free] * 16 + instructions[index:]))

    with pytest.raises(CompileError, match="deadlock: .*COMPUTE"):
        Execution(broken.instructions, ARCHITECTURE).run()


def test_end_must_be_last(program):
    with pytest.raises(CompileError, match="END must be the last"):
        check_program(dataclasses.replace(program, instructions=program.instructions[:-1]))


def test_observation_per_result(program):
    with pytest.raises(CompileError, match="needs one observation"):
        check_program(dataclasses.replace(program, observations=program.observations[1:]))
