// The host: sets the machine up through AXI4-Lite, starts it, reads its counters.

#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "registers.h"
#include "simulation.h"

// The machine answered an access with SLVERR: nothing was changed.
struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Host {
   public:
    explicit Host(Simulation& simulation) : simulation_(simulation) {}

    // Returns after the write response. `taken` is called right after the cycle in which the register took the value.
    template <typename Taken>
    void write(uint32_t address, uint32_t value, Taken taken) {
        Vtcu_top& top = simulation_.top();
        top.s_axil_awaddr = address;
        top.s_axil_awprot = 0;
        top.s_axil_awvalid = 1;
        top.s_axil_wdata = value;
        top.s_axil_wstrb = 15;
        top.s_axil_wvalid = 1;
        top.s_axil_bready = 1;
        bool responded = false;
        for (int waited = 0; top.s_axil_awvalid || top.s_axil_wvalid; ++waited) {
            step_waiting(waited, "a write", address);
            if (simulation_.lite().awready) top.s_axil_awvalid = 0;
            if (simulation_.lite().wready) top.s_axil_wvalid = 0;
            responded = simulation_.lite().bvalid;
        }
        taken();
        for (int waited = 0; !responded; ++waited) {
            step_waiting(waited, "a write response", address);
            responded = simulation_.lite().bvalid;
        }
        top.s_axil_bready = 0;
        if (simulation_.lite().bresp != kOkay) throw Refused(told("a write was refused", address));
    }

    void write(uint32_t address, uint32_t value) {
        write(address, value, [] {});
    }

    uint32_t read(uint32_t address) {
        Vtcu_top& top = simulation_.top();
        top.s_axil_araddr = address;
        top.s_axil_arprot = 0;
        top.s_axil_arvalid = 1;
        top.s_axil_rready = 1;
        for (int waited = 0;; ++waited) {
            step_waiting(waited, "a read", address);
            if (simulation_.lite().arready) top.s_axil_arvalid = 0;
            if (simulation_.lite().rvalid) break;
        }
        top.s_axil_rready = 0;
        top.s_axil_arvalid = 0;
        if (simulation_.lite().rresp != kOkay) throw Refused(told("a read was refused", address));
        return simulation_.lite().rdata;
    }

    uint64_t read_wide(uint32_t low, uint32_t high) { return uint64_t{read(high)} << 32 | read(low); }

    void set_window(const std::string& name, uint64_t base, uint64_t bytes) {
        for (const WindowRegisters& window : kWindows) {
            if (name != window.name) continue;
            write(window.base_low, static_cast<uint32_t>(base));
            write(window.base_high, static_cast<uint32_t>(base >> 32));
            write(window.size, static_cast<uint32_t>(bytes));
            return;
        }
        throw std::runtime_error("the machine has no window " + name);
    }

    // Cycle counting begins with the write that starts the machine.
    void start() {
        write(reg::CONTROL, kControlStart, [this] { simulation_.start_counting(); });
    }

    void clear_interrupt() {
        write(reg::CONTROL, kControlClearInterrupt);
        for (int waited = 0; simulation_.lite().interrupt; ++waited) step_waiting(waited, "the interrupt to fall", reg::CONTROL);
    }

   private:
    static constexpr int kPatience = 1000;

    void step_waiting(int waited, const char* what, uint32_t address) {
        if (waited == kPatience) fail(std::string("no answer after 1000 cycles to ") + what, address);
        simulation_.step();
    }

    [[noreturn]] void fail(const std::string& what, uint32_t address) { throw std::runtime_error(told(what, address)); }

    static std::string told(const std::string& what, uint32_t address) {
        char place[48];
        std::snprintf(place, sizeof place, " (register at 0x%03x)", address);
        return "AXI4-Lite: " + what + place;
    }

    Simulation& simulation_;
};
