// The memory at the machine's AXI4 port: a file mapped into this process, answered with fixed latencies.
//
// The rules are those under which cycle counts are published; the numbers are tcugen/memory_model.py's:
//   - the first beat of a read comes `read_latency` cycles after its address was accepted, reads are answered in order,
//     `reads_in_flight` of them may be open; ARREADY is low while that many are;
//   - a write response comes `response_latency` cycles after the last beat of its write;
//   - one beat per cycle in total, reads and writes together; of the transactions that could move a beat, the one whose
//     address was accepted first does (of two accepted in the same cycle, the read);
//   - a beat is delayed one more cycle, in which no other beat moves, when the next number of a xorshift generator is
//     divisible by `delayed_one_in`; 0 delays none.
//
// One cycle is: drive(), which chooses this cycle's answers from the state and from WVALID as it already stands (AXI
// forbids it to depend on WREADY); then clock() with the settled requests of the same cycle.

#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <istream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fixed_queue.h"

constexpr int kMostReadsInFlight = 256;
constexpr int kWritesInFlight = 256;  // more than any burst pattern opens within the response latency
constexpr uint64_t kPageBytes = 4096;
constexpr uint8_t kBurstIncr = 1;
constexpr uint8_t kOkay = 0;
constexpr uint8_t kSlaveError = 2;

// As tcugen/memory_model.py: MemoryModel.
struct MemoryModel {
    uint64_t read_latency = 0;
    uint64_t response_latency = 0;
    int reads_in_flight = 0;
    uint32_t delayed_one_in = 0;
    uint32_t seed = 0;

    // Reads the five numbers in this order; the stream fails if they are not there or out of range.
    friend std::istream& operator>>(std::istream& stream, MemoryModel& model) {
        stream >> model.read_latency >> model.response_latency >> model.reads_in_flight >> model.delayed_one_in >>
            model.seed;
        if (model.reads_in_flight < 1 || model.reads_in_flight > kMostReadsInFlight) stream.setstate(std::ios::failbit);
        return stream;
    }
};

// A breach of AXI4 or of the address windows by the machine; the message says which.
struct ProtocolError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A part of memory the machine was allowed to touch.
struct AddressWindow {
    std::string name;
    uint64_t base;
    uint64_t bytes;
    bool writable;
};

struct Address {
    uint64_t address = 0;
    uint8_t length = 0;  // beats - 1
    uint8_t size = 0;    // log2 of bytes per beat
    uint8_t burst = 0;

    bool operator==(const Address& other) const {
        return address == other.address && length == other.length && size == other.size && burst == other.burst;
    }
};

// What the machine drives in one cycle.
struct AxiRequests {
    bool arvalid = false, awvalid = false, wvalid = false, wlast = false, rready = false, bready = false;
    Address ar, aw;
    uint64_t wstrb = 0;
    const uint8_t* wdata = nullptr;
};

// What the memory drives in one cycle.
template <int kBytes>
struct AxiAnswers {
    bool arready = false, awready = false, wready = false, rvalid = false, rlast = false, bvalid = false;
    uint8_t rresp = kOkay, bresp = kOkay;
    alignas(64) std::array<uint8_t, kBytes> rdata{};
};

template <int kBytes>
class AxiMemory {
   public:
    // Serves addresses [base, base + bytes) from `data`; everything else answers SLVERR.
    AxiMemory(uint8_t* data, uint64_t base, uint64_t bytes, const MemoryModel& model)
        : data_(data), base_(base), bytes_(bytes), model_(model), random_(model.seed) {}

    // Bursts outside these windows are a ProtocolError; without windows every address is allowed.
    void allow(std::vector<AddressWindow> windows) { windows_ = std::move(windows); }

    // A silent memory takes and answers nothing; what it has presented already stays, as AXI demands.
    void fall_silent(bool silent) { silent_ = silent; }

    // Writes whose response has not been taken.
    int open_writes() const { return writes_.size() + responses_.size(); }
    int open_reads() const { return reads_.size(); }
    uint64_t cycle() const { return cycle_; }

    const AxiAnswers<kBytes>& drive(bool wvalid) {
        if (silent_) return silence();
        out_.arready = reads_.size() < model_.reads_in_flight;
        out_.awready = open_writes() < kWritesInFlight;
        out_.bvalid = !responses_.empty() && responses_.front().due <= cycle_;
        if (out_.bvalid) out_.bresp = responses_.front().error ? kSlaveError : kOkay;
        out_.wready = false;
        if (out_.rvalid) return out_;  // presented and not taken: AXI lets nobody withdraw it, the beat is lost
        const bool read_ready = !reads_.empty() && reads_.front().due <= cycle_;
        const bool write_ready = !writes_.empty() && wvalid;
        if ((read_ready || write_ready) && !delayed()) {
            if (read_ready && (!write_ready || reads_.front().order < writes_.front().order)) {
                present_read();
            } else {
                out_.wready = true;
            }
        }
        return out_;
    }

    void clock(const AxiRequests& in) {
        check_held(in);
        if (out_.rvalid && in.rready) finish_read_beat();
        if (out_.wready && in.wvalid) finish_write_beat(in);
        refused_response_ = out_.bvalid && !in.bready;
        if (out_.bvalid && in.bready) responses_.pop();
        if (in.arvalid && out_.arready) reads_.push(accept(in.ar, false, model_.read_latency));
        if (in.awvalid && out_.awready) writes_.push(accept(in.aw, true, 0));
        ++cycle_;
    }

   protected:
    struct Burst {
        uint64_t address = 0;
        uint64_t order = 0;
        uint64_t due = 0;
        uint32_t beats = 0;
        bool error = false;
    };
    struct Response {
        uint64_t due = 0;
        bool error = false;
    };

    const AxiAnswers<kBytes>& silence() {
        out_.arready = out_.awready = out_.wready = false;
        out_.bvalid = refused_response_;
        return out_;
    }

    // True in the one cycle by which the coming beat is late.
    bool delayed() {
        if (model_.delayed_one_in == 0 || drawn_) return false;
        drawn_ = true;
        random_ ^= random_ << 13;
        random_ ^= random_ >> 17;
        random_ ^= random_ << 5;
        return random_ % model_.delayed_one_in == 0;
    }

    void present_read() {
        const Burst& read = reads_.front();
        out_.rvalid = true;
        out_.rlast = read.beats == 1;
        if (inside(read.address)) {
            out_.rresp = kOkay;
            std::memcpy(out_.rdata.data(), data_ + (read.address - base_), kBytes);
        } else {
            out_.rresp = kSlaveError;
            out_.rdata.fill(0);
        }
    }

    void finish_read_beat() {
        out_.rvalid = false;
        drawn_ = false;
        Burst& read = reads_.front();
        read.address += kBytes;
        if (--read.beats == 0) reads_.pop();
    }

    void finish_write_beat(const AxiRequests& in) {
        drawn_ = false;
        Burst& write = writes_.front();
        if (in.wlast != (write.beats == 1)) {
            fail("WLAST is " + std::to_string(in.wlast) + " with " + std::to_string(write.beats) +
                 " beats left of the burst", write.address);
        }
        if (!inside(write.address)) {
            write.error = true;
        } else if (in.wstrb == kAllBytes) {
            std::memcpy(data_ + (write.address - base_), in.wdata, kBytes);
        } else {
            for (int i = 0; i < kBytes; ++i) {
                if (in.wstrb >> i & 1) data_[write.address - base_ + i] = in.wdata[i];
            }
        }
        write.address += kBytes;
        if (--write.beats == 0) {
            responses_.push({cycle_ + model_.response_latency, write.error});
            writes_.pop();
        }
    }

    Burst accept(const Address& request, bool write, uint64_t latency) {
        const uint64_t bytes = (uint64_t{request.length} + 1) * kBytes;
        if (request.burst != kBurstIncr) fail("burst type " + std::to_string(request.burst) + " is not INCR", request.address);
        if ((1u << request.size) != kBytes) {
            fail("size " + std::to_string(request.size) + " is not the " + std::to_string(kBytes) + " bytes of the bus",
                 request.address);
        }
        if (request.address % kBytes) fail("the address is not a multiple of the bus width", request.address);
        if (request.address / kPageBytes != (request.address + bytes - 1) / kPageBytes) {
            fail("a burst of " + std::to_string(bytes) + " bytes crosses 4 KiB", request.address);
        }
        check_window(request.address, bytes, write);
        return {request.address, order_++, cycle_ + latency, request.length + 1u, false};
    }

    void check_window(uint64_t address, uint64_t bytes, bool write) const {
        if (windows_.empty()) return;
        for (const AddressWindow& window : windows_) {
            const bool within = address >= window.base && address + bytes <= window.base + window.bytes;
            if (within && (window.writable || !write)) return;
        }
        fail(std::string(write ? "a write" : "a read") + " of " + std::to_string(bytes) +
             " bytes is outside every window that allows it", address);
    }

    // A request once raised stands unchanged until it is taken.
    void check_held(const AxiRequests& in) {
        if (open_ar_ && !(in.arvalid && in.ar == *open_ar_)) fail("AR changed before ARREADY", open_ar_->address);
        if (open_aw_ && !(in.awvalid && in.aw == *open_aw_)) fail("AW changed before AWREADY", open_aw_->address);
        if (open_w_ && !in.wvalid) fail("WVALID fell before WREADY", writes_.empty() ? 0 : writes_.front().address);
        open_ar_.reset();
        open_aw_.reset();
        if (in.arvalid && !out_.arready) open_ar_ = in.ar;
        if (in.awvalid && !out_.awready) open_aw_ = in.aw;
        open_w_ = in.wvalid && !out_.wready;
    }

    [[noreturn]] void fail(const std::string& what, uint64_t address) const {
        char place[64];
        std::snprintf(place, sizeof place, " (address 0x%llx)", static_cast<unsigned long long>(address));
        throw ProtocolError("AXI: " + what + place);
    }

    bool inside(uint64_t address) const { return address >= base_ && address + kBytes <= base_ + bytes_; }

    static constexpr uint64_t kAllBytes = kBytes == 64 ? ~uint64_t{0} : (uint64_t{1} << (kBytes % 64)) - 1;

    uint8_t* data_;
    uint64_t base_, bytes_;
    MemoryModel model_;
    std::vector<AddressWindow> windows_;
    AxiAnswers<kBytes> out_;
    FixedQueue<Burst, kMostReadsInFlight> reads_;
    FixedQueue<Burst, kWritesInFlight> writes_;
    FixedQueue<Response, kWritesInFlight> responses_;
    std::optional<Address> open_ar_, open_aw_;
    bool open_w_ = false;
    bool silent_ = false, refused_response_ = false;
    uint64_t cycle_ = 0, order_ = 0;
    uint32_t random_;
    bool drawn_ = false;
};
