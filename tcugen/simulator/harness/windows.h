// Where a job has its windows, for the host's registers and for the memory's own check.

#pragma once

#include <vector>

#include "host.h"
#include "job.h"

// The setting of a known window for an image; INPUT and OUTPUT are where the image has them.
inline JobWindow window_of(const Job& job, const std::string& name, size_t image) {
    for (JobWindow window : job.windows) {
        if (window.name != name) continue;
        if (name == "INPUT") window.base = job.images[image].input_base;
        if (name == "OUTPUT") window.base = job.images[image].output_base;
        return window;
    }
    throw std::runtime_error("no window " + name + " in the job file");
}

// Points host and memory at the windows of an image; `changed` may give one of them, by its number, other values.
template <typename Memory, typename Change>
void place_windows(Host& host, Memory& memory, const Job& job, size_t image, Change change) {
    std::vector<AddressWindow> allowed;
    memory.allow({});
    for (size_t number = 0; number < sizeof kWindows / sizeof *kWindows; ++number) {
        const WindowRegisters& known = kWindows[number];
        JobWindow area = window_of(job, known.name, image);
        change(number, area);
        allowed.push_back({known.name, area.base, area.bytes, known.writable});
        host.set_window(known.name, area.base, area.bytes);
    }
    memory.allow(allowed);
}

template <typename Memory>
void place_windows(Host& host, Memory& memory, const Job& job, size_t image) {
    place_windows(host, memory, job, image, [](size_t, JobWindow&) {});
}
