/* Firmware of the simulated SoC: program and weights from flash to DRAM, images through the unit by the driver as it is,
 * the console says which class each has. Then every error once, if that is asked for. */

#include <inttypes.h>
#include <stdio.h>

#include <generated/mem.h>

#include "board.h"
#include "errors.h"
#include "flash.h"

#define WATCHDOG 100000u

static struct tcu tcu;
static int32_t integers[TCU_OUTPUT_0_ELEMENTS];

static void stop(const char *what, int result)
{
    printf("%s: %d %s\n", what, result, tcu_error_text(result));
    board_finish(1);
}

static void classify(unsigned number, const float *image)
{
    const struct tcu_tensor *output = &tcu_network.outputs[0];
    const unsigned interrupts = board_interrupts;
    struct tcu_counters counters;
    unsigned best, element;
    int result = tcu_write_float(&tcu_network.inputs[0], image, board_pointer(areas.input));

    if (!result)
        result = tcu_run(&tcu, areas.input, areas.output);
    if (!result)
        result = tcu_read_int32(output, board_pointer(areas.output), integers);
    if (result)
        stop("image", result);
    best = tcu_top1(output, board_pointer(areas.output));
    tcu_read_counters(&tcu, &counters);
    printf("image %u: class %u, %s\n", number, best, tcu_network.classes[best]);
    printf("  integers");
    for (element = 0; element < TCU_OUTPUT_0_ELEMENTS; ++element)
        printf(" %" PRId32, integers[element]);
    printf("\n  cycles %lu, array busy %lu, bytes read %lu, bytes written %lu, interrupts %u\n",
           (unsigned long)counters.cycles, (unsigned long)counters.busy, (unsigned long)counters.bytes_read,
           (unsigned long)counters.bytes_written, board_interrupts - interrupts);
}

int main(void)
{
    unsigned number, wrong = 0;
    int result;

    puts("VexRiscv is up, DRAM is being started");
    board_start();
    board_load(areas.program, (const void *)(FLASH_BASE + FLASH_PROGRAM), TCU_PROGRAM_BYTES);
    board_load(areas.weights, (const void *)(FLASH_BASE + FLASH_WEIGHTS), TCU_WEIGHTS_BYTES);
    printf("%s: program and weights are in DRAM, %u and %u bytes\n", tcu_network.name, (unsigned)TCU_PROGRAM_BYTES,
           (unsigned)TCU_WEIGHTS_BYTES);
    result = tcu_setup(&tcu, &board_interrupt, &tcu_network, areas.program, areas.weights, areas.scratch, WATCHDOG);
    if (result)
        stop("set-up", result);
    for (number = 0; number < IMAGES; ++number)
        classify(number, (const float *)(FLASH_BASE + FLASH_IMAGES) + number * TCU_INPUT_0_ELEMENTS);
#if ERRORS
    wrong = provoke_errors(&tcu);
#endif
    printf("%s\n", wrong ? "not all was as it should be" : "all done");
    board_finish(wrong ? 1u : 0u);
    return 0;
}
