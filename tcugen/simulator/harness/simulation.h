// The machine, its clock, its memory and its traces: `step` is one clock cycle.

#pragma once

#include <verilated.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "Vtcu_top.h"
#include "axi_memory.h"
#include "machine.h"
#include "trace_writer.h"
#if TCU_UNIT_TRACE
#include "unit_trace.h"
#endif
#if VM_TRACE_FST
#include <verilated_fst_c.h>
#elif VM_TRACE
#include <verilated_vcd_c.h>
#endif

#if VM_TRACE_FST
using WaveFile = VerilatedFstC;
constexpr const char* kWaveFile = "waves.fst";
#elif VM_TRACE
using WaveFile = VerilatedVcdC;
constexpr const char* kWaveFile = "waves.vcd";
#endif

// The memory at the machine's bus; a harness may set another one before.
#ifndef TCU_MEMORY
#define TCU_MEMORY AxiMemory
#endif

// What the host's AXI4-Lite port and the interrupt showed in the last cycle.
struct LiteSample {
    bool awready = false, wready = false, bvalid = false, arready = false, rvalid = false, interrupt = false;
    uint8_t bresp = 0, rresp = 0;
    uint32_t rdata = 0;
};

class Simulation {
   public:
    using Memory = TCU_MEMORY<kBusBytes>;

    explicit Simulation(Memory& memory) : memory_(memory), context_(new VerilatedContext) {
#if VM_TRACE
        context_->traceEverOn(true);
#endif
        top_.reset(new Vtcu_top(context_.get()));
    }

    ~Simulation() { top_->final(); }

    Vtcu_top& top() { return *top_; }
    const LiteSample& lite() const { return lite_; }
    uint64_t cycle() const { return cycle_; }
    uint32_t layer() const { return top_->trace_layer; }

    // Holds the machine in reset for a few cycles; the bus is left alone meanwhile.
    void reset() {
        top_->aresetn = 0;
        for (int i = 0; i < kResetCycles; ++i) toggle_clock();
        top_->aresetn = 1;
    }

    // Traces of the coming cycles go to these files, their cycles counted from the last call of `start_counting`.
    void open_traces(const std::string& drain, const std::string& pool, const std::string& units) {
        drains_.open(drain);
        pools_.open(pool);
#if TCU_UNIT_TRACE
        units_.open(units);
#else
        (void)units;
#endif
    }

    void close_traces() {
        drains_.close();
        pools_.close();
#if TCU_UNIT_TRACE
        units_.close();
#endif
    }

    // The cycle just stepped becomes cycle 0.
    void start_counting() { first_cycle_ = cycle_ - 1; }
    uint64_t counted_cycles() const { return cycle_ - 1 - first_cycle_; }
    uint64_t first_cycle() const { return first_cycle_; }

    // Records `cycles` cycles from cycle `first` on, counted from `origin`; twice the cycle is the time in the file.
    void record_waves(uint64_t origin, uint64_t first, uint64_t cycles) {
#if VM_TRACE
        waves_.reset(new WaveFile);
        top_->trace(waves_.get(), 99);
        waves_->open(kWaveFile);
        wave_origin_ = origin;
        wave_first_ = origin + first;
        wave_end_ = wave_first_ + cycles;
#else
        (void)origin, (void)first, (void)cycles;
        throw std::runtime_error("this simulator was built without waves");
#endif
    }

    // One cycle needs two evaluations: with the clock low the outputs settle for this cycle's inputs, the rising edge
    // then takes the inputs that the settled outputs were answered with.
    void step() {
        apply(memory_.drive(top_->m_axi_wvalid));
        top_->aclk = 0;
        top_->eval();
        dump(0);
        sample();
        memory_.clock(requests_);
        if (top_->trace_drain_valid) {
            drains_.write(trace_cycle(), top_->trace_drain_address, top_->trace_drain_layer, &top_->trace_drain_data);
        }
        if (top_->trace_pool_valid) {
            pools_.write(trace_cycle(), top_->trace_pool_address, top_->trace_pool_layer, &top_->trace_pool_data);
        }
#if TCU_UNIT_TRACE
        units_.sample(*top_, trace_cycle());
#endif
        top_->aclk = 1;
        top_->eval();
        dump(1);
        ++cycle_;
    }

   private:
    static constexpr int kResetCycles = 16;

    void toggle_clock() {
        top_->aclk = 0;
        top_->eval();
        top_->aclk = 1;
        top_->eval();
    }

    uint32_t trace_cycle() const { return static_cast<uint32_t>(cycle_ - first_cycle_); }

    void apply(const AxiAnswers<kBusBytes>& answers) {
        Vtcu_top& top = *top_;
        top.m_axi_arready = answers.arready;
        top.m_axi_awready = answers.awready;
        top.m_axi_wready = answers.wready;
        top.m_axi_rvalid = answers.rvalid;
        if (answers.rvalid) {
            top.m_axi_rlast = answers.rlast;
            top.m_axi_rresp = answers.rresp;
            // Verilator keeps a port of any width as little-endian words.
            std::memcpy(&top.m_axi_rdata, answers.rdata.data(), kBusBytes);
        }
        top.m_axi_bvalid = answers.bvalid;
        top.m_axi_bresp = answers.bresp;
    }

    void sample() {
        Vtcu_top& top = *top_;
        requests_.arvalid = top.m_axi_arvalid;
        if (requests_.arvalid) requests_.ar = {top.m_axi_araddr, top.m_axi_arlen, top.m_axi_arsize, top.m_axi_arburst};
        requests_.awvalid = top.m_axi_awvalid;
        if (requests_.awvalid) requests_.aw = {top.m_axi_awaddr, top.m_axi_awlen, top.m_axi_awsize, top.m_axi_awburst};
        requests_.wvalid = top.m_axi_wvalid;
        requests_.wlast = top.m_axi_wlast;
        requests_.wstrb = top.m_axi_wstrb;
        requests_.wdata = reinterpret_cast<const uint8_t*>(&top.m_axi_wdata);
        requests_.rready = top.m_axi_rready;
        requests_.bready = top.m_axi_bready;
        lite_.awready = top.s_axil_awready;
        lite_.wready = top.s_axil_wready;
        lite_.bvalid = top.s_axil_bvalid;
        lite_.bresp = top.s_axil_bresp;
        lite_.arready = top.s_axil_arready;
        lite_.rvalid = top.s_axil_rvalid;
        lite_.rresp = top.s_axil_rresp;
        lite_.rdata = top.s_axil_rdata;
        lite_.interrupt = top.irq;
    }

    void dump(int phase) {
#if VM_TRACE
        if (waves_ && cycle_ >= wave_first_ && cycle_ < wave_end_) {
            waves_->dump(2 * (cycle_ - wave_origin_) + phase);
        }
#else
        (void)phase;
#endif
    }

    Memory& memory_;
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Vtcu_top> top_;
    AxiRequests requests_;
    LiteSample lite_;
    TraceWriter<kOutputLanes> drains_;
    TraceWriter<kRows> pools_;
#if TCU_UNIT_TRACE
    UnitTrace units_;
#endif
    uint64_t cycle_ = 0, first_cycle_ = 0;
#if VM_TRACE
    std::unique_ptr<WaveFile> waves_;
    uint64_t wave_origin_ = 0, wave_first_ = 0, wave_end_ = 0;
#endif
};
