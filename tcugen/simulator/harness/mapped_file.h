// A file mapped read-write and shared, so that what the machine writes is in the file when the process ends.

#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>

class MappedFile {
   public:
    MappedFile(const std::string& path, uint64_t bytes) : bytes_(bytes) {
        const int file = open(path.c_str(), O_RDWR);
        if (file < 0) throw std::runtime_error("cannot open the memory image " + path);
        struct stat status {};
        if (fstat(file, &status) != 0 || static_cast<uint64_t>(status.st_size) < bytes) {
            close(file);
            throw std::runtime_error("the memory image " + path + " is shorter than " + std::to_string(bytes) + " bytes");
        }
        void* mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (mapping == MAP_FAILED) throw std::runtime_error("cannot map the memory image " + path);
        data_ = static_cast<uint8_t*>(mapping);
    }
    ~MappedFile() { munmap(data_, bytes_); }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    uint8_t* data() const { return data_; }

   private:
    uint8_t* data_;
    uint64_t bytes_;
};
