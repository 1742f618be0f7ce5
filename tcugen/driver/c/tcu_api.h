/* ---- The driver ------------------------------------------------------------------------------------------------ */

/* One tensor of window INPUT or OUTPUT. Element (c, y, x) is the byte
 *     offset + (c / word) * plane_bytes + y * row_bytes + x * pixel_bytes + c % word
 * of the window; of 32-bit sums, that is the lowest of four bytes that are `byte_step` apart. */
struct tcu_tensor {
    const char *name;
    uint32_t channels, height, width;
    uint32_t offset, bytes;
    uint32_t word, pixel_bytes, row_bytes, plane_bytes, byte_step;
    int is_int32;
    float scale;              /* int8: real value = scale * (element - zero_point) */
    int32_t zero_point;
    const double *sum_scales; /* 32-bit sums: real value = sum_scales[channel] * sum; 0 for int8 */
    int is_limited;           /* real values of 32-bit sums are limited to [low, high] */
    double low, high;
};

/* One compiled network. Sizes are those of the five windows. */
struct tcu_network {
    const char *name;
    uint32_t architecture;    /* fingerprint of the machine that it was compiled for */
    uint32_t program_bytes, weights_bytes, input_bytes, output_bytes, scratch_bytes;
    const struct tcu_tensor *inputs, *outputs;
    unsigned input_count, output_count;
    const char *const *layers; /* the node that makes each layer's tensor, by layer number */
    unsigned layer_count;
    const char *const *classes; /* names of the first output's channels; 0 if they are not known */
    unsigned class_count;
    int is_placeholder;       /* weights are placeholders: runs are right, results mean nothing */
};

/* Orders loads and stores of memory before and after it, for processor and compiler: what was written into INPUT before
 * the start, what is read from OUTPUT after the end. Define it for a compiler without this built-in, or where a bus
 * master needs more than the processor's usual barrier (on ARM one outside the inner shareable domain: dsb sy). */
#ifndef TCU_BARRIER
#define TCU_BARRIER() __sync_synchronize()
#endif

/* How the processor reaches the machine. Everything that is 0 has a default.
 *   registers   where AXI4-Lite is mapped, if `read` and `write` are 0
 *   read, write one register at a byte offset
 *   flush       make `bytes` from bus address `address` visible to the machine (clean the cache); 0: memory is coherent
 *   invalidate  make what the machine wrote there visible to the processor; 0: memory is coherent
 *               both are given ranges as they are: let each window begin and end with a cache line of its own
 *   wait        sleep until the interrupt; it may return early. 0: poll. `irq` is a level and stays high until
 *               tcu_finish: a handler that only wakes `wait` must mask it, and `wait` unmask it
 *   interrupt   raise the interrupt at the end of a run, for a handler that calls tcu_finish; `wait` implies it
 *   max_polls   looks at STATUS after which a run is given up; 0: never
 * Loads and stores through `registers` must reach the device in order: map it as device memory. */
struct tcu_platform {
    volatile uint32_t *registers;
    uint32_t (*read)(void *context, uint32_t offset);
    void (*write)(void *context, uint32_t offset, uint32_t value);
    void (*flush)(void *context, uint64_t address, uint32_t bytes);
    void (*invalidate)(void *context, uint64_t address, uint32_t bytes);
    void (*wait)(void *context);
    void *context;
    int interrupt;
    uint32_t max_polls;
};

/* One machine. The caller keeps it; the driver allocates nothing. */
struct tcu {
    struct tcu_platform platform;
    const struct tcu_network *network;
    uint64_t scratch_address;
    uint64_t output_address;  /* of the run under way */
    uint64_t error_address;   /* of the last run that stopped; what it is stands beside the codes above */
    int is_started;           /* a run was started whose end was not taken */
};

/* Look for the machine, bring it to rest and set what holds for all runs. To be called once, and after a change of
 * network. `program`, `weights` and `scratch` are bus addresses, multiples of 4096, of memory that holds program.bin,
 * weights.bin, and `scratch_bytes` bytes of anything. `watchdog` is in cycles of silence on the bus; 0: never. */
int tcu_setup(struct tcu *tcu, const struct tcu_platform *platform, const struct tcu_network *network, uint64_t program,
              uint64_t weights, uint64_t scratch, uint32_t watchdog);

/* One image, from start to end: tcu_start, waiting, tcu_finish. `input` and `output` are bus addresses, multiples of
 * 4096, of `input_bytes` and `output_bytes` bytes. Returns 0, an error code of the machine, or a refusal. */
int tcu_run(struct tcu *tcu, uint64_t input, uint64_t output);

/* The same in three steps. tcu_start makes a soft reset first where the last run's error asks for one. tcu_is_busy asks
 * without waiting; tcu_finish clears the interrupt and returns as tcu_run, or TCU_NO_RUN if no run has ended since. It
 * may be called from the interrupt's handler, also from one that the line is shared with. */
int tcu_start(struct tcu *tcu, uint64_t input, uint64_t output);
int tcu_is_busy(const struct tcu *tcu);
int tcu_finish(struct tcu *tcu);

/* Back to rest from any state, a run under way included. Windows and watchdog stay as they are. Returns 0, TCU_TIMEOUT,
 * or TCU_ERROR_BUS_HUNG if memory still owes answers; only a reset of the whole bus helps then. */
int tcu_soft_reset(struct tcu *tcu);

/* One line that says what a result of any of these calls means. */
const char *tcu_error_text(int result);

/* Counters of the last run; of a layer below `layer_count`, else TCU_BAD_ARGUMENT. */
void tcu_read_counters(const struct tcu *tcu, struct tcu_counters *counters);
int tcu_read_layer_counters(const struct tcu *tcu, unsigned layer, struct tcu_layer_counters *counters);

/* Write one input into memory that the processor sees at `window` (the beginning of window INPUT). `image` is
 * [channels][height][width]: real values, which are quantized as clamp(rint(x / scale) + zero_point) in single
 * precision, ties to even; int8 as they are; or uint8, which is int8 less 128, as files of uint8 networks have it. */
int tcu_write_float(const struct tcu_tensor *tensor, const float *image, void *window);
int tcu_write_int8(const struct tcu_tensor *tensor, const int8_t *image, void *window);
int tcu_write_uint8(const struct tcu_tensor *tensor, const uint8_t *image, void *window);

/* Read one output from memory that the processor sees at `window` (the beginning of window OUTPUT) into
 * [channels][height][width]. Real values are those that the integers stand for, rounded to float. */
int tcu_read_int8(const struct tcu_tensor *tensor, const void *window, int8_t *elements);
int tcu_read_int32(const struct tcu_tensor *tensor, const void *window, int32_t *elements);
int tcu_read_float(const struct tcu_tensor *tensor, const void *window, float *elements);

/* The channel with the largest real value in the first pixel of an output; of equals, the first. */
unsigned tcu_top1(const struct tcu_tensor *tensor, const void *window);
