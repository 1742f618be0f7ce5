// Runs a program on the machine, image after image: `simulator JOB` in the directory that holds the memory image.
//
// Leaves results.json and, if asked, drain_N.bin and pool_N.bin per image; built with TCU_UNIT_TRACE, units_N.bin too. Progress goes to stderr, one JSON object a
// line; a failure is a line {"error": ...} and exit code 1. A run that the machine itself stops with an error code is a
// result, the last one.

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "cpu_time.h"
#include "host.h"
#include "job.h"
#include "mapped_file.h"
#include "program.h"
#include "results.h"
#include "simulation.h"
#include "windows.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kCyclesPerClockLook = 4096;
constexpr std::chrono::milliseconds kProgressInterval{500};

unsigned long long printable(uint64_t value) { return value; }

class Runner {
   public:
    explicit Runner(const Job& job)
        : job_(job),
          file_(job.memory_file, job.memory_bytes),
          memory_(file_.data(), job.memory_base, job.memory_bytes, job.memory_model),
          simulation_(memory_),
          host_(simulation_) {}

    std::vector<ImageResult> run() {
        simulation_.reset();
        if (job_.waves && job_.wave_image < 0) {
            simulation_.record_waves(0, job_.wave_first, job_.wave_cycles);
        }
        check_identity();
        host_.write(reg::INTERRUPT_ENABLE, 1);
        host_.write(reg::WATCHDOG, job_.watchdog);
        std::vector<ImageResult> results;
        for (size_t image = 0; image < job_.images.size(); ++image) {
            flip(job_.images[image]);
            results.push_back(run_image(image));
            flip(job_.images[image]);
            if ((results.back().status & kStatusError) && !job_.past_errors) break;
        }
        return results;
    }

   private:
    void check_identity() {
        const uint32_t identification = host_.read(reg::IDENTIFICATION);
        if (identification != kIdentification) fail_value("register IDENTIFICATION", identification, kIdentification);
        const uint32_t architecture = host_.read(reg::ARCHITECTURE);
        if (architecture != job_.architecture) {
            fail_value("register ARCHITECTURE of the Verilog", architecture, job_.architecture);
        }
    }

    [[noreturn]] static void fail_value(const char* what, uint32_t value, uint32_t expected) {
        char text[160];
        std::snprintf(text, sizeof text, "%s reads 0x%08x, but the program needs 0x%08x; emit the Verilog again", what,
                      value, expected);
        throw std::runtime_error(text);
    }

    // Done twice it changes nothing.
    void flip(const JobImage& image) {
        for (const JobFlip& one : image.flips) file_.data()[one.address - job_.memory_base] ^= 1u << one.bit;
    }

    ImageResult run_image(size_t image) {
        place_windows(host_, memory_, job_, image);
        if (job_.trace) {
            const std::string suffix = "_" + std::to_string(image) + ".bin";
            simulation_.open_traces("drain" + suffix, "pool" + suffix, "units" + suffix);
        }
        start(job_.waves && job_.wave_image == static_cast<int64_t>(image));
        wait_for_interrupt(image);
        const uint64_t cycles = simulation_.counted_cycles();
        simulation_.close_traces();
        if (memory_.open_writes()) {
            throw ProtocolError("AXI: the interrupt came with " + std::to_string(memory_.open_writes()) +
                                " writes not yet answered");
        }
        ImageResult result = ImageResult::read(host_, cycles, job_.layers);
        host_.clear_interrupt();
        return result;
    }

    // Waves begin with the write that starts the machine, as its response comes tens of cycles after it. An idle machine
    // takes the write in the cycle in which it is offered; one that does not has its waves from the response on.
    void start(bool waves) {
        const uint64_t offered = simulation_.cycle();
        if (waves) simulation_.record_waves(offered, job_.wave_first, job_.wave_cycles);
        host_.start();
        if (waves && simulation_.first_cycle() != offered) {
            simulation_.record_waves(simulation_.first_cycle(), job_.wave_first, job_.wave_cycles);
        }
    }

    void wait_for_interrupt(size_t image) {
        Clock::time_point reported = Clock::now();
        while (!simulation_.lite().interrupt) {
            simulation_.step();
            const uint64_t cycles = simulation_.counted_cycles();
            if (cycles % kCyclesPerClockLook == 0 && Clock::now() - reported >= kProgressInterval) {
                reported = Clock::now();
                std::fprintf(stderr, "{\"image\": %zu, \"cycle\": %llu, \"layer\": %u}\n", image, printable(cycles),
                             simulation_.layer());
            }
            if (cycles >= job_.max_cycles) {
                throw std::runtime_error("image " + std::to_string(image) + " was not done after " +
                                         std::to_string(cycles) + " cycles; the array works on or waits for layer " +
                                         std::to_string(simulation_.layer()) + ", " +
                                         std::to_string(memory_.open_reads()) + " reads and " +
                                         std::to_string(memory_.open_writes()) + " writes are open");
            }
        }
    }

    const Job& job_;
    MappedFile file_;
    Simulation::Memory memory_;
    Simulation simulation_;
    Host host_;
};

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, [](const Job& job) {
        const Clock::time_point start = Clock::now();
        const double cpu_start = cpu_seconds();
        const std::vector<ImageResult> results = Runner(job).run();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        write_results("results.json", results, seconds, cpu_seconds() - cpu_start);
    });
}
