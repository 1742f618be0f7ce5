"""Cycles that pass inside the units, read off their pipelines in `tcugen/rtl`; `tests/timing` holds them to the RTL.

A cycle is named by what can be seen in it: "from A to B" is 1 if B shows in the cycle after A.
"""

from tcugen.isa import Opcode

TAKE_TO_ISSUE = 4
"""reader: a client's request is taken, then its address is checked: queue, settings, sums, verdict."""

CHECK_PLACES = 5
"""window: requests taken whose burst is not issued."""

ISSUE_TO_ADDRESS = 1
"""reader, writer: the checked address stands on the bus."""

MAX_OUTSTANDING = 16
"""axi: bursts of one direction between issue and their last beat or response."""

START_TO_FETCH = 2
"""fetch: the first request after the start."""

FETCH_PERIOD = 2
"""fetch: cycles between two requests."""

FETCH_ROOM = 3
"""fetch: from the last beat of a part leaving the buffer to the request that waited for its room."""

FETCH_BURST_BYTES = 256
FETCH_BUFFER_BYTES = 1024

OWN_PART_TO_OFFER = 2
"""fetch: from taking an own part to the instruction's offer: its register, its judgement."""

BEAT_TO_PART = 4
"""fetch: reader 1, buffer 2, gathering or cutting 1; 3 where the buffer is small."""

BEAT_TO_VERIFIED = 5
"""image_check, fetch: from a block's last beat on the bus to its parts that may be used: reader 1, sums 2, verdict 1,
count 1."""

SMALL_FIFO = 64
"""fifo: queues below this depth have latency 1, others 2."""

IN_PLACE = (Opcode.COMPUTE, Opcode.DRAIN, Opcode.POOL)
"""gate: opcodes whose bodies are read once their unit is ready; those of others while it is at work."""

WORD_BYTES = 8
"""instruction_memory: bytes that are written, and read, in a cycle."""

OFFER_TO_WRITE = 1
"""instruction_memory: from an instruction's offer, or the room for it, to its first word written."""

WRITE_TO_CHOICE = 0
"""instruction_memory: from an instruction's first word written to the choice of whose words are read."""

CHOICE_TO_HEADER = 5
"""instruction_memory, gate: from the choice to the header at the gate; one more until its waits are judged."""

CHOICE_TO_BODY = 3
"""The same to the body, beside a cycle per word. The room of its words is free two cycles earlier."""

DONE_TO_JUDGED = 1
"""dispatch: from the counter that shows the work to the offer of an instruction that waited for it."""

WEIGHT_START = 4
"""weights: from taking an instruction to its first request: PREPARE, CHOOSE, REQUEST, room."""

WEIGHT_PERIOD = 3
"""weights: CHOOSE, REQUEST and whether there is room."""

WEIGHT_ROOM = 1
"""weights: from room in a ring to the request that waited for it."""

BEAT_TO_RING = 2
"""reader 1, ring 1: from a beat on the bus to the item that counts as written."""

LOAD_START = 7
"""load, segments: from taking an instruction to its first request: walker 5, room 1, request 1."""

LOAD_PERIOD = 2
"""load: cycles between two requests."""

WALKER_START = 5
"""segments: from taking a transfer to its first group; a transfer of one group is followed by the next then."""

LOAD_ROOM = 2
"""load: from room in the beat queue to the request that waited for it: comparison, request."""

LOAD_QUEUE_BEATS = 256
LOAD_PLANS = 5
"""load: transfers whose places are not written; a queue of 4 and the one under way."""

BEAT_TO_PLACE = 3
"""load: reader 1, queue 2: from a beat on the bus to its move into the write register."""

PLACE_TO_DONE = 4
"""load, activation memory: the queue in front of the banks, write, done, counter."""

STORE_START = 8
"""store: from taking an instruction to its first beat at the writer: walker 2, read 4, word queue 1, row ends 1."""

STORE_REQUEST = 11
"""store, window, writer: from taking an instruction to its first burst, issued if its data is there: walker 5, check 4,
writer 2."""

STORE_LOOKAHEAD = 4
"""store: cycles before its last beat in which the next instruction can be taken."""

WRITER_BEATS = 64
DATA_TO_ISSUE = 2
"""writer: from a burst's last beat that comes to the address that waited for it: count, comparison."""

WRITE_PERIOD = 3
"""writer: cycles between two addresses."""

WRITE_TO_DATA = 2
"""writer: from an address on the bus to the first beat there."""

ANSWER_TO_DONE = 3
"""writer, store, dispatch: from the response to the counter that shows the work."""

COMPUTE_START = 3
"""passes: from taking an instruction to its first pass."""

TILE_TO_PASS = 1
"""passes: from the cycle in which a tile counts as written to its pass."""

PASS_PERIOD = 2
"""passes: cycles between two passes."""

PASS_TO_LOADER = 1
"""compute: the queue between pass walker and weight loader."""

LOADER_TO_TAKE = 2
"""loader: a pass may be taken two cycles after the read of its tile's first row."""

TAKE_TO_LOADER = 2
"""loader: the next tile's first row is read two cycles after a pass was taken."""

RING_READ_DELAY = 4
"""compute: cycles by which the loader's reads reach the ring later, as operands take longer than it counts on."""

READ_TO_COUNT = 4
"""pixels, compute, dispatch: from the last pixel to the counter that shows the tile: request, arbitration, counter."""

READ_TO_FILLED = 11
"""request 1, activation memory 5, array 2, accumulators 3, drain 1, less 1: beside one cycle per row."""

DRAIN_TO_READY = 1
"""output: from the cycle in which nothing is under way any more to the next instruction."""

DRAIN_START = 2
"""output, drain: from taking an instruction to its first step."""

RESIDUAL_START = 7
"""residual_reader: the same with a residual operand, whose first word must come first."""

OUTPUT_LATENCY = 21
"""output: from a step to its write: sums 5, requantise 10, residual 6."""

TABLE_LATENCY = 2
"""table: what it adds to that where there are tables, also to results that pass it by."""

MULTIPLY_LATENCY = 3
"""multiply: what it adds where there is one, also to results that pass it by."""

UNROUNDED_LATENCY = 1
"""residual: what it adds where sums can be added that are not rounded before, also to results that pass them by."""

GROUP_TO_STEP = 1
"""drain: from the cycle in which a parameter group counts as written to its first step."""

READ_TO_BANK_FREE = 1
"""drain: from the read of a bank's last pixel to its release."""

STEP_TO_GROUP_FREE = 2
"""drain: from the last step of a parameter group to its room in the ring."""

WRITE_TO_COUNT = 2
"""output, dispatch: from the last write of a tile to the counter that shows it."""

POOL_START = 4
"""pool: from taking an instruction to its first tap, beside a cycle per bit of the stride."""

POOL_END = 10
"""pool: from the last tap to the next instruction; the counter shows it then."""

POOL_TO_TAKE = 5
"""pool: from a word's service to the cycle in which it is taken at the earliest: activation memory 4, queue 1."""

POOL_PADDING_TO_TAKE = 1
"""pool: the same of a tap outside the input, from its step: queue 1."""

POOL_TAPS = 8
"""pool: words that are under way."""

POOL_TAP_ROOM = 2
"""pool: from a word that is taken to the step that waited for its room: level, room."""

POOL_QUEUE = 2
"""activation memory: from a word's service to the one after the next that can be asked for; its queue holds two."""

POOL_RESULTS = 8
"""depthwise: results that are under way."""

DEPTHWISE_SETTLE = 4
"""depthwise: from when the lanes could begin a result to the parameters of the next group: word, products, sums,
complete sums."""

DEPTHWISE_RESULT = 16
"""depthwise: from the last tap of a result to its write, beside a cycle per step of the lanes: complete sums 4, bias 2,
requantise 10; the queue takes the last step's cycle."""

DEPTHWISE_WRITE_PERIOD = 2
"""activation memory: cycles between two results of the pool."""

DEPTHWISE_END = 3
"""pool: from the last result's write to the next instruction; the counter shows it then."""

IDLE_TO_QUIET = 2
"""dispatch: from the cycle in which nothing is under way any more to the first of those that are counted, and from the
last of these to control."""

SETTLE_CYCLES = 4
"""control: cycles of silence that end a run."""
