// Drives the memory model from a script on standard input and prints what happened in which cycle.
//
// Script lines: `memory_model` and its numbers, `cycles N`, `window BASE BYTES WRITABLE`, `ar CYCLE ADDRESS BEATS`,
// `aw CYCLE ADDRESS BEATS` (a request is raised in its cycle or when the one before is taken), `w CYCLE BEATS STROBE`
// (that many write beats offered from that cycle on), `hold_r FIRST LAST` and `hold_b FIRST LAST` (RREADY, BREADY low).
// Output lines: `ar CYCLE`, `aw CYCLE`, `w CYCLE`, `r CYCLE VALUE RESPONSE LAST`, `b CYCLE RESPONSE`, `error TEXT`; at the
// end `memory HEX` with the first 64 bytes. Memory is 64 KiB from 0x10000; byte i starts as i modulo 251.

#include <cinttypes>
#include <deque>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "axi_memory.h"

constexpr int kBytes = 8;
constexpr uint64_t kBase = 0x10000, kSize = 0x10000;

struct Request {
    uint64_t cycle, address;
    uint32_t beats;
};
struct Beats {
    uint64_t cycle;
    uint32_t count;
    uint64_t strobe;
};
struct Span {
    uint64_t first = 1, last = 0;
    bool holds(uint64_t cycle) const { return cycle >= first && cycle <= last; }
};

static Address to_address(const Request& request) {
    return {request.address, static_cast<uint8_t>(request.beats - 1), 3, kBurstIncr};
}

int main() {
    std::vector<uint8_t> data(kSize);
    for (uint64_t i = 0; i < kSize; ++i) data[i] = static_cast<uint8_t>(i % 251);
    std::deque<Request> reads, writes;
    std::deque<Beats> beats;
    std::vector<uint32_t> lengths;
    std::vector<AddressWindow> windows;
    Span hold_r, hold_b;
    MemoryModel model;
    uint64_t cycles = 1000;
    std::string line, key, word;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        words >> key >> std::setbase(0);
        Request request{};
        Beats group{};
        if (key == "memory_model") {
            words >> model;
        } else if (key == "cycles") {
            words >> cycles;
        } else if (key == "window") {
            AddressWindow& window = windows.emplace_back();
            words >> window.base >> window.bytes >> window.writable;
        } else if (key == "ar" || key == "aw") {
            words >> request.cycle >> request.address >> request.beats;
            (key == "ar" ? reads : writes).push_back(request);
            if (key == "aw") lengths.push_back(request.beats);
        } else if (key == "w") {
            words >> group.cycle >> group.count >> group.strobe;
            beats.push_back(group);
        } else if (key == "hold_r" || key == "hold_b") {
            Span& span = key == "hold_r" ? hold_r : hold_b;
            words >> span.first >> span.last;
        } else {
            std::cerr << "unknown line: " << line << "\n";
            return 1;
        }
    }

    AxiMemory<kBytes> memory(data.data(), kBase, kSize, model);
    memory.allow(windows);
    uint64_t wdata = 0xa0a1a2a3a4a5a6a7;
    size_t burst = 0;
    uint32_t beat = 0;
    try {
        for (uint64_t cycle = 0; cycle < cycles; ++cycle) {
            AxiRequests in;
            in.arvalid = !reads.empty() && reads.front().cycle <= cycle;
            if (in.arvalid) in.ar = to_address(reads.front());
            in.awvalid = !writes.empty() && writes.front().cycle <= cycle;
            if (in.awvalid) in.aw = to_address(writes.front());
            in.wvalid = !beats.empty() && beats.front().cycle <= cycle;
            in.wlast = in.wvalid && beat + 1 == lengths.at(burst);
            in.wstrb = in.wvalid ? beats.front().strobe : 0;
            in.wdata = reinterpret_cast<const uint8_t*>(&wdata);
            in.rready = !hold_r.holds(cycle);
            in.bready = !hold_b.holds(cycle);
            const AxiAnswers<kBytes> out = memory.drive(in.wvalid);
            memory.clock(in);
            if (in.arvalid && out.arready) {
                std::printf("ar %" PRIu64 "\n", cycle);
                reads.pop_front();
            }
            if (in.awvalid && out.awready) {
                std::printf("aw %" PRIu64 "\n", cycle);
                writes.pop_front();
            }
            if (in.wvalid && out.wready) {
                std::printf("w %" PRIu64 "\n", cycle);
                if (in.wlast) ++burst, beat = 0;
                else ++beat;
                if (--beats.front().count == 0) beats.pop_front();
            }
            if (out.rvalid && in.rready) {
                uint64_t value;
                std::memcpy(&value, out.rdata.data(), kBytes);
                std::printf("r %" PRIu64 " %" PRIu64 " %d %d\n", cycle, value, out.rresp, out.rlast);
            }
            if (out.bvalid && in.bready) std::printf("b %" PRIu64 " %d\n", cycle, out.bresp);
        }
    } catch (const ProtocolError& error) {
        std::printf("error %s\n", error.what());
    }
    std::printf("memory ");
    for (int i = 0; i < 64; ++i) std::printf("%02x", data[i]);
    std::printf("\n");
}
