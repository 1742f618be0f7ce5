// The machine as a service: `simulator MEMORY_FILE BASE BYTES READ_LATENCY RESPONSE_LATENCY READS_IN_FLIGHT
// DELAYED_ONE_IN SEED`, then one command a line on stdin, each answered by one line on stdout.
//
//   read ADDRESS          -> ok VALUE | refused       a register
//   write ADDRESS VALUE   -> ok | refused             a register
//   wait CYCLES           -> ok 0|1                   until the interrupt is raised, or for so many cycles
//   silent 0|1            -> ok                       whether memory answers
//   cycle                 -> ok CYCLES                since reset
//
// Numbers are decimal. Time stands still between commands. The memory is the file, mapped: whoever has it mapped too
// sees what the machine writes. A breach of a bus rule ends the program: `error MESSAGE`, exit code 1.

#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "host.h"
#include "mapped_file.h"
#include "simulation.h"

namespace {

struct Setting {
    std::string file;
    uint64_t base = 0, bytes = 0;
    MemoryModel model;

    static Setting read(int count, char** words) {
        std::ostringstream text;
        for (int i = 1; i < count; ++i) text << words[i] << '\n';
        std::istringstream stream(text.str());
        Setting setting;
        std::getline(stream, setting.file);
        if (!(stream >> setting.base >> setting.bytes >> setting.model)) {
            throw std::runtime_error("usage: simulator MEMORY_FILE BASE BYTES and the five numbers of a memory model");
        }
        return setting;
    }
};

class Service {
   public:
    explicit Service(const Setting& setting)
        : file_(setting.file, setting.bytes),
          memory_(file_.data(), setting.base, setting.bytes, setting.model),
          simulation_(memory_),
          host_(simulation_) {
        simulation_.reset();
    }

    // The answer to one command.
    std::string answer(const std::string& line) {
        std::istringstream words(line);
        std::string verb;
        uint64_t first = 0, second = 0;
        words >> verb;
        try {
            if (verb == "read" && words >> first) {
                return "ok " + std::to_string(host_.read(static_cast<uint32_t>(first)));
            }
            if (verb == "write" && words >> first >> second) {
                host_.write(static_cast<uint32_t>(first), static_cast<uint32_t>(second));
                return "ok";
            }
        } catch (const Refused&) {
            return "refused";
        }
        if (verb == "wait" && words >> first) {
            for (; first > 0 && !simulation_.lite().interrupt; --first) simulation_.step();
            return "ok " + std::to_string(simulation_.lite().interrupt);
        }
        if (verb == "silent" && words >> first) {
            memory_.fall_silent(first != 0);
            return "ok";
        }
        if (verb == "cycle") return "ok " + std::to_string(simulation_.cycle());
        throw std::runtime_error("unknown command: " + line);
    }

   private:
    MappedFile file_;
    Simulation::Memory memory_;
    Simulation simulation_;
    Host host_;
};

}  // namespace

int main(int argc, char** argv) {
    try {
        Service service(Setting::read(argc, argv));
        for (std::string line; std::getline(std::cin, line);) std::cout << service.answer(line) << std::endl;
        return 0;
    } catch (const std::exception& error) {
        std::cout << "error " << error.what() << std::endl;
        return 1;
    }
}
