// What to simulate: a text file of one `key values...` line per fact, written by run.py.

#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "axi_memory.h"

struct JobWindow {
    std::string name;
    uint64_t base = 0, bytes = 0;
};

// A bit of memory that is wrong while one image runs.
struct JobFlip {
    uint64_t address = 0;
    uint32_t bit = 0;
};

struct JobImage {
    uint64_t input_base = 0, output_base = 0;
    std::vector<JobFlip> flips;
};

struct Job {
    std::string memory_file;
    uint64_t memory_base = 0, memory_bytes = 0;
    MemoryModel memory_model;
    uint64_t max_cycles = 0;  // per image
    uint32_t watchdog = 0;
    uint32_t layers = 0;
    uint32_t architecture = 0;  // fingerprint
    bool trace = false;
    bool past_errors = false;  // go on with the next image after one that the machine stopped
    bool waves = false;
    int64_t wave_image = -1;  // whose start write the window is counted from; -1: from reset
    uint64_t wave_first = 0, wave_cycles = 0;
    std::vector<JobWindow> windows;
    std::vector<JobImage> images;

    static Job read(const std::string& path) {
        std::ifstream file(path);
        if (!file) throw std::runtime_error("cannot read the job file " + path);
        Job job;
        std::string line;
        while (std::getline(file, line)) {
            std::istringstream words(line);
            std::string key;
            if (!(words >> key)) continue;
            if (key == "memory") {
                words >> job.memory_file >> job.memory_base >> job.memory_bytes;
            } else if (key == "memory_model") {
                words >> job.memory_model;
            } else if (key == "max_cycles") {
                words >> job.max_cycles;
            } else if (key == "watchdog") {
                words >> job.watchdog;
            } else if (key == "layers") {
                words >> job.layers;
            } else if (key == "architecture") {
                words >> job.architecture;
            } else if (key == "trace") {
                words >> job.trace;
            } else if (key == "past_errors") {
                words >> job.past_errors;
            } else if (key == "waves") {
                job.waves = true;
                words >> job.wave_image >> job.wave_first >> job.wave_cycles;
            } else if (key == "window") {
                JobWindow& window = job.windows.emplace_back();
                words >> window.name >> window.base >> window.bytes;
            } else if (key == "image") {
                JobImage& image = job.images.emplace_back();
                words >> image.input_base >> image.output_base;
            } else if (key == "flip" && !job.images.empty()) {  // of the last image so far
                JobFlip& flip = job.images.back().flips.emplace_back();
                words >> flip.address >> flip.bit;
                if (flip.address - job.memory_base >= job.memory_bytes || flip.bit > 7) {
                    throw std::runtime_error("no such bit of memory in the job file: " + line);
                }
            } else {
                throw std::runtime_error("unknown key in the job file: " + line);
            }
            if (words.fail()) throw std::runtime_error("malformed line in the job file: " + line);
        }
        return job;
    }
};
