"""The core: all units, their queues and memories, connected. It holds no logic beyond counting what is under way."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Member, Out, connect, flipped

from tcugen.arch import Architecture
from tcugen.isa import ACTIVATION_ADDRESS_BITS, Opcode, Unit, Window
from tcugen.registers import ProtectedMemory
from tcugen.rtl.activation import ActivationMemory
from tcugen.rtl.axi import ReadBus, ReadSignature, WriteBus, WriteSignature, window_settings
from tcugen.rtl.compute import ComputeEngine
from tcugen.rtl.control import error_report
from tcugen.rtl.counters import BUSY, LAYER_COUNT_BITS, TOTALS, Counters
from tcugen.rtl.decode import header
from tcugen.rtl.dispatch import LAYER_BITS, QUEUES, Dispatch
from tcugen.rtl.fetch import Fetch
from tcugen.rtl.image_check import ImageCheck
from tcugen.rtl.load import Load
from tcugen.rtl.longest_wait import WAITING, LongestWait
from tcugen.rtl.output import OutputPath
from tcugen.rtl.parity import ParityReport
from tcugen.rtl.pool import Pool
from tcugen.rtl.reader import Reader
from tcugen.rtl.stalls import StallReason
from tcugen.rtl.store import Store
from tcugen.rtl.weights import WeightStream, parameter_ring, weight_ring
from tcugen.rtl.writer import Writer

READ_CLIENTS = ("fetch", "load", "weight_stream")
"""Clients of the bus reader, the first goes first."""

LOADING_CLIENTS = ("fetch", "load", "loaded_weights", "weight_stream")
"""The same where LOAD reads weights: it is two clients then, so that it is known which beats are of fresh weights."""

ERROR_SOURCES = ("image_check", "fetch", "reader", "writer")
"""Order of Core.errors."""


def error_sources(architecture: Architecture) -> tuple[str, ...]:
    """Order of Core.errors in a machine with or without parity."""
    return (*ERROR_SOURCES, "parity") if architecture.parity else ERROR_SOURCES


def trace_signature(n_bytes: int) -> dict[str, Member]:
    """Members of a trace: in each cycle with `valid`, `data` (n_bytes bytes) is written at byte `address`.

    What is not valid is 0: it may not even be defined.
    """
    return {
        "valid": Out(1),
        "layer": Out(LAYER_BITS),
        "address": Out(ACTIVATION_ADDRESS_BITS),
        "data": Out(8 * n_bytes),
    }


class Core(Component):
    """Everything but the host's registers and the run control; reset as a whole before each run.

    Members:
        windows: Settings of the address windows.
        start: Begin fetching.
        halt: Issue no new bus address.
        running: Count this cycle.
        finished: The program has ended and nothing is under way.
        errors: By ERROR_SOURCES.
        reader_idle, writer_idle, bus_activity: State of the bus.
        activity: In the cycle before, an instruction moved or a unit read, wrote or completed something.
        waiting: The instruction of the unit that has stood still longest.
        totals, layer, counter, layer_count: Counters.
        read, write: AXI4 master.
        trace_drain_*, trace_pool_*: Results as they are written to the activation memory.
        trace_layer: Layer the array works on or waits for.
    """

    windows: data.View
    start: Signal
    halt: Signal
    running: Signal
    finished: Signal
    errors: data.View
    reader_idle: Signal
    writer_idle: Signal
    bus_activity: Signal
    activity: Signal
    waiting: data.View
    totals: data.View
    layer: Signal
    counter: Signal
    layer_count: Signal
    read: ReadBus
    write: WriteBus
    trace_drain_valid: Signal
    trace_drain_layer: Signal
    trace_drain_address: Signal
    trace_drain_data: Signal
    trace_pool_valid: Signal
    trace_pool_layer: Signal
    trace_pool_address: Signal
    trace_pool_data: Signal
    trace_layer: Signal

    def __init__(self, architecture: Architecture):
        a = self.architecture = architecture
        super().__init__(
            {
                "windows": In(window_settings(a)),
                "start": In(1),
                "halt": In(1),
                "running": In(1),
                "finished": Out(1),
                "errors": Out(data.ArrayLayout(error_report(a), len(error_sources(a)))),
                "reader_idle": Out(1),
                "writer_idle": Out(1),
                "bus_activity": Out(1),
                "activity": Out(1),
                "waiting": Out(WAITING),
                "totals": Out(TOTALS),
                "layer": In(LAYER_BITS),
                "counter": In(range(BUSY + 1)),
                "layer_count": Out(LAYER_COUNT_BITS),
                "read": Out(ReadSignature(a)),
                "write": Out(WriteSignature(a)),
                **{f"trace_drain_{k}": v for k, v in trace_signature(a.output_lanes).items()},
                **{f"trace_pool_{k}": v for k, v in trace_signature(a.rows).items()},
                "trace_layer": Out(LAYER_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        a = self.architecture
        m.submodules.fetch = fetch = Fetch(a)
        m.submodules.dispatch = dispatch = Dispatch(a.parity, a.options)
        names = LOADING_CLIENTS if a.depthwise else READ_CLIENTS
        m.submodules.reader = reader = Reader(a, clients=len(names))
        m.submodules.writer = writer = Writer(a)
        m.submodules.load = load = Load(a)
        m.submodules.store = store = Store(a)
        m.submodules.weight_stream = weight_stream = WeightStream(a)
        m.submodules.activation = activation = ActivationMemory(a)
        m.submodules.compute = compute = ComputeEngine(a)
        m.submodules.output = output = OutputPath(a)
        m.submodules.pool = pool = Pool(a)
        m.submodules.stalls = stalls = StallReason()
        m.submodules.counters = counters = Counters(a)
        m.submodules.image_check = image_check = ImageCheck(a)

        requests = {"fetch": fetch.request, "load": load.request, "weight_stream": weight_stream.request}
        beats = {name: reader.beat_valid[number] for number, name in enumerate(names)}
        load_beat: Value = beats["load"]
        weights_asked = weight_stream.fresh_end
        if a.depthwise:
            requests["loaded_weights"] = load.fresh_request
            load_beat = load_beat | beats["loaded_weights"]
            weights_asked = Signal.like(weight_stream.fresh_end, name="weights_asked", reset_less=True)
            m.d.sync += weights_asked.eq(weight_stream.fresh_end + load.fresh_bytes)
            m.d.comb += image_check.loaded_en.eq(beats["loaded_weights"])
        for number, name in enumerate(names):
            connect(m, requests[name], reader.request[number])
        self._connect_bus(m, reader, writer, store)
        m.d.comb += [
            fetch.beat_valid.eq(beats["fetch"]),
            fetch.beat_data.eq(reader.beat_data),
            load.beat_valid.eq(load_beat),
            load.beat_data.eq(reader.beat_data),
            weight_stream.beat_en.eq(beats["weight_stream"]),
        ]
        self._connect_weights(m, weight_stream, compute, output)
        self._connect_activation(m, activation, compute, output, pool, load, store)

        connect(m, fetch.o, dispatch.i)
        units = {
            Opcode.WEIGHT: weight_stream,
            Opcode.LOAD: load,
            Opcode.STORE: store,
            Opcode.COMPUTE: compute,
            Opcode.DRAIN: output,
            Opcode.POOL: pool,
        }
        for opcode, unit in units.items():
            connect(m, getattr(dispatch, f"o_{opcode.name.lower()}"), unit.instruction)
        load_busy = _under_way(m, load, "load_under_way")
        store_busy = _under_way(m, store, "store_under_way")
        busy = {
            Opcode.WEIGHT: weight_stream.busy,
            Opcode.LOAD: load_busy,
            Opcode.STORE: store_busy,
            Opcode.COMPUTE: compute.busy,
            Opcode.DRAIN: output.busy,
            Opcode.POOL: pool.busy,
        }
        m.d.comb += [
            fetch.start.eq(self.start),
            fetch.window_bytes.eq(self.windows[Window.PROGRAM].size),
            fetch.verified.eq(image_check.verified),
            fetch.program_bytes.eq(image_check.program_bytes),
            image_check.fetch_en.eq(fetch.beat_valid),
            image_check.fresh_en.eq(weight_stream.fresh_en),
            image_check.beat.eq(reader.beat_data),
            image_check.fresh_end.eq(weights_asked),
            image_check.window_bytes.eq(self.windows[Window.PROGRAM].size),
            image_check.finished.eq(dispatch.finished),
            dispatch.unit_busy.eq(Cat(busy[opcode] for opcode in QUEUES)),
            dispatch.bus_idle.eq(reader.idle & writer.idle & ~fetch.busy),
            dispatch.done_load.eq(load.done),
            dispatch.done_store.eq(store.done),
            dispatch.done_compute.eq(compute.tile_done),
            dispatch.done_drain.eq(output.tile_done),
            dispatch.done_pool.eq(pool.done),
            self.errors[1].eq(fetch.error),
            stalls.compute_active.eq(compute.active),
            stalls.compute_layer.eq(compute.layer),
            stalls.next_layer_valid.eq(compute.next_layer_valid),
            stalls.next_layer.eq(compute.next_layer),
            stalls.waiting_for_weights.eq(compute.waiting_for_weights),
            stalls.waiting_for_bank.eq(compute.waiting_for_bank),
            stalls.queue_empty.eq(dispatch.compute_empty),
            stalls.queue_waiting.eq(dispatch.compute_waiting),
            stalls.wait_unit.eq(dispatch.compute_wait_unit),
            stalls.queue_layer.eq(dispatch.compute_layer),
            stalls.drain_busy.eq(output.busy),
            stalls.pool_busy.eq(pool.busy),
            stalls.store_busy.eq(store_busy),
            counters.running.eq(self.running),
            counters.busy.eq(stalls.busy),
            counters.busy_layer.eq(stalls.layer),
            counters.stall_reason.eq(stalls.reason),
            counters.stall_layer.eq(stalls.layer),
            counters.read_beat.eq(reader.beat),
            counters.write_beat.eq(writer.beat),
            counters.layer.eq(self.layer),
            counters.counter.eq(self.counter),
            self.totals.eq(counters.totals),
            self.layer_count.eq(counters.layer_count),
            self.trace_drain_valid.eq(output.write_en),
            self.trace_drain_layer.eq(output.layer),
            self.trace_drain_address.eq(output.write.address),
            self.trace_drain_data.eq(Mux(output.write_en, output.write.data, 0)),
            self.trace_pool_valid.eq(pool.write.valid & pool.write.ready),
            self.trace_pool_layer.eq(pool.layer),
            self.trace_pool_address.eq(pool.write.payload.address),
            self.trace_pool_data.eq(Mux(pool.write.valid, pool.write.payload.data, 0)),
            self.trace_layer.eq(stalls.layer),
        ]
        # Both a cycle later, as the last error of a run comes with its end.
        m.d.sync += [self.finished.eq(dispatch.finished), self.errors[0].eq(image_check.error)]
        self._watch(m, fetch, dispatch, compute, output, pool, load, store)
        if a.parity:
            self._gather_parity(m)
        return m

    def _gather_parity(self, m: Module) -> None:
        """What units found wrong in the words that they used, as one more source of errors."""
        a, units = self.architecture, m.submodules
        m.submodules.parity = parity = ParityReport(a)
        queues = (units.reader, units.writer, units.load, units.store, units.weight_stream, units.pool)
        wrong = {
            ProtectedMemory.ACTIVATION: (
                *(units.activation.operand_wrong, units.output.residual_wrong),
                *(units.pool.word_wrong, units.store.word_wrong),
            ),
            ProtectedMemory.WEIGHT_RING: (units.weight_ring.wrong,),
            ProtectedMemory.PARAMETER_RING: (units.parameter_ring.wrong,),
            ProtectedMemory.ACCUMULATORS: (units.compute.sum_wrong,),
            ProtectedMemory.INSTRUCTIONS: (units.dispatch.instruction_wrong,),
            ProtectedMemory.PROGRAM: (units.fetch.wrong,),
            ProtectedMemory.LOAD: (units.load.beat_wrong,),
            ProtectedMemory.STORE: (units.writer.beat_wrong,),
            ProtectedMemory.TABLES: (units.output.table_wrong,) if a.tables else (),
            ProtectedMemory.QUEUES: tuple(unit.queue_wrong for unit in queues),
        }
        m.d.comb += [parity.wrong[memory].eq(Cat(flags).any()) for memory, flags in wrong.items()]
        m.d.comb += self.errors[len(ERROR_SOURCES)].eq(parity.error)

    def _watch(self, m: Module, fetch: Fetch, dispatch: Dispatch, compute, output, pool: Pool, load, store) -> None:
        """What moves, and who has not for longest. Every unit that is not stuck does one of these now and then."""
        m.submodules.longest_wait = longest_wait = LongestWait()
        gates = [getattr(dispatch, f"o_{opcode.name.lower()}") for opcode in QUEUES]
        handed_on = fetch.o.valid & fetch.o.ready
        taken = Cat(gate.valid & gate.ready for gate in gates)
        moves = (
            *(stream.valid & stream.ready for stream in (pool.read, pool.write, load.write, store.read)),
            *(output.residual_request.valid & output.residual_request.ready, output.write_en, output.read_en),
            *(compute.active, compute.read_en, output.read_group_en),
            *(getattr(dispatch, f"done_{unit.name.lower()}") for unit in Unit),
        )
        m.d.sync += [
            self.activity.eq(handed_on | taken.any() | Cat(moves).any()),
            # It comes to the gate a good deal later.
            longest_wait.entered.eq(
                Cat(handed_on & (header(fetch.o.payload).opcode == opcode) for opcode in QUEUES),
            ),
        ]
        m.d.comb += [
            longest_wait.taken.eq(taken),
            longest_wait.busy.eq(dispatch.unit_busy),
            *(longest_wait.gate_layer[k].eq(header(gate.payload).layer) for k, gate in enumerate(gates)),
            self.waiting.eq(longest_wait.o),
        ]

    def _connect_bus(self, m: Module, reader: Reader, writer: Writer, store: Store) -> None:
        connect(m, reader.bus, flipped(self.read))
        connect(m, writer.bus, flipped(self.write))
        connect(m, store.request, writer.request)
        connect(m, store.data, writer.data)
        m.d.comb += [
            *(unit.windows.eq(self.windows) for unit in (reader, writer)),
            *(unit.halt.eq(self.halt) for unit in (reader, writer)),
            store.answered.eq(writer.done),
            self.reader_idle.eq(reader.idle),
            self.writer_idle.eq(writer.idle),
            self.bus_activity.eq(
                (self.read.arvalid & self.read.arready)
                | self.read.rvalid
                | (self.write.awvalid & self.write.awready)
                | (self.write.wvalid & self.write.wready)
                | self.write.bvalid
            ),
        ]
        for index, unit in ((2, reader), (3, writer)):
            m.d.comb += [
                self.errors[index].valid.eq(unit.error_valid),
                self.errors[index].code.eq(unit.error_code),
                self.errors[index].address.eq(unit.error_address),
            ]

    def _connect_weights(self, m: Module, stream_: WeightStream, compute: ComputeEngine, output: OutputPath) -> None:
        m.submodules.weight_ring = weights = weight_ring(self.architecture)
        m.submodules.parameter_ring = parameters = parameter_ring(self.architecture)
        beat = m.submodules.reader.beat_data
        m.d.comb += [
            weights.claim_en.eq(stream_.claim_weights),
            weights.claim_beats.eq(stream_.claim_beats),
            stream_.free_weights.eq(weights.free_beats),
            weights.beat_en.eq(stream_.weight_en),
            weights.beat.eq(beat),
            parameters.claim_en.eq(stream_.claim_parameters),
            parameters.claim_beats.eq(stream_.claim_beats),
            stream_.free_parameters.eq(parameters.free_beats),
            parameters.beat_en.eq(stream_.parameter_en),
            parameters.beat.eq(beat),
            compute.tiles_written.eq(weights.written),
            weights.read_en.eq(compute.read_en),
            weights.read_item.eq(compute.read_item),
            weights.read_unit.eq(compute.read_unit),
            compute.weights.eq(weights.data),
            weights.release.eq(compute.release),
            output.groups_written.eq(parameters.written),
            parameters.read_en.eq(output.read_group_en),
            parameters.read_item.eq(output.read_group),
            parameters.read_unit.eq(output.read_unit),
            output.parameters.eq(parameters.data),
            parameters.release.eq(output.group_released),
        ]

    def _connect_activation(self, m: Module, activation: ActivationMemory, compute, output, pool, load, store) -> None:
        connect(m, output.residual_request, activation.residual)
        connect(m, pool.read, activation.pool)
        connect(m, store.read, activation.store)
        connect(m, pool.write, activation.pool_write)
        connect(m, load.write, activation.load_write)
        m.d.comb += [
            activation.operand_en.eq(compute.request_en),
            activation.operand_request.eq(compute.request),
            compute.operand.eq(activation.operand),
            activation.drain_en.eq(output.write_en),
            activation.drain.eq(output.write),
            output.residual_word_valid.eq(activation.residual_word_valid),
            output.residual_word.eq(activation.residual_word),
            pool.word_valid.eq(activation.pool_word_valid),
            pool.word.eq(activation.pool_word),
            pool.written.eq(activation.pool_written),
            store.word_valid.eq(activation.store_word_valid),
            store.word.eq(activation.store_word),
            load.written.eq(activation.load_written),
            compute.bank_released.eq(output.bank_released),
            compute.drain_en.eq(output.read_en),
            compute.drain_bank.eq(output.read_bank),
            compute.drain_pixel.eq(output.read_pixel),
            output.accumulators.eq(compute.accumulators),
            output.filled.eq(compute.filled),
        ]


def _under_way(m: Module, unit: Load | Store, name: str) -> Value:
    """1 from the cycle after `unit` took an instruction until the cycle after the last `done`."""
    count = Signal(6, name=name)  # instructions inside a unit: its queue of 4 and one per walker
    taken = unit.instruction.valid & unit.instruction.ready
    # What is taken is known late: it decides whether the count changes, not by how much.
    with m.If(taken != unit.done):
        m.d.sync += count.eq(count + Mux(unit.done, -1, 1))
    return count != 0
