/* The SoC as firmware sees it: console, memory map, caches, and the unit's platform for the driver. */

#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "tcu.h"

/* Where the unit's windows are: bus addresses, and the processor's too. */
struct areas {
    uint64_t program, weights, scratch, input, output;
    uint64_t nothing; /* no memory answers there */
};

extern const struct areas areas;

/* Registers where LiteX has put them, the unit's interrupt, and caches that are not coherent. */
extern const struct tcu_platform board_interrupt;

/* The same, polling. */
extern const struct tcu_platform board_polling;

/* Interrupts that were taken. */
extern volatile unsigned board_interrupts;

/* Console, interrupt, DRAM: to be called first. */
void board_start(void);

/* The simulation ends. */
void board_finish(unsigned status);

/* Writes the processor's caches back, and empties them. */
void board_flush(void);

/* Copies into DRAM and writes the caches back. */
void board_load(uint64_t address, const void *from, uint32_t bytes);

/* From now on answers of memory to the unit are withheld; or end with their first beat. 0: neither. */
enum board_fault { BOARD_SILENT = 1, BOARD_EARLY_LAST = 2 };
void board_spoil(unsigned faults);

static inline void *board_pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

#endif
