// What the programs have in common that run a job: their command line, errors, and files of a line per run.

#pragma once

#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "job.h"

inline void print_error(const char* message) {
    std::fprintf(stderr, "{\"error\": \"");
    for (const char* at = message; *at; ++at) {
        if (*at == '"' || *at == '\\') std::fputc('\\', stderr);
        std::fputc(*at, stderr);
    }
    std::fprintf(stderr, "\"}\n");
}

// `program JOB`: calls `run` with the job and returns the exit status; what it throws becomes a line on stderr.
template <typename Run>
int run_program(int argc, char** argv, Run run) {
    try {
        if (argc != 2) throw std::runtime_error("usage: simulator JOB");
        run(Job::read(argv[1]));
        return 0;
    } catch (const std::exception& error) {
        print_error(error.what());
        return 1;
    }
}

// What the file's lines say: `parse` reads one from a stream of its words, and returns whether it is well formed.
template <typename One, typename Parse>
std::vector<One> read_lines(const std::string& path, Parse parse) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<One> all;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        if (!parse(words, all.emplace_back())) throw std::runtime_error("malformed line in " + path + ": " + line);
    }
    return all;
}

inline void close_written(std::ofstream& file, const char* path) {
    file.close();
    if (!file) throw std::runtime_error(std::string("cannot write ") + path);
}
