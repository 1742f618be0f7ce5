// A first-in first-out queue of at most kCapacity elements that never allocates.

#pragma once

#include <array>

template <typename T, int kCapacity>
class FixedQueue {
   public:
    bool empty() const { return size_ == 0; }
    int size() const { return size_; }
    T& front() { return items_[head_]; }
    const T& front() const { return items_[head_]; }
    void push(const T& item) {
        items_[(head_ + size_) % kCapacity] = item;
        ++size_;
    }
    void pop() {
        head_ = (head_ + 1) % kCapacity;
        --size_;
    }

   private:
    std::array<T, kCapacity> items_{};
    int head_ = 0, size_ = 0;
};
