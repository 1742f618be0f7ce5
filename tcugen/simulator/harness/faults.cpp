// Runs a program many times, each time with one fault, and right after each of them once without: `simulator JOB` as
// main.cpp, with a job of one image and a file faults.txt beside it, a line per case: `name value` pairs, see Case.
//
// Leaves outcomes.txt, a line per case in the order of `Outcome::print`. The machine is reset only where a case says so,
// where it hangs, or where it broke a rule of the bus.

#define TCU_MEMORY FaultyMemory
#include "faulty_memory.h"

#include <cstring>
#include <exception>
#include <fstream>
#include <istream>
#include <map>
#include <string>
#include <vector>

#include "host.h"
#include "job.h"
#include "mapped_file.h"
#include "program.h"
#include "simulation.h"
#include "windows.h"

namespace {

constexpr int kSettleCycles = 1000;  // more than all answers take that may still be due: 16 bursts of 32 beats

struct Case {
    Fault fault;
    int64_t soft_reset = -1, hard_reset = -1, access = -1;  // in this cycle of the run
    uint64_t register_address = 0, register_value = 0;      // that is written by the access
    int64_t window = -1;                                    // of kWindows, is set like this:
    uint64_t base = 0, bytes = 0;
    std::vector<int64_t> flips;                             // 8 * address + bit, of memory during the run

    static bool read(std::istream& words, Case& one) {
        std::string name;
        for (int64_t value; words >> name && words >> value;) one.set(name, value);
        return words.eof();
    }

   private:
    void set(const std::string& name, int64_t value) {
        const std::map<std::string, int64_t*> whole{
            {"bad_read", &fault.bad_read},       {"bad_write", &fault.bad_write},   {"wrong_last", &fault.wrong_last},
            {"silent_from", &fault.silent_from}, {"soft_reset", &soft_reset},       {"hard_reset", &hard_reset},
            {"access", &access},                 {"window", &window},
        };
        const std::map<std::string, uint32_t*> small{
            {"response", &fault.response},           {"last_kind", &fault.last_kind},
            {"silent_channel", &fault.silent_channel}, {"pause_one_in", &fault.pause_one_in},
            {"seed", &fault.seed},
        };
        const std::map<std::string, uint64_t*> wide{
            {"register_address", &register_address}, {"register_value", &register_value},
            {"base", &base},                         {"bytes", &bytes},
        };
        if (name == "flip") flips.push_back(value);
        else if (whole.count(name)) *whole.at(name) = value;
        else if (small.count(name)) *small.at(name) = static_cast<uint32_t>(value);
        else if (wide.count(name)) *wide.at(name) = static_cast<uint64_t>(value);
        else throw std::runtime_error("unknown name in faults.txt: " + name);
    }
};

struct Outcome {
    bool refused = false;  // an access to a register that the case makes, or the start, got SLVERR
    bool started = false;
    bool hung = false;     // still busy after the most cycles of the job
    bool stuck = false;    // and after a soft reset too
    bool happened = false;
    uint32_t status = 0, error_code = 0;
    uint64_t error_address = 0, bad_address = 0, cycles = 0;
    int64_t read_beats = 0, write_answers = 0;
    bool right = false;            // OUTPUT is what it should be
    bool untouched = true;         // all memory that is not to be written
    bool right_afterwards = false;
    std::string stray;             // the rule of the bus that was broken

    void print(std::ostream& file) const {
        file << refused << ' ' << started << ' ' << hung << ' ' << stuck << ' ' << happened << ' ' << status << ' ' << error_code << ' '
             << error_address << ' ' << bad_address << ' ' << cycles << ' ' << read_beats << ' ' << write_answers << ' '
             << right << ' ' << untouched << ' ' << right_afterwards << ' ' << stray << '\n';
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

    // The right run that all others are compared with; its beats and cycles are the first line of the outcomes.
    Outcome learn() {
        Outcome outcome;
        place_windows(host_, memory_, job_, 0);
        clear_output();
        memory_.arm(Fault{});
        host_.start();
        outcome.started = true;
        wait(outcome, Case{});
        if (outcome.status != kStatusDone) throw std::runtime_error("the run without a fault was not done");
        const JobWindow output = window("OUTPUT");
        right_.assign(at(output.base), at(output.base) + output.bytes);
        pristine_.assign(file_.data(), file_.data() + job_.memory_bytes);
        outcome.right = outcome.right_afterwards = true;
        return outcome;
    }

    Outcome run(const Case& one) {
        Outcome outcome;
        try {
            faulty_run(one, outcome);
            outcome.right = is_right();
            recover(one, outcome);
            right_run(outcome);
        } catch (const ProtocolError& error) {
            outcome.stray = error.what();
            outcome.untouched = check_untouched();
            hard_reset();
        }
        memory_.disarm();
        return outcome;
    }

   private:
    // Bits of memory that are wrong until it goes out of scope.
    class Flipped {
       public:
        Flipped(Runner& runner, const Case& one) : runner_(runner), one_(one) { flip(); }
        ~Flipped() { flip(); }
        Flipped(const Flipped&) = delete;
        Flipped& operator=(const Flipped&) = delete;

       private:
        void flip() {
            for (const int64_t bit : one_.flips) *runner_.at(static_cast<uint64_t>(bit) / 8) ^= uint8_t{1} << bit % 8;
        }

        Runner& runner_;
        const Case& one_;
    };

    void set_up() {
        host_.write(reg::INTERRUPT_ENABLE, 1);
        host_.write(reg::WATCHDOG, job_.watchdog);
    }

    void hard_reset() {
        Vtcu_top& top = simulation_.top();
        top.s_axil_awvalid = top.s_axil_wvalid = top.s_axil_bready = top.s_axil_arvalid = top.s_axil_rready = 0;
        memory_.forget();
        simulation_.reset();
        set_up();
    }

    JobWindow window(const char* name) const { return window_of(job_, name, 0); }

    uint8_t* at(uint64_t address) { return file_.data() + (address - job_.memory_base); }

    void clear_output() {
        for (const char* name : {"OUTPUT", "SCRATCH"}) {
            const JobWindow area = window(name);
            std::memset(at(area.base), 0, area.bytes);
        }
    }

    bool is_right() {
        const JobWindow output = window("OUTPUT");
        return std::memcmp(at(output.base), right_.data(), output.bytes) == 0;
    }

    // Whether memory outside OUTPUT and SCRATCH is as it was; it is made so.
    bool check_untouched() {
        for (const char* name : {"OUTPUT", "SCRATCH"}) {
            const JobWindow area = window(name);
            std::memcpy(pristine_.data() + (area.base - job_.memory_base), at(area.base), area.bytes);
        }
        const bool same = std::memcmp(file_.data(), pristine_.data(), job_.memory_bytes) == 0;
        if (!same) std::memcpy(file_.data(), pristine_.data(), job_.memory_bytes);
        return same;
    }

    // One of the windows may be as a case has it.
    void set_windows(const Case& one) {
        place_windows(host_, memory_, job_, 0, [&one](size_t number, JobWindow& area) {
            if (one.window != static_cast<int64_t>(number)) return;
            area.base = one.base;
            area.bytes = one.bytes;
        });
    }

    void faulty_run(const Case& one, Outcome& outcome) {
        clear_output();
        const Flipped flipped(*this, one);
        try {
            set_windows(one);
            memory_.arm(one.fault);
            host_.start();
            outcome.started = true;
        } catch (const Refused&) {
            outcome.refused = true;
            return;
        }
        wait(outcome, one);
        outcome.happened = memory_.happened();
        outcome.bad_address = memory_.bad_address();
        outcome.read_beats = memory_.read_beats();
        outcome.write_answers = memory_.write_answers();
    }

    void wait(Outcome& outcome, const Case& one) {
        bool reset = false;
        for (int64_t cycle = 0; !simulation_.lite().interrupt; ++cycle) {
            if (cycle >= static_cast<int64_t>(job_.max_cycles)) {
                outcome.hung = true;
                break;
            }
            if (cycle == one.soft_reset) {
                host_.write(reg::CONTROL, kControlSoftReset);
                reset = true;
            }
            if (cycle == one.hard_reset) {
                hard_reset();
                break;
            }
            if (cycle == one.access) {
                try {
                    host_.write(static_cast<uint32_t>(one.register_address), static_cast<uint32_t>(one.register_value));
                } catch (const Refused&) {
                    outcome.refused = true;
                }
            }
            if (reset && cycle % 16 == 0 && !(host_.read(reg::STATUS) & kStatusBusy)) break;
            simulation_.step();
        }
        outcome.cycles = simulation_.counted_cycles();
        outcome.status = host_.read(reg::STATUS);
        outcome.error_code = host_.read(reg::ERROR_CODE);
        outcome.error_address = host_.read_wide(reg::ERROR_ADDRESS_LOW, reg::ERROR_ADDRESS_HIGH);
        outcome.read_beats = memory_.read_beats();
        outcome.write_answers = memory_.write_answers();
        if (simulation_.lite().interrupt) host_.clear_interrupt();
    }

    // What a host has to do before the next start, as docs/user.md has it.
    void recover(const Case& one, Outcome& outcome) {
        memory_.disarm();
        for (int i = 0; i < kSettleCycles; ++i) simulation_.step();
        outcome.untouched = check_untouched();
        if (one.fault.wrong_last >= 0 && outcome.started) soft_reset();
        if (host_.read(reg::STATUS) & kStatusBusy) {
            outcome.hung = true;
            soft_reset();
        }
        if (host_.read(reg::STATUS) & kStatusBusy) {
            outcome.stuck = true;
            hard_reset();
        }
    }

    void soft_reset() {
        host_.write(reg::CONTROL, kControlSoftReset);
        for (uint64_t i = 0; i < 4 * uint64_t{job_.watchdog} && host_.read(reg::STATUS); ++i) simulation_.step();
        if (simulation_.lite().interrupt) host_.clear_interrupt();
    }

    void right_run(Outcome& outcome) {
        Outcome again;
        clear_output();
        try {
            place_windows(host_, memory_, job_, 0);
            host_.start();
        } catch (const Refused&) {
            hard_reset();
            return;
        }
        wait(again, Case{});
        outcome.right_afterwards = again.status == kStatusDone && is_right() && check_untouched();
        if (again.status != kStatusDone) hard_reset();
    }

    const Job& job_;
    MappedFile file_;
    Simulation::Memory memory_;
    Simulation simulation_;
    Host host_;
    std::vector<uint8_t> right_, pristine_;
};

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, [](const Job& job) {
        if (job.images.size() != 1) throw std::runtime_error("the job file must have one image");
        Runner runner(job);
        std::ofstream file("outcomes.txt");
        runner.learn().print(file);
        for (const Case& one : read_lines<Case>("faults.txt", Case::read)) runner.run(one).print(file);
        close_written(file, "outcomes.txt");
    });
}
