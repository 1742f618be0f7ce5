// What one run left in the machine's registers, and its JSON form.

#pragma once

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "host.h"
#include "registers.h"

struct ImageResult {
    uint64_t cycles = 0;  // from the start write to the interrupt, as the harness counts them
    uint32_t status = 0, error_code = 0;
    uint64_t error_address = 0;
    std::vector<uint64_t> counters;                     // in the order of kCounters
    std::vector<std::vector<uint32_t>> layer_counters;  // [layer], in the order of kLayerCounters

    static ImageResult read(Host& host, uint64_t cycles, uint32_t layers) {
        ImageResult result;
        result.cycles = cycles;
        result.status = host.read(reg::STATUS);
        result.error_code = host.read(reg::ERROR_CODE);
        result.error_address = host.read_wide(reg::ERROR_ADDRESS_LOW, reg::ERROR_ADDRESS_HIGH);
        for (const CounterRegisters& counter : kCounters) {
            result.counters.push_back(host.read_wide(counter.low, counter.high));
        }
        for (uint32_t layer = 0; layer < layers; ++layer) {
            host.write(reg::LAYER_SELECT, layer);
            std::vector<uint32_t>& row = result.layer_counters.emplace_back();
            for (const LayerCounterRegister& counter : kLayerCounters) row.push_back(host.read(counter.address));
        }
        return result;
    }

    void print(std::FILE* file) const {
        std::fprintf(file, "  {\"cycles\": %llu, \"status\": %u, \"error_code\": %u, \"error_address\": %llu,\n",
                     wide(cycles), status, error_code, wide(error_address));
        std::fprintf(file, "   \"counters\": {");
        for (size_t i = 0; i < counters.size(); ++i) {
            std::fprintf(file, "%s\"%s\": %llu", i ? ", " : "", kCounters[i].name, wide(counters[i]));
        }
        std::fprintf(file, "},\n   \"layers\": [");
        for (size_t layer = 0; layer < layer_counters.size(); ++layer) {
            std::fprintf(file, "%s\n    {", layer ? "," : "");
            for (size_t i = 0; i < layer_counters[layer].size(); ++i) {
                std::fprintf(file, "%s\"%s\": %u", i ? ", " : "", kLayerCounters[i].name, layer_counters[layer][i]);
            }
            std::fprintf(file, "}");
        }
        std::fprintf(file, "]}");
    }

   private:
    static unsigned long long wide(uint64_t value) { return value; }
};

inline void write_results(const std::string& path, const std::vector<ImageResult>& results, double seconds,
                          double cpu_seconds) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (!file) throw std::runtime_error("cannot write " + path);
    std::fprintf(file, "{\"seconds\": %.6f, \"cpu_seconds\": %.6f, \"images\": [\n", seconds, cpu_seconds);
    for (size_t i = 0; i < results.size(); ++i) {
        if (i) std::fprintf(file, ",\n");
        results[i].print(file);
    }
    std::fprintf(file, "\n]}\n");
    if (std::fclose(file) != 0) throw std::runtime_error("cannot write " + path);
}
