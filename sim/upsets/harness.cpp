// Runs a program many times, each time with one bit of the machine's state flipped: `simulator JOB` as main.cpp, with a
// job of one image and a file upsets.txt beside it, a line per run: `cycle variable word bit`.
//
// Leaves state.txt, a line per variable: `scope name bits words`, words 0 for a register; its order numbers variables.
// Leaves outcomes.txt, a line per run, the first of a run without an upset: see Outcome. Every run has a machine of its
// own, just reset.

#include <verilated.h>
#include <verilated_sym_props.h>
#include <verilated_syms.h>

#include <algorithm>
#include <cstring>
#include <exception>
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

// Verilator's own, which computes everything from registers and inputs anew.
void Vtcu_top___024root___eval_settle(Vtcu_top___024root* root);

namespace {

struct Upset {
    int64_t cycle = -1;  // after the start write; -1: never
    size_t variable = 0, word = 0, bit = 0;
};

struct Variable {
    std::string scope, name;
    uint8_t* data;
    uint32_t bits, words, stride;  // stride: bytes from word to word
};

struct Outcome {
    bool hung = false;  // no interrupt after the most cycles of the job
    uint32_t status = 0, error_code = 0, error_address = 0;  // the low half of it
    uint64_t cycles = 0;
    bool right = false;      // OUTPUT is that of the run without an upset
    bool untouched = false;  // so is all other memory that is not to be written
    std::string stray;       // the rule of the bus, or of the host's port, that was broken

    void print(std::ostream& file) const {
        file << hung << ' ' << status << ' ' << error_code << ' ' << error_address << ' ' << cycles << ' ' << right << ' '
             << untouched << ' ' << stray << '\n';
    }
};

// The variables that Verilator was told to keep, in the order of their names.
std::vector<Variable> variables_of(Vtcu_top& top) {
    std::vector<Variable> found;
    for (const auto& scope : *top.contextp()->scopeNameMap()) {
        if (!scope.second->varsp()) continue;
        for (const auto& entry : *scope.second->varsp()) {
            const VerilatedVar& variable = entry.second;
            if (variable.isParam() || variable.udims() > 1) continue;
            const uint32_t words = variable.udims() ? variable.elements(1) : 0;
            found.push_back({scope.first, entry.first, static_cast<uint8_t*>(variable.datap()), variable.entBits(), words,
                             variable.entSize()});
        }
    }
    std::sort(found.begin(), found.end(), [](const Variable& a, const Variable& b) {
        return a.scope != b.scope ? a.scope < b.scope : a.name < b.name;
    });
    return found;
}

void flip(Simulation& simulation, const Upset& upset) {
    Vtcu_top& top = simulation.top();
    const std::vector<Variable> all = variables_of(top);
    if (upset.variable >= all.size()) throw std::out_of_range("upsets.txt names a variable that is not there");
    const Variable& one = all[upset.variable];
    if (upset.bit >= one.bits || upset.word >= std::max(1u, one.words)) {
        throw std::out_of_range("upsets.txt names a bit that is not there");
    }
    // Verilator keeps values of any width little-endian.
    one.data[upset.word * one.stride + upset.bit / 8] ^= static_cast<uint8_t>(1u << upset.bit % 8);
    Vtcu_top___024root___eval_settle(top.rootp);
}

class Runner {
   public:
    explicit Runner(const Job& job) : job_(job), file_(job.memory_file, job.memory_bytes) {
        pristine_.assign(file_.data(), file_.data() + job.memory_bytes);
    }

    Outcome learn() {
        Outcome outcome = run(Upset{});
        if (outcome.status != kStatusDone) throw std::runtime_error("the run without an upset was not done " + outcome.stray);
        right_.assign(file_.data(), file_.data() + job_.memory_bytes);
        outcome.right = outcome.untouched = true;
        return outcome;
    }

    Outcome run(const Upset& upset) {
        std::memcpy(file_.data(), pristine_.data(), job_.memory_bytes);
        Simulation::Memory memory(file_.data(), job_.memory_base, job_.memory_bytes, job_.memory_model);
        Simulation simulation(memory);
        Host host(simulation);
        Outcome outcome;
        try {
            start(memory, simulation, host);
            wait(simulation, host, upset, outcome);
        } catch (const std::out_of_range&) {
            throw;
        } catch (const std::exception& error) {
            outcome.stray = error.what();
        }
        if (!right_.empty()) judge(outcome);
        return outcome;
    }

    void print_state(std::ostream& file) {
        Simulation::Memory memory(file_.data(), job_.memory_base, job_.memory_bytes, job_.memory_model);
        Simulation simulation(memory);
        for (const Variable& one : variables_of(simulation.top())) {
            file << one.scope << ' ' << one.name << ' ' << one.bits << ' ' << one.words << '\n';
        }
    }

   private:
    void start(Simulation::Memory& memory, Simulation& simulation, Host& host) {
        simulation.reset();
        host.write(reg::INTERRUPT_ENABLE, 1);
        host.write(reg::WATCHDOG, job_.watchdog);
        place_windows(host, memory, job_, 0);
        host.start();
    }

    void wait(Simulation& simulation, Host& host, const Upset& upset, Outcome& outcome) {
        for (int64_t cycle = 0;; ++cycle) {
            if (simulation.lite().interrupt) {
                if (!(host.read(reg::STATUS) & kStatusBusy)) break;
                host.clear_interrupt();  // it came too early
            }
            if (cycle == upset.cycle) flip(simulation, upset);
            if (cycle >= static_cast<int64_t>(job_.max_cycles)) {
                outcome.hung = true;
                break;
            }
            simulation.step();
        }
        outcome.cycles = simulation.counted_cycles();
        outcome.status = host.read(reg::STATUS);
        outcome.error_code = host.read(reg::ERROR_CODE);
        outcome.error_address = host.read(reg::ERROR_ADDRESS_LOW);
    }

    JobWindow window(const char* name) const { return window_of(job_, name, 0); }

    void judge(Outcome& outcome) {
        const JobWindow output = window("OUTPUT"), scratch = window("SCRATCH");
        const uint64_t first = output.base - job_.memory_base;
        outcome.right = std::memcmp(file_.data() + first, right_.data() + first, output.bytes) == 0;
        for (const JobWindow& area : {output, scratch}) {
            const uint64_t at = area.base - job_.memory_base;
            std::memcpy(file_.data() + at, right_.data() + at, area.bytes);
        }
        outcome.untouched = std::memcmp(file_.data(), right_.data(), job_.memory_bytes) == 0;
    }

    const Job& job_;
    MappedFile file_;
    std::vector<uint8_t> pristine_, right_;
};

bool read_upset(std::istream& words, Upset& one) {
    return static_cast<bool>(words >> one.cycle >> one.variable >> one.word >> one.bit);
}

}  // namespace

int main(int argc, char** argv) {
    return run_program(argc, argv, [](const Job& job) {
        if (job.images.size() != 1) throw std::runtime_error("the job file must have one image");
        Runner runner(job);
        std::ofstream state("state.txt"), file("outcomes.txt");
        runner.print_state(state);
        close_written(state, "state.txt");
        runner.learn().print(file);
        for (const Upset& one : read_lines<Upset>("upsets.txt", read_upset)) runner.run(one).print(file);
        close_written(file, "outcomes.txt");
    });
}
