/* A host of the simulated machine: the driver as it is, registers through the pipes to the simulation (see serve.cpp),
 * memory in the file that the simulation has mapped too. What the driver returns goes to stderr, a line each.
 *
 *     host MEMORY_FILE BASE BYTES PROGRAM_BIN WEIGHTS_BIN IMAGES OUTPUT interrupt|poll|errors
 *
 * IMAGES holds float images; OUTPUT gets, per image, the integers and the real values of every output.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tcu.h"

#define BLOCK 512u /* of the program, each with its sum at the end */
#define PART 32u   /* of a block: the header, then instructions */
#define WEIGHTS_HEADER 64u
#define PAGE 4096u
#define WATCHDOG 2000u
#define WAIT_CYCLES 5000000u

static uint8_t *memory;
static uint64_t base, bytes, used;
static unsigned flushes, invalidations;

static void fail(const char *what)
{
    fprintf(stderr, "host: %s\n", what);
    exit(1);
}

/* One command to the simulation; its answer's number. Every refused access is a fault of the driver. */
static uint64_t ask(const char *verb, uint64_t first, uint64_t second, int numbers)
{
    char answer[256];
    uint64_t value = 0;

    if (numbers == 2)
        printf("%s %" PRIu64 " %" PRIu64 "\n", verb, first, second);
    else
        printf("%s %" PRIu64 "\n", verb, first);
    fflush(stdout);
    if (!fgets(answer, sizeof answer, stdin))
        fail("the simulation has ended");
    if (strncmp(answer, "ok", 2)) {
        fprintf(stderr, "host: %s %" PRIu64 ": %s", verb, first, answer);
        exit(1);
    }
    sscanf(answer + 2, "%" SCNu64, &value);
    return value;
}

static uint32_t read_register(void *context, uint32_t offset)
{
    (void)context;
    return (uint32_t)ask("read", offset, 0, 1);
}

static void write_register(void *context, uint32_t offset, uint32_t value)
{
    (void)context;
    ask("write", offset, value, 2);
}

static void wait_for_interrupt(void *context)
{
    (void)context;
    ask("wait", WAIT_CYCLES, 0, 1);
}

static void flush(void *context, uint64_t address, uint32_t size)
{
    (void)context;
    if (address < base || address + size > base + bytes)
        return; /* memory that is not there has no cache lines */
    ++flushes;
}

static void invalidate(void *context, uint64_t address, uint32_t size)
{
    (void)context;
    if (address < base || address + size > base + bytes)
        fail("the cache is invalidated outside of memory");
    ++invalidations;
}

static uint32_t read_nothing(void *context, uint32_t offset)
{
    (void)context;
    (void)offset;
    return 0;
}

static uint64_t area(uint32_t size)
{
    const uint64_t address = base + used;

    used += (size + PAGE - 1) / PAGE * PAGE + PAGE;
    if (used > bytes)
        fail("memory is too small");
    return address;
}

static void *at(uint64_t address)
{
    return memory + (address - base);
}

static void load(const char *path, uint64_t address, uint32_t size)
{
    FILE *file = fopen(path, "rb");

    if (!file || fread(at(address), 1, size, file) != size || fgetc(file) != EOF)
        fail("a file does not have the size that tcu.h says");
    fclose(file);
}

static void told(const char *what, int result)
{
    fprintf(stderr, "%s %d %s\n", what, result, tcu_error_text(result));
}

static struct tcu tcu;
static uint64_t program, weights, scratch, input, output;

static int set_up(const struct tcu_platform *platform, const struct tcu_network *network)
{
    return tcu_setup(&tcu, platform, network, program, weights, scratch, WATCHDOG);
}

/* A run of the loaded image after the set-up that counts. */
static void good_run(const struct tcu_platform *platform)
{
    told("set_up", set_up(platform, &tcu_network));
    told("run", tcu_run(&tcu, input, output));
}

static void write_result(const char *path, unsigned image)
{
    FILE *file = fopen(path, image ? "ab" : "wb");
    unsigned number;

    if (!file)
        fail("the output cannot be written");
    for (number = 0; number < tcu_network.output_count; ++number) {
        const struct tcu_tensor *tensor = &tcu_network.outputs[number];
        const size_t elements = (size_t)tensor->channels * tensor->height * tensor->width;
        int32_t *integers = malloc(elements * sizeof *integers);
        float *reals = malloc(elements * sizeof *reals);

        if (!integers || !reals || tcu_read_int32(tensor, at(output), integers)
            || tcu_read_float(tensor, at(output), reals))
            fail("an output cannot be read");
        fwrite(integers, sizeof *integers, elements, file);
        fwrite(reals, sizeof *reals, elements, file);
        free(integers);
        free(reals);
    }
    fclose(file);
}

static void report_counters(void)
{
    struct tcu_counters all;
    struct tcu_layer_counters layer;
    uint64_t busy = 0;
    unsigned number;

    tcu_read_counters(&tcu, &all);
    for (number = 0; number < tcu_network.layer_count; ++number) {
        if (tcu_read_layer_counters(&tcu, number, &layer))
            fail("a layer has no counters");
        busy += layer.busy;
    }
    fprintf(stderr, "counters %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", all.cycles, all.busy, busy,
            all.bytes_read);
}

static void classify(const struct tcu_platform *platform, const char *images, const char *path)
{
    const struct tcu_tensor *tensor = &tcu_network.inputs[0];
    const size_t elements = (size_t)tensor->channels * tensor->height * tensor->width;
    float *image = malloc(elements * sizeof *image);
    FILE *file = fopen(images, "rb");
    unsigned number;

    if (!image || !file)
        fail("there are no images");
    told("set_up", set_up(platform, &tcu_network));
    for (number = 0; fread(image, sizeof *image, elements, file) == elements; ++number) {
        told("write", tcu_write_float(tensor, image, at(input)));
        told("run", tcu_run(&tcu, input, output));
        write_result(path, number);
        fprintf(stderr, "top1 %u\n", tcu_top1(&tcu_network.outputs[0], at(output)));
        report_counters();
    }
    fprintf(stderr, "caches %u %u\n", flushes, invalidations);
    fclose(file);
    free(image);
}

/* zlib's CRC-32, a bit at a time. */
static uint32_t crc_of(const uint8_t *data, size_t count)
{
    uint32_t crc = ~(uint32_t)0;

    while (count--) {
        unsigned bit;

        crc ^= *data++;
        for (bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1u ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* Writes the sums at the ends of the program's blocks anew, see docs/program-file.md. */
static void seal(uint8_t *first, size_t count)
{
    uint8_t *copy = calloc(1, count);
    size_t end, byte;

    if (!copy)
        fail("no memory");
    memcpy(copy, first, count);
    for (end = BLOCK; end <= count; end += BLOCK)
        memset(copy + end - 4, 0, 4);
    for (end = BLOCK; end <= count; end += BLOCK) {
        const uint32_t crc = crc_of(copy, end);

        for (byte = 0; byte < 4; ++byte)
            first[end - 4 + byte] = (uint8_t)(crc >> 8 * byte);
    }
    free(copy);
}

/* A run with another byte in memory. */
static void damaged(const char *what, uint64_t address)
{
    uint8_t *byte = at(address);

    *byte ^= 0x10u;
    told(what, tcu_run(&tcu, input, output));
    *byte ^= 0x10u;
}

static void provoke(const struct tcu_platform *platform)
{
    const struct tcu_tensor *tensor = &tcu_network.inputs[0];
    struct tcu_platform other = *platform;
    struct tcu_network network = tcu_network;
    struct tcu_tensor sums = tcu_network.outputs[0];
    uint8_t *first = at(program), *opcode = first + PART;
    const uint8_t kept = *opcode;
    const float not_finite[2] = {0.0f, 1.0e30f * 1.0e30f};
    struct tcu_layer_counters layer;
    int8_t byte;

    told("set_up", set_up(platform, &tcu_network));
    told("no_run", tcu_finish(&tcu));
    good_run(platform);
    told("no_run", tcu_finish(&tcu));
    told("bad_argument", tcu_read_layer_counters(&tcu, tcu_network.layer_count, &layer));

    other.read = read_nothing;
    told("no_machine", set_up(&other, &tcu_network));
    network.architecture ^= 1u;
    told("other_machine", set_up(platform, &network));
    network = tcu_network;

    told("set_up", set_up(platform, &tcu_network));
    told("bad_address", tcu_run(&tcu, input + 8, output));
    told("bad_address", tcu_run(&tcu, input, ~(uint64_t)0xfff));
    told("overlap", tcu_run(&tcu, input, input));
    network.output_bytes = 2 * PAGE;
    told("set_up", set_up(platform, &network));
    told("wraps", tcu_run(&tcu, input, ((uint64_t)1 << (TCU_BUS_ADDRESS_BITS - 1)) * 2 - PAGE));
    network = tcu_network;
    network.program_bytes = 0;
    told("set_up", set_up(platform, &network));
    told("empty", tcu_run(&tcu, input, output));
    network = tcu_network;

    told("set_up", set_up(platform, &tcu_network));
    told("start", tcu_start(&tcu, input, output));
    told("busy", tcu_start(&tcu, input, output));
    told("busy", tcu_finish(&tcu));
    told("soft_reset", tcu_soft_reset(&tcu));
    other = *platform;
    other.max_polls = 2;
    other.wait = 0;
    told("set_up", set_up(&other, &tcu_network));
    told("timeout", tcu_run(&tcu, input, output));
    good_run(platform);

    network.weights_bytes /= 2;
    told("set_up", set_up(platform, &network));
    told("window", tcu_run(&tcu, input, output));
    fprintf(stderr, "address %d\n", tcu.error_address >= weights && tcu.error_address < weights + tcu_network.weights_bytes);
    network = tcu_network;
    told("set_up", tcu_setup(&tcu, platform, &tcu_network, program, base + bytes, scratch, WATCHDOG));
    told("read_response", tcu_run(&tcu, input, output));
    told("set_up", set_up(platform, &tcu_network));
    told("write_response", tcu_run(&tcu, input, base + bytes));
    damaged("format", program);
    damaged("instruction_set", program + 8);
    damaged("architecture", program + 12);
    damaged("generator", program + 16);
    damaged("length", program + 21);
    damaged("weights", program + 28);
    damaged("format", weights + 4);
    damaged("program_checksum", program + PART);
    damaged("weights_checksum", weights + WEIGHTS_HEADER);
    *opcode |= 15u;
    seal(first, tcu_network.program_bytes);
    told("opcode", tcu_run(&tcu, input, output));
    *opcode = kept;
    seal(first, tcu_network.program_bytes);
    good_run(platform);

    ask("silent", 1, 0, 1);
    told("bus_hung", tcu_run(&tcu, input, output));
    told("bus_hung", tcu_soft_reset(&tcu));
    told("bus_hung", tcu_run(&tcu, input, output));
    ask("silent", 0, 0, 1);
    told("run", tcu_run(&tcu, input, output));
    good_run(platform);

    sums.is_int32 = 1;
    told("bad_argument", tcu_read_int8(&sums, at(output), &byte));
    sums = *tensor;
    sums.channels = sums.height = 1;
    sums.width = 2;
    told("not_finite", tcu_write_float(&sums, not_finite, at(scratch)));
    told("unknown", 12345);
}

int main(int argc, char **argv)
{
    struct tcu_platform platform = {0, read_register, write_register, flush, invalidate, 0, 0, 0, 0};
    int file;

    if (argc != 9)
        fail("usage");
    base = strtoull(argv[2], 0, 10);
    bytes = strtoull(argv[3], 0, 10);
    file = open(argv[1], O_RDWR);
    memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || memory == MAP_FAILED)
        fail("memory cannot be mapped");
    program = area(tcu_network.program_bytes);
    weights = area(tcu_network.weights_bytes);
    scratch = area(tcu_network.scratch_bytes);
    input = area(tcu_network.input_bytes);
    output = area(tcu_network.output_bytes);
    load(argv[4], program, tcu_network.program_bytes);
    load(argv[5], weights, tcu_network.weights_bytes);
    if (strcmp(argv[8], "poll"))
        platform.wait = wait_for_interrupt;
    if (strcmp(argv[8], "errors"))
        classify(&platform, argv[6], argv[7]);
    else
        provoke(&platform);
    return 0;
}
