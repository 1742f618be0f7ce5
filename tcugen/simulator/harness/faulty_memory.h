// A memory at the machine's AXI4 port that does one thing wrong: see Fault. Otherwise it is AxiMemory.

#pragma once

#include <cstdint>

#include "axi_memory.h"

// What goes wrong; -1 is never. Beats and responses are counted from the arming on.
struct Fault {
    enum Channel : uint32_t { kReadAddress, kRead, kWriteAddress, kWrite, kResponse };
    enum LastKind : uint32_t { kInverted, kCut, kExtra };

    int64_t bad_read = -1;       // this beat of reads has the answer `response`
    int64_t bad_write = -1;      // this answer to a write is `response`
    uint32_t response = kSlaveError;
    int64_t wrong_last = -1;     // with this beat of reads RLAST is wrong:
    uint32_t last_kind = kInverted;  // inverted; or 1 and the burst's other beats never come; or a beat follows that nobody asked for
    int64_t silent_from = -1;    // from this cycle on one channel does nothing any more
    uint32_t silent_channel = kRead;
    uint32_t pause_one_in = 0;   // in one of so many cycles, at random and for itself, a channel does nothing; 0: never
    uint32_t seed = 1;
};

template <int kBytes>
class FaultyMemory : public AxiMemory<kBytes> {
   public:
    using AxiMemory<kBytes>::AxiMemory;

    // From now on `fault` happens; its cycles, beats and answers are counted from 0.
    void arm(const Fault& fault) {
        fault_ = fault;
        from_ = this->cycle_;
        read_beats_ = write_answers_ = 0;
        bad_address_ = 0;
        happened_ = false;
        generator_ = fault.seed | 1;
    }

    void disarm() { fault_ = Fault{}; }

    // Nothing is open any more: the machine has been reset, and so has its memory.
    void forget() {
        this->reads_ = {};
        this->writes_ = {};
        this->responses_ = {};
        this->open_ar_.reset();
        this->open_aw_.reset();
        this->open_w_ = this->refused_response_ = false;
        this->out_ = {};
        extra_due_ = extra_now_ = false;
    }

    bool happened() const { return happened_; }
    uint64_t bad_address() const { return bad_address_; }
    int64_t read_beats() const { return read_beats_; }
    int64_t write_answers() const { return write_answers_; }

    const AxiAnswers<kBytes>& drive(bool wvalid) {
        AxiMemory<kBytes>::drive(wvalid);
        AxiAnswers<kBytes>& out = this->out_;
        extra_now_ = extra_due_ && !out.rvalid;
        if (extra_now_) {
            out.rvalid = true;
            out.rlast = true;
            out.rresp = kOkay;
            return out;
        }
        hold(Fault::kReadAddress, out.arready);
        hold(Fault::kRead, out.rvalid);
        hold(Fault::kWriteAddress, out.awready);
        hold(Fault::kWrite, out.wready);
        hold(Fault::kResponse, out.bvalid);
        if (out.rvalid) spoil_read(out);
        if (out.bvalid && write_answers_ == fault_.bad_write) {
            out.bresp = static_cast<uint8_t>(fault_.response);
            happened_ = true;
        }
        return out;
    }

    void clock(const AxiRequests& in) {
        if (extra_now_) {
            extra_due_ = extra_now_ = false;
            this->out_.rvalid = false;  // there is no burst that it could be a beat of
        }
        if (this->out_.rvalid && in.rready) ++read_beats_;
        if (this->out_.bvalid && in.bready) ++write_answers_;
        AxiMemory<kBytes>::clock(in);
    }

   private:
    void hold(Fault::Channel channel, bool& moves) {
        const int64_t since = static_cast<int64_t>(this->cycle_ - from_);
        bool still = fault_.pause_one_in && draw() % fault_.pause_one_in == 0;
        if (fault_.silent_from >= 0 && since >= fault_.silent_from && channel == fault_.silent_channel) {
            happened_ |= moves;
            still = true;
        }
        if (still) moves = false;
    }

    void spoil_read(AxiAnswers<kBytes>& out) {
        const uint64_t address = this->reads_.front().address;
        if (read_beats_ == fault_.bad_read) {
            out.rresp = static_cast<uint8_t>(fault_.response);
            bad_address_ = address;
            happened_ = true;
        }
        // A burst can be cut short only before its last beat: the next one that can is.
        const bool fits = fault_.last_kind != Fault::kCut || this->reads_.front().beats > 1;
        if (fault_.wrong_last >= 0 && read_beats_ >= fault_.wrong_last && fits && !happened_) {
            bad_address_ = address;
            happened_ = true;
            switch (fault_.last_kind) {
                case Fault::kInverted: out.rlast = !out.rlast; break;
                case Fault::kCut:
                    this->reads_.front().beats = 1;
                    out.rlast = true;
                    break;
                default: extra_due_ = true;
            }
        }
    }

    uint32_t draw() {
        generator_ ^= generator_ << 13;
        generator_ ^= generator_ >> 17;
        generator_ ^= generator_ << 5;
        return generator_ >> 3;
    }

    Fault fault_;
    uint64_t from_ = 0, bad_address_ = 0;
    int64_t read_beats_ = 0, write_answers_ = 0;
    bool happened_ = false;
    bool extra_due_ = false, extra_now_ = false;  // the beat that nobody asked for: to come, and there
    uint32_t generator_ = 1;
};
