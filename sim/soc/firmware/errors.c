#include <stdio.h>

#include "board.h"
#include "errors.h"

#define BLOCK 512u /* of the program, each with its sum at the end, see docs/program-file.md */
#define PART 32u   /* of a block: the header, then instructions */
#define WEIGHTS_HEADER 64u
#define PAGE 4096u
#define WATCHDOG 2000u

static struct tcu *unit;
static unsigned wrong;

static void expect(int expected, int result)
{
    const int ok = result == expected;

    printf("error %d %s%s\n", result, tcu_error_text(result), ok ? "" : " (UNEXPECTED)");
    wrong += !ok;
}

static int set_up(const struct tcu_platform *platform, const struct tcu_network *network)
{
    return tcu_setup(unit, platform, network, areas.program, areas.weights, areas.scratch, WATCHDOG);
}

static int run(void)
{
    return tcu_run(unit, areas.input, areas.output);
}

/* Nothing goes wrong here. */
static void good(int result)
{
    if (result)
        expect(0, result);
}

static void good_run(void)
{
    good(set_up(&board_interrupt, &tcu_network));
    good(run());
    puts("a run after that: done");
}

/* ---- Damaged files ------------------------------------------------------------------------------------------------ */

/* zlib's CRC-32, a bit at a time. */
static uint32_t crc_of(uint32_t crc, const uint8_t *data, uint32_t count)
{
    while (count--) {
        unsigned bit;

        crc ^= *data++;
        for (bit = 0; bit < 8u; ++bit)
            crc = crc >> 1 ^ (crc & 1u ? 0xedb88320u : 0u);
    }
    return crc;
}

/* Writes the sums at the ends of the program's blocks anew. */
static void seal(uint8_t *first)
{
    static const uint8_t zeros[4];
    uint32_t crc = ~(uint32_t)0, end, byte;

    for (end = BLOCK; end <= TCU_PROGRAM_BYTES; end += BLOCK) {
        crc = crc_of(crc, first + end - BLOCK, BLOCK - 4u);
        crc = crc_of(crc, zeros, 4u);
        for (byte = 0; byte < 4u; ++byte)
            first[end - 4u + byte] = (uint8_t)(~crc >> 8u * byte);
    }
    board_flush();
}

/* A run with another byte in memory. */
static void damaged(int expected, uint64_t address)
{
    uint8_t *byte = board_pointer(address);

    *byte ^= 0x10u;
    board_flush();
    expect(expected, run());
    *byte ^= 0x10u;
    board_flush();
}

/* A run with another byte in the first instruction, and checksums that hold. */
static void another_instruction(int expected, uint32_t offset, uint8_t bits)
{
    uint8_t *first = board_pointer(areas.program), *byte = first + PART + offset;
    const uint8_t kept = *byte;

    *byte |= bits;
    seal(first);
    expect(expected, run());
    *byte = kept;
    seal(first);
}

/* ---- The errors ---------------------------------------------------------------------------------------------------- */

static uint32_t read_nothing(void *context, uint32_t offset)
{
    (void)context;
    (void)offset;
    return 0;
}

static void refusals(void)
{
    const struct tcu_tensor *input = &tcu_network.inputs[0];
    struct tcu_platform other = board_interrupt;
    struct tcu_network network = tcu_network;
    struct tcu_tensor two = *input, sums = tcu_network.outputs[0];
    volatile float huge = 1.0e30f;
    const float not_finite[2] = {0.0f, huge * huge};
    int8_t byte;

    other.read = read_nothing;
    expect(TCU_NO_MACHINE, set_up(&other, &tcu_network));
    network.architecture ^= 1u;
    expect(TCU_OTHER_MACHINE, set_up(&board_interrupt, &network));
    good(set_up(&board_interrupt, &tcu_network));
    expect(TCU_NO_RUN, tcu_finish(unit));
    expect(TCU_BAD_ADDRESS, tcu_run(unit, areas.input + 8u, areas.output));
    expect(TCU_WINDOWS_OVERLAP, tcu_run(unit, areas.input, areas.input));
    network = tcu_network;
    network.output_bytes = 2u * PAGE;
    good(set_up(&board_interrupt, &network));
    expect(TCU_WINDOWS_WRAPS, tcu_run(unit, areas.input, ((uint64_t)1 << (TCU_BUS_ADDRESS_BITS - 1)) * 2u - PAGE));
    network = tcu_network;
    network.program_bytes = 0;
    good(set_up(&board_interrupt, &network));
    expect(TCU_WINDOWS_EMPTY, run());
    good(set_up(&board_interrupt, &tcu_network));
    good(tcu_start(unit, areas.input, areas.output));
    expect(TCU_BUSY, tcu_start(unit, areas.input, areas.output));
    good(tcu_soft_reset(unit));
    other = board_polling;
    other.max_polls = 2;
    good(set_up(&other, &tcu_network));
    expect(TCU_TIMEOUT, run());
    good(tcu_soft_reset(unit));
    sums.is_int32 = 1;
    expect(TCU_BAD_ARGUMENT, tcu_read_int8(&sums, board_pointer(areas.output), &byte));
    two.channels = two.height = 1;
    two.width = 2;
    expect(TCU_NOT_FINITE, tcu_write_float(&two, not_finite, board_pointer(areas.scratch)));
}

static void memory_errors(void)
{
    struct tcu_network network = tcu_network;

    network.weights_bytes /= 16u;
    good(set_up(&board_interrupt, &network));
    expect(TCU_ERROR_WINDOW, run());
    good(tcu_setup(unit, &board_interrupt, &tcu_network, areas.program, areas.nothing, areas.scratch, WATCHDOG));
    expect(TCU_ERROR_READ_RESPONSE, run());
    good(set_up(&board_interrupt, &tcu_network));
    board_spoil(BOARD_EARLY_LAST);
    expect(TCU_ERROR_READ_LAST, run());
    board_spoil(0);
    board_spoil(BOARD_SILENT);
    good(tcu_soft_reset(unit));
    expect(TCU_ERROR_BUS_HUNG, run());
    board_spoil(0);
    good(tcu_soft_reset(unit));
}

static void file_errors(void)
{
    good(set_up(&board_interrupt, &tcu_network));
    damaged(TCU_ERROR_FORMAT, areas.program);
    damaged(TCU_ERROR_INSTRUCTION_SET, areas.program + 8u);
    damaged(TCU_ERROR_ARCHITECTURE, areas.program + 12u);
    damaged(TCU_ERROR_GENERATOR, areas.program + 16u);
    damaged(TCU_ERROR_LENGTH, areas.program + 22u);
    damaged(TCU_ERROR_WEIGHTS, areas.program + 28u);
    damaged(TCU_ERROR_PROGRAM_CHECKSUM, areas.program + PART);
    another_instruction(TCU_ERROR_OPCODE, 0, 15u);
    another_instruction(TCU_ERROR_CORE_HUNG, 5u, 255u); /* waits for stores that never come */
    damaged(TCU_ERROR_WEIGHTS_CHECKSUM, areas.weights + WEIGHTS_HEADER);
}

unsigned provoke_errors(struct tcu *tcu)
{
    unit = tcu;
    wrong = 0;
    refusals();
    memory_errors();
    file_errors();
    /* The machine writes at the end of a run, so this is a whole one; as is the one after it, which must be good. */
    good(set_up(&board_interrupt, &tcu_network));
    expect(TCU_ERROR_WRITE_RESPONSE, tcu_run(unit, areas.input, areas.nothing));
    good_run();
    return wrong;
}
