// Measures how fast the array alone simulates: `simulator CYCLES PIXELS`.
//
// Every cycle gets random operands; every PIXELS cycles the weights are swapped and the next ones loaded one row per
// cycle, as in a layer with PIXELS pixels per pass. Prints {"cycles", "cpu_seconds", "checksum"} on stdout.

#include <verilated.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "Vtcu_array.h"
#include "array.h"
#include "cpu_time.h"

namespace {

// Three shifts: cheap beside what it feeds.
class Random {
   public:
    template <typename Port>
    void fill(Port& port, int bytes) {
        uint64_t words[8];
        for (int at = 0; at < bytes; at += 8) {
            state_ ^= state_ << 13;
            state_ ^= state_ >> 7;
            state_ ^= state_ << 17;
            words[at / 8] = state_;
        }
        std::memcpy(&port, words, static_cast<size_t>(bytes));
    }

   private:
    uint64_t state_ = 0x2545f4914f6cdd1d;
};

}  // namespace

int main(int argc, char** argv) {
    const uint64_t cycles = argc == 3 ? std::strtoull(argv[1], nullptr, 10) : 0;
    const uint64_t pixels = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
    if (!cycles || !pixels) {
        std::fprintf(stderr, "usage: simulator CYCLES PIXELS\n");
        return 1;
    }
    VerilatedContext context;
    const std::unique_ptr<Vtcu_array> top(new Vtcu_array(&context));
    Random random;
    uint64_t checksum = 0;
    const double start = cpu_seconds();
    for (uint64_t cycle = 0; cycle < cycles; ++cycle) {
        const uint64_t pixel = cycle % pixels;
        top->clk = 0;
        random.fill(top->operand, kRows);
        top->swap = pixel == 0;
        top->weight_en = pixel < kRows;
        if (top->weight_en) {
            top->weight_row = static_cast<uint8_t>(pixel);
            random.fill(top->weight_data, kColumns);
        }
        top->eval();
        uint64_t sums;
        std::memcpy(&sums, &top->sums, sizeof sums);
        checksum = (checksum << 1 | checksum >> 63) ^ sums;
        top->clk = 1;
        top->eval();
    }
    const double seconds = cpu_seconds() - start;
    top->final();
    std::printf("{\"cycles\": %" PRIu64 ", \"cpu_seconds\": %.6f, \"checksum\": %" PRIu64 "}\n", cycles, seconds, checksum);
    return 0;
}
