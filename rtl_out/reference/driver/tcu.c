/* Driver of the tensor compute unit: C99, no allocation, no library.
 *
 * SPDX-License-Identifier: MIT-0
 *
 * Interfaces are explained in tcu.h. Nothing here is about one network or one machine: those are tables in tcu.h. The
 * driver never makes an access that the machine would refuse, as on most processors that is a bus fault.
 */

#include "tcu.h"

#define PAGE_BYTES 4096u
#define RESET_POLLS 1000000u /* a soft reset ends when memory has answered, or when the watchdog says that it has not */
#define WINDOW_POLLS 1000u   /* windows are judged some ten cycles after they were written */

static const struct tcu_tensor input_tensors[] = {TCU_INPUT_TENSORS};
static const struct tcu_tensor output_tensors[] = {TCU_OUTPUT_TENSORS};
static const char *const layer_names[] = {TCU_LAYER_NAMES};
#if TCU_CLASS_COUNT
static const char *const class_names[] = {TCU_CLASS_NAMES};
#else
#define class_names 0
#endif

const struct tcu_network tcu_network = {
    TCU_NETWORK_NAME,   TCU_ARCHITECTURE, TCU_PROGRAM_BYTES, TCU_WEIGHTS_BYTES, TCU_INPUT_BYTES,  TCU_OUTPUT_BYTES,
    TCU_SCRATCH_BYTES,  input_tensors,    output_tensors,    TCU_INPUT_COUNT,   TCU_OUTPUT_COUNT, layer_names,
    TCU_LAYER_COUNT,    class_names,      TCU_CLASS_COUNT,   TCU_IS_PLACEHOLDER,
};

#ifndef TCU_TABLES_ONLY

/* ---- Registers -------------------------------------------------------------------------------------------------- */

static uint32_t read_register(const struct tcu *tcu, uint32_t offset)
{
    const struct tcu_platform *platform = &tcu->platform;

    return platform->read ? platform->read(platform->context, offset) : platform->registers[offset / 4u];
}

static void write_register(const struct tcu *tcu, uint32_t offset, uint32_t value)
{
    const struct tcu_platform *platform = &tcu->platform;

    if (platform->write)
        platform->write(platform->context, offset, value);
    else
        platform->registers[offset / 4u] = value;
}

static uint64_t read_wide(const struct tcu *tcu, uint32_t low, uint32_t high)
{
    return ((uint64_t)read_register(tcu, high) << 32) | read_register(tcu, low);
}

static int is_address(uint64_t address)
{
    if (address % PAGE_BYTES)
        return 0;
#if TCU_BUS_ADDRESS_BITS < 64
    return address >> TCU_BUS_ADDRESS_BITS == 0;
#else
    return 1;
#endif
}

/* BASE_LOW, BASE_HIGH and SIZE of a window follow each other. */
static void set_window(const struct tcu *tcu, uint32_t base_low, uint64_t address, uint32_t bytes)
{
    write_register(tcu, base_low, (uint32_t)(address & 0xffffffffu));
    write_register(tcu, base_low + 4u, (uint32_t)(address >> 32));
    write_register(tcu, base_low + 8u, bytes);
}

static int check_windows(const struct tcu *tcu)
{
    uint32_t flaws = read_register(tcu, TCU_REG_WINDOWS);
    uint32_t polls;

    for (polls = 0; flaws & TCU_WINDOWS_LOOKING_BIT; ++polls) {
        if (polls == WINDOW_POLLS)
            return TCU_TIMEOUT;
        flaws = read_register(tcu, TCU_REG_WINDOWS);
    }
    if (flaws & TCU_WINDOWS_EMPTY_BIT)
        return TCU_WINDOWS_EMPTY;
    if (flaws & TCU_WINDOWS_WRAPS_BIT)
        return TCU_WINDOWS_WRAPS;
    if (flaws & TCU_WINDOWS_OVERLAP_BIT)
        return TCU_WINDOWS_OVERLAP;
    return 0;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

int tcu_is_busy(const struct tcu *tcu)
{
    return (read_register(tcu, TCU_REG_STATUS) & TCU_STATUS_BUSY) != 0u;
}

/* After these codes memory may still owe answers, and a start would be refused. */
static int needs_reset(const struct tcu *tcu)
{
    uint32_t code;

    if (!(read_register(tcu, TCU_REG_STATUS) & TCU_STATUS_ERROR))
        return 0;
    code = read_register(tcu, TCU_REG_ERROR_CODE);
    return code == (uint32_t)TCU_ERROR_BUS_HUNG || code == (uint32_t)TCU_ERROR_READ_LAST;
}

int tcu_soft_reset(struct tcu *tcu)
{
    uint32_t polls;

    write_register(tcu, TCU_REG_CONTROL, TCU_CONTROL_SOFT_RESET);
    for (polls = 0; polls < RESET_POLLS; ++polls) {
        const uint32_t status = read_register(tcu, TCU_REG_STATUS);

        if (status & TCU_STATUS_ERROR)
            return (int)read_register(tcu, TCU_REG_ERROR_CODE);
        if (!(status & TCU_STATUS_BUSY))
            return 0;
    }
    return TCU_TIMEOUT;
}

int tcu_setup(struct tcu *tcu, const struct tcu_platform *platform, const struct tcu_network *network, uint64_t program,
              uint64_t weights, uint64_t scratch, uint32_t watchdog)
{
    int result;

    tcu->platform = *platform;
    tcu->network = network;
    tcu->scratch_address = scratch;
    tcu->output_address = 0;
    tcu->error_address = 0;
    tcu->is_started = 0;
    if (!is_address(program) || !is_address(weights) || !is_address(scratch))
        return TCU_BAD_ADDRESS;
    if (read_register(tcu, TCU_REG_IDENTIFICATION) != TCU_IDENTIFICATION)
        return TCU_NO_MACHINE;
    if (read_register(tcu, TCU_REG_ARCHITECTURE) != network->architecture
        || read_register(tcu, TCU_REG_INSTRUCTION_SET) != TCU_INSTRUCTION_SET)
        return TCU_OTHER_MACHINE;
    result = tcu_soft_reset(tcu);
    if (result)
        return result;
    if (platform->flush) {
        platform->flush(platform->context, program, network->program_bytes);
        platform->flush(platform->context, weights, network->weights_bytes);
    }
    set_window(tcu, TCU_REG_PROGRAM_BASE_LOW, program, network->program_bytes);
    set_window(tcu, TCU_REG_WEIGHTS_BASE_LOW, weights, network->weights_bytes);
    set_window(tcu, TCU_REG_SCRATCH_BASE_LOW, scratch, network->scratch_bytes);
    write_register(tcu, TCU_REG_WATCHDOG, watchdog);
    write_register(tcu, TCU_REG_INTERRUPT_ENABLE, platform->wait || platform->interrupt ? 1u : 0u);
    return 0;
}

int tcu_start(struct tcu *tcu, uint64_t input, uint64_t output)
{
    const struct tcu_platform *platform = &tcu->platform;
    const struct tcu_network *network = tcu->network;
    int result;

    if (!is_address(input) || !is_address(output))
        return TCU_BAD_ADDRESS;
    if (tcu_is_busy(tcu))
        return TCU_BUSY;
    if (needs_reset(tcu)) {
        result = tcu_soft_reset(tcu);
        if (result)
            return result;
    }
    set_window(tcu, TCU_REG_INPUT_BASE_LOW, input, network->input_bytes);
    set_window(tcu, TCU_REG_OUTPUT_BASE_LOW, output, network->output_bytes);
    result = check_windows(tcu);
    if (result)
        return result;
    if (platform->flush) {
        platform->flush(platform->context, input, network->input_bytes);
        /* No dirty line may be written back over what the machine writes. */
        platform->flush(platform->context, output, network->output_bytes);
        if (network->scratch_bytes)
            platform->flush(platform->context, tcu->scratch_address, network->scratch_bytes);
    }
    tcu->output_address = output;
    tcu->is_started = 1;
    TCU_BARRIER();
    write_register(tcu, TCU_REG_CONTROL, TCU_CONTROL_START);
    return 0;
}

int tcu_finish(struct tcu *tcu)
{
    const struct tcu_platform *platform = &tcu->platform;
    const uint32_t status = read_register(tcu, TCU_REG_STATUS);

    if (status & TCU_STATUS_BUSY)
        return TCU_BUSY;
    if (!tcu->is_started || !(status & (TCU_STATUS_DONE | TCU_STATUS_ERROR)))
        return TCU_NO_RUN;
    tcu->is_started = 0;
    write_register(tcu, TCU_REG_CONTROL, TCU_CONTROL_CLEAR_INTERRUPT);
    if (status & TCU_STATUS_ERROR) {
        tcu->error_address = read_wide(tcu, TCU_REG_ERROR_ADDRESS_LOW, TCU_REG_ERROR_ADDRESS_HIGH);
        return (int)read_register(tcu, TCU_REG_ERROR_CODE);
    }
    TCU_BARRIER();
    if (platform->invalidate)
        platform->invalidate(platform->context, tcu->output_address, tcu->network->output_bytes);
    return 0;
}

int tcu_run(struct tcu *tcu, uint64_t input, uint64_t output)
{
    const struct tcu_platform *platform = &tcu->platform;
    uint32_t polls = 0;
    int result = tcu_start(tcu, input, output);

    if (result)
        return result;
    while (tcu_is_busy(tcu)) {
        if (platform->max_polls && ++polls >= platform->max_polls)
            return TCU_TIMEOUT;
        if (platform->wait)
            platform->wait(platform->context);
    }
    return tcu_finish(tcu);
}

/* ---- Counters --------------------------------------------------------------------------------------------------- */

void tcu_read_counters(const struct tcu *tcu, struct tcu_counters *counters)
{
#define TCU_READ(member, low, high) counters->member = read_wide(tcu, low, high);
    TCU_COUNTERS(TCU_READ)
#undef TCU_READ
}

int tcu_read_layer_counters(const struct tcu *tcu, unsigned layer, struct tcu_layer_counters *counters)
{
    if (layer >= tcu->network->layer_count)
        return TCU_BAD_ARGUMENT;
    write_register(tcu, TCU_REG_LAYER_SELECT, layer);
#define TCU_READ(member, offset) counters->member = read_register(tcu, offset);
    TCU_LAYER_COUNTERS(TCU_READ)
#undef TCU_READ
    return 0;
}

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

static uint32_t place(const struct tcu_tensor *tensor, uint32_t channel, uint32_t y, uint32_t x)
{
    return tensor->offset + channel / tensor->word * tensor->plane_bytes + y * tensor->row_bytes
           + x * tensor->pixel_bytes + channel % tensor->word;
}

/* clamp(rint(value / scale) + zero_point). The quotient is rounded to float by the assignment; the rest is exact. */
static uint8_t quantized(const struct tcu_tensor *tensor, float value)
{
    float steps = value / tensor->scale;
    int32_t whole;
    float rest;

    if (steps > 512.0f)
        steps = 512.0f;
    if (steps < -512.0f)
        steps = -512.0f;
    whole = (int32_t)steps;
    rest = steps - (float)whole;
    if (rest > 0.5f || (rest == 0.5f && whole % 2))
        ++whole;
    if (rest < -0.5f || (rest == -0.5f && whole % 2))
        --whole;
    whole += tensor->zero_point;
    if (whole > 127)
        whole = 127;
    if (whole < -128)
        whole = -128;
    return (uint8_t)(whole & 255);
}

/* Elements are `floats`, or if that is 0 the bytes, each with the bits of `flip` inverted. */
static int write_tensor(const struct tcu_tensor *tensor, const float *floats, const uint8_t *bytes, unsigned flip,
                        void *window)
{
    uint8_t *to = (uint8_t *)window;
    uint32_t channel, y, x, index;

    if (tensor->is_int32)
        return TCU_BAD_ARGUMENT;
    for (index = 0; index < tensor->bytes; ++index)
        to[tensor->offset + index] = 0;
    for (channel = 0, index = 0; channel < tensor->channels; ++channel)
        for (y = 0; y < tensor->height; ++y)
            for (x = 0; x < tensor->width; ++x, ++index)
                to[place(tensor, channel, y, x)] =
                    floats ? quantized(tensor, floats[index]) : (uint8_t)(bytes[index] ^ flip);
    return 0;
}

int tcu_write_float(const struct tcu_tensor *tensor, const float *image, void *window)
{
    const uint32_t elements = tensor->channels * tensor->height * tensor->width;
    uint32_t index;

    for (index = 0; index < elements; ++index) {
        const float difference = image[index] - image[index];

        if (!(difference == 0.0f)) /* infinities and what is no number */
            return TCU_NOT_FINITE;
    }
    return write_tensor(tensor, image, 0, 0, window);
}

int tcu_write_int8(const struct tcu_tensor *tensor, const int8_t *image, void *window)
{
    return write_tensor(tensor, 0, (const uint8_t *)image, 0, window);
}

int tcu_write_uint8(const struct tcu_tensor *tensor, const uint8_t *image, void *window)
{
    return write_tensor(tensor, 0, image, 128, window);
}

static int32_t signed_byte(uint8_t byte)
{
    return byte < 128u ? (int32_t)byte : (int32_t)byte - 256;
}

/* An element as an integer: int8, or a 32-bit sum. */
static int32_t integer_at(const struct tcu_tensor *tensor, const uint8_t *bytes, uint32_t at)
{
    uint32_t low;

    if (!tensor->is_int32)
        return signed_byte(bytes[at]);
    low = bytes[at] | ((uint32_t)bytes[at + tensor->byte_step] << 8)
          | ((uint32_t)bytes[at + 2u * tensor->byte_step] << 16);
    return signed_byte(bytes[at + 3u * tensor->byte_step]) * 16777216 + (int32_t)low;
}

/* What an element stands for. */
static double real_of(const struct tcu_tensor *tensor, uint32_t channel, int32_t integer)
{
    double real;

    if (!tensor->is_int32) {
        const float value = (float)(integer - tensor->zero_point) * tensor->scale;

        return (double)value;
    }
    real = tensor->sum_scales[channel] * (double)integer;
    if (tensor->is_limited && real < tensor->low)
        real = tensor->low;
    if (tensor->is_limited && real > tensor->high)
        real = tensor->high;
    return real;
}

int tcu_read_int8(const struct tcu_tensor *tensor, const void *window, int8_t *elements)
{
    const uint8_t *bytes = (const uint8_t *)window;
    uint32_t channel, y, x;

    if (tensor->is_int32)
        return TCU_BAD_ARGUMENT;
    for (channel = 0; channel < tensor->channels; ++channel)
        for (y = 0; y < tensor->height; ++y)
            for (x = 0; x < tensor->width; ++x)
                *elements++ = (int8_t)integer_at(tensor, bytes, place(tensor, channel, y, x));
    return 0;
}

int tcu_read_int32(const struct tcu_tensor *tensor, const void *window, int32_t *elements)
{
    const uint8_t *bytes = (const uint8_t *)window;
    uint32_t channel, y, x;

    for (channel = 0; channel < tensor->channels; ++channel)
        for (y = 0; y < tensor->height; ++y)
            for (x = 0; x < tensor->width; ++x)
                *elements++ = integer_at(tensor, bytes, place(tensor, channel, y, x));
    return 0;
}

int tcu_read_float(const struct tcu_tensor *tensor, const void *window, float *elements)
{
    const uint8_t *bytes = (const uint8_t *)window;
    uint32_t channel, y, x;

    for (channel = 0; channel < tensor->channels; ++channel)
        for (y = 0; y < tensor->height; ++y)
            for (x = 0; x < tensor->width; ++x)
                *elements++ = (float)real_of(tensor, channel, integer_at(tensor, bytes, place(tensor, channel, y, x)));
    return 0;
}

unsigned tcu_top1(const struct tcu_tensor *tensor, const void *window)
{
    const uint8_t *bytes = (const uint8_t *)window;
    uint32_t channel, best = 0;
    double highest = 0.0;

    for (channel = 0; channel < tensor->channels; ++channel) {
        const double real = real_of(tensor, channel, integer_at(tensor, bytes, place(tensor, channel, 0, 0)));

        if (channel == 0 || real > highest) {
            best = channel;
            highest = real;
        }
    }
    return best;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------ */

struct text {
    int result;
    const char *text;
};

static const struct text texts[] = {TCU_RESULT_TEXTS};

const char *tcu_error_text(int result)
{
    unsigned at;

    for (at = 0; at < sizeof texts / sizeof texts[0]; ++at)
        if (texts[at].result == result)
            return texts[at].text;
    return "UNKNOWN: no call returns this number";
}

#endif /* TCU_TABLES_ONLY */
