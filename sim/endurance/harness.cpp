// Runs the images of a job one after the other on one machine: `simulator JOB` as main.cpp, with a file stresses.txt
// beside it, a line per image: see Stress. An image that a reset cuts off is started again.
//
// Leaves the traces of every image's last start, and outcomes.txt, a line per image: `status error_code cycles`.

#include "faulty_memory.h"

// A memory whose latencies change from image to image.
template <int kBytes>
class ChangingMemory : public FaultyMemory<kBytes> {
   public:
    using FaultyMemory<kBytes>::FaultyMemory;

    void set_latencies(uint32_t read, uint32_t response) {
        this->model_.read_latency = read;
        this->model_.response_latency = response;
    }
};

#define TCU_MEMORY ChangingMemory

#include <fstream>
#include <istream>
#include <string>
#include <vector>

#include "host.h"
#include "job.h"
#include "mapped_file.h"
#include "program.h"
#include "simulation.h"
#include "windows.h"

namespace {

struct Stress {
    Fault stalls;
    uint32_t read_latency = 100, response_latency = 50;
    int64_t soft_reset = -1, hard_reset = -1;  // in this cycle of a first start

    static bool read(std::istream& words, Stress& one) {
        return static_cast<bool>(words >> one.stalls.pause_one_in >> one.stalls.seed >> one.read_latency >>
                                 one.response_latency >> one.soft_reset >> one.hard_reset);
    }
};

class Runner {
   public:
    explicit Runner(const Job& job)
        : job_(job),
          file_(job.memory_file, job.memory_bytes),
          memory_(file_.data(), job.memory_base, job.memory_bytes, job.memory_model),
          simulation_(memory_),
          host_(simulation_) {
        simulation_.reset();
        set_up();
    }

    void run(size_t number, const Stress& stress, std::ostream& file) {
        memory_.set_latencies(stress.read_latency, stress.response_latency);
        place_windows(host_, memory_, job_, number);
        memory_.arm(stress.stalls);
        if (stress.soft_reset >= 0) {
            step_until(stress.soft_reset);
            soft_reset();
        }
        if (stress.hard_reset >= 0) {
            step_until(stress.hard_reset);
            hard_reset();
            place_windows(host_, memory_, job_, number);
        }
        simulation_.open_traces("drain_" + std::to_string(number) + ".bin", "pool_" + std::to_string(number) + ".bin", "");
        host_.start();
        while (!simulation_.lite().interrupt) {
            if (simulation_.counted_cycles() >= job_.max_cycles) {
                throw std::runtime_error("image " + std::to_string(number) + " was not done after " +
                                         std::to_string(job_.max_cycles) + " cycles");
            }
            simulation_.step();
        }
        const uint64_t cycles = simulation_.counted_cycles();
        simulation_.close_traces();
        file << host_.read(reg::STATUS) << ' ' << host_.read(reg::ERROR_CODE) << ' ' << cycles << '\n';
        host_.clear_interrupt();
    }

   private:
    void set_up() {
        host_.write(reg::INTERRUPT_ENABLE, 1);
        host_.write(reg::WATCHDOG, job_.watchdog);
    }

    // Starts, and stops looking in this cycle, or when the run is done.
    void step_until(int64_t cycle) {
        host_.start();
        for (int64_t at = 0; at < cycle && !simulation_.lite().interrupt; ++at) simulation_.step();
    }

    void soft_reset() {
        host_.write(reg::CONTROL, kControlSoftReset);
        for (uint64_t waited = 0; host_.read(reg::STATUS) & kStatusBusy; ++waited) {
            if (waited > job_.max_cycles) throw std::runtime_error("a soft reset did not end");
        }
        if (simulation_.lite().interrupt) host_.clear_interrupt();
    }

    void hard_reset() {
        memory_.forget();
        simulation_.reset();
        set_up();
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
        const auto stresses = read_lines<Stress>("stresses.txt", Stress::read);
        if (stresses.size() != job.images.size()) throw std::runtime_error("stresses.txt has not a line per image");
        Runner runner(job);
        std::ofstream file("outcomes.txt");
        for (size_t number = 0; number < stresses.size(); ++number) runner.run(number, stresses[number], file);
        close_written(file, "outcomes.txt");
    });
}
