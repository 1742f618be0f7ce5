// Clock, reset, console and end of the simulated SoC. What the console says goes to standard output as it comes; the
// program ends with the status that the firmware wrote, or with 124 when the cycles it was given have passed. The last
// line of standard error is the number of cycles.
//
//     soc MOST_CYCLES

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vsim.h"
#include "verilated.h"

namespace {

constexpr int kTimeout = 124;
constexpr uint64_t kResetCycles = 10;

}  // namespace

int main(int argc, char** argv) {
    const uint64_t most_cycles = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
    auto context = std::make_unique<VerilatedContext>();
    auto soc = std::make_unique<Vsim>(context.get());
    int status = kTimeout;
    uint64_t cycle = 0;

    soc->serial_source_ready = 1;
    soc->serial_sink_valid = 0;
    for (; cycle < most_cycles; ++cycle) {
        soc->sys_rst = cycle < kResetCycles;
        soc->sys_clk = 0;
        soc->eval();
        // What stands at the rising edge: sampled before it.
        const bool speaks = soc->serial_source_valid;
        const int character = soc->serial_source_data;
        const bool finishes = soc->finish_valid;
        const int written = soc->finish_status;
        soc->sys_clk = 1;
        soc->eval();
        if (soc->sys_rst) continue;
        if (speaks) {
            std::putchar(character);
            if (character == '\n') std::fflush(stdout);
        }
        if (finishes) {
            status = written;
            break;
        }
    }
    std::fflush(stdout);
    std::fprintf(stderr, "%" PRIu64 " cycles\n", cycle);
    soc->final();
    return status;
}
