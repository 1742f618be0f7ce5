#include <stdio.h>

#include <generated/csr.h>
#include <generated/mem.h>
#include <generated/sdram_phy.h>
#include <irq.h>

#include "board.h"

#define PAGE 4096u
#define UP(bytes) (((bytes) + PAGE - 1u) / PAGE * PAGE + PAGE)
#define WATCHED_WORDS 8u

/* ---- Memory map -------------------------------------------------------------------------------------------------- */

#define PROGRAM ((uint64_t)MAIN_RAM_BASE + 0x100000u) /* the first megabyte is what flush_l2_cache reads */
#define WEIGHTS (PROGRAM + UP(TCU_PROGRAM_BYTES))
#define SCRATCH (WEIGHTS + UP(TCU_WEIGHTS_BYTES))
#define INPUT (SCRATCH + UP(TCU_SCRATCH_BYTES))
#define OUTPUT (INPUT + UP(TCU_INPUT_BYTES))

const struct areas areas = {PROGRAM, WEIGHTS, SCRATCH, INPUT, OUTPUT, (uint64_t)MAIN_RAM_BASE + MAIN_RAM_SIZE};

/* ---- Console ----------------------------------------------------------------------------------------------------- */

static int put(char character, FILE *file)
{
    (void)file;
    while (uart_txfull_read())
        ;
    uart_rxtx_write((uint8_t)character);
    return 0;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;

/* ---- Caches ------------------------------------------------------------------------------------------------------ */

/* The first-level cache writes through, the second-level one back. LiteX's way to empty that one is to read other
 * memory, which must come through the first. */
void board_flush(void)
{
    flush_cpu_dcache();
    flush_l2_cache();
    flush_cpu_dcache();
}

static void flush(void *context, uint64_t address, uint32_t bytes)
{
    (void)context;
    (void)address;
    (void)bytes;
    board_flush();
}

void board_load(uint64_t address, const void *from, uint32_t bytes)
{
    const uint32_t *source = from;
    volatile uint32_t *target = board_pointer(address);
    uint32_t word;

    for (word = 0; word < bytes / 4u; ++word)
        target[word] = source[word];
    board_flush();
}

/* ---- The unit's interrupt ---------------------------------------------------------------------------------------- */

volatile unsigned board_interrupts;

/* Called by LiteX's start-up code. The interrupt is level-sensitive and cleared in the unit, by tcu_finish: until the
 * next `wait` the processor does not listen to it. */
void isr(void);
void isr(void)
{
    if (irq_pending() & irq_getmask() & 1u << TCU_INTERRUPT) {
        irq_setmask(irq_getmask() & ~(1u << TCU_INTERRUPT));
        ++board_interrupts;
    }
}

static void wait(void *context)
{
    const unsigned before = board_interrupts;

    (void)context;
    irq_setmask(irq_getmask() | 1u << TCU_INTERRUPT);
    while (board_interrupts == before)
        ;
}

#define REGISTERS .registers = (volatile uint32_t *)TCU_BASE

const struct tcu_platform board_interrupt = {REGISTERS, .flush = flush, .invalidate = flush, .wait = wait};
const struct tcu_platform board_polling = {REGISTERS, .flush = flush, .invalidate = flush};

/* ---- Start and end ----------------------------------------------------------------------------------------------- */

void board_start(void)
{
    volatile uint32_t *memory = (volatile uint32_t *)MAIN_RAM_BASE;
    unsigned word;

    irq_setmask(0);
    irq_setie(1);
    tcu_ev_enable_write(1);
    init_sequence();
    sdram_dfii_control_write(DFII_CONTROL_SEL);
    for (word = 0; word < WATCHED_WORDS; ++word)
        memory[word * 1024u] = 0x9e3779b9u * (word + 1u);
    board_flush();
    for (word = 0; word < WATCHED_WORDS; ++word)
        if (memory[word * 1024u] != 0x9e3779b9u * (word + 1u)) {
            puts("DRAM does not hold what was written");
            board_finish(1);
        }
}

void board_spoil(unsigned faults)
{
    faults_mode_write(faults);
}

void board_finish(unsigned status)
{
    while (!uart_txempty_read())
        ;
    main_finish_write(status);
    for (;;)
        ;
}
