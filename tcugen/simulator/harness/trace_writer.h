// Fixed-size binary records of the output path's writes:
// uint32 cycle, uint32 address, uint16 layer, uint16 zero, then the data bytes.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

template <int kDataBytes>
class TraceWriter {
   public:
    // Starts a new file; ends the one before.
    void open(const std::string& path) {
        close();
        path_ = path;
        file_ = std::fopen(path.c_str(), "wb");
        if (!file_) throw std::runtime_error("cannot write the trace " + path);
        buffer_.reserve(kBufferBytes);
    }

    void write(uint32_t cycle, uint32_t address, uint16_t layer, const void* data) {
        if (!file_) return;
        const uint32_t words[2] = {cycle, address};
        const uint16_t halves[2] = {layer, 0};
        append(words, sizeof words);
        append(halves, sizeof halves);
        append(data, kDataBytes);
        if (buffer_.size() + kRecordBytes > kBufferBytes) flush();
    }

    void close() {
        if (!file_) return;
        std::FILE* file = file_;
        bool failed = std::fwrite(buffer_.data(), 1, buffer_.size(), file) != buffer_.size();
        buffer_.clear();
        file_ = nullptr;
        failed |= std::fclose(file) != 0;
        if (failed) throw std::runtime_error("cannot write the trace " + path_);
    }

    // A run that failed leaves what it wrote so far: that is what the failure is looked for in.
    ~TraceWriter() {
        try {
            close();
        } catch (const std::exception&) {
            // The failure that ends the run is already on its way.
        }
    }

   private:
    static constexpr size_t kRecordBytes = 12 + kDataBytes;
    static constexpr size_t kBufferBytes = 1 << 20;

    void append(const void* data, size_t bytes) {
        const auto* first = static_cast<const uint8_t*>(data);
        buffer_.insert(buffer_.end(), first, first + bytes);
    }

    void flush() {
        if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) {
            throw std::runtime_error("cannot write the trace " + path_ + ": is the disk full?");
        }
        buffer_.clear();
    }

    std::string path_;
    std::FILE* file_ = nullptr;
    std::vector<uint8_t> buffer_;
};
