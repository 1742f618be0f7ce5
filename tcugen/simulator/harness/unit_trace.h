// When units take instructions and when they are at work: a record for each cycle in which something of that changes.

#pragma once

#include <cstdint>

#include "Vtcu_top.h"
#include "Vtcu_top___024root.h"
#include "trace_writer.h"

#define OF_DISPATCH(signal) root.tcu_top__DOT__u_core__DOT__u_dispatch__DOT__##signal
#define TAKEN(unit, bit) (OF_DISPATCH(o_##unit##_valid) & OF_DISPATCH(o_##unit##_ready)) << bit

// Three bytes: which units take an instruction, which are at work, which of load and store are done with one. Bits in
// the order of the opcodes: WEIGHT, LOAD, STORE, COMPUTE, DRAIN, POOL.
class UnitTrace {
   public:
    void open(const std::string& path) {
        records_.open(path);
        last_busy_ = 0;
    }

    void close() { records_.close(); }

    void sample(const Vtcu_top& top, uint32_t cycle) {
        const Vtcu_top___024root& root = *top.rootp;
        const uint8_t taken = TAKEN(weight, 0) | TAKEN(load, 1) | TAKEN(store, 2) | TAKEN(compute, 3) | TAKEN(drain, 4) |
                              TAKEN(pool, 5);
        const uint8_t busy = OF_DISPATCH(unit_busy);
        const uint8_t done = OF_DISPATCH(done_load) << 1 | OF_DISPATCH(done_store) << 2;
        if (taken || done || busy != last_busy_) {
            const uint8_t bits[kBytes] = {taken, busy, done};
            records_.write(cycle, 0, 0, bits);
            last_busy_ = busy;
        }
    }

   private:
    static constexpr int kBytes = 3;

    TraceWriter<kBytes> records_;
    uint8_t last_busy_ = 0;
};

#undef TAKEN
#undef OF_DISPATCH
