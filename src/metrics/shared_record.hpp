// SharedRecord and Ring keep small records in shared memory, where other processes read them while
// they may be changing. There is no lock: a reader that meets a change reads again, and a process
// that dies while it writes leaves a record that nobody reads.
#pragma once

#include <string.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace brine::metrics {

/// A text in a record, cut off where it has no room; a NUL follows a shorter one.
template <std::size_t size>
struct RecordText {
  std::array<char, size> bytes{};

  /// Sets it to the texts, one behind the other.
  void set(std::initializer_list<std::string_view> texts) noexcept {
    std::size_t used = 0;
    for (const std::string_view text : texts) {
      const std::size_t fits = std::min(text.size(), size - used);
      if (fits != 0) std::memcpy(bytes.data() + used, text.data(), fits);
      used += fits;
    }
    // A NUL in a text would end what is read; another control character is shown as one would be.
    std::replace(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(used), '\0', '\x01');
    if (used < size) bytes[used] = '\0';
  }
  void set(std::string_view text) noexcept { set({text}); }
  std::string_view view() const noexcept { return {bytes.data(), ::strnlen(bytes.data(), size)}; }
};

/// A record that one thread at a time writes. Its initial value is zero bytes, which is no record.
template <class Record>
class SharedRecord {
  using Word = std::uint64_t;
  static_assert(std::is_trivially_copyable_v<Record> && sizeof(Record) % sizeof(Word) == 0);
  static constexpr std::size_t kWords = sizeof(Record) / sizeof(Word);
  static constexpr int kAttempts = 8;

 public:
  /// Writes the record as its `version`-th, which is larger than that of any before.
  void write(const Record& record, std::uint64_t version) noexcept {
    std::array<Word, kWords> words;
    std::memcpy(words.data(), &record, sizeof(Record));
    version_.store(2 * version - 1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
    version_.store(2 * version, std::memory_order_release);
  }

  /// Returns the record, or nothing if there is none, or none that is complete.
  std::optional<Record> read() const noexcept {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const std::uint64_t before = version_.load(std::memory_order_acquire);
      if (before == 0) return std::nullopt;
      std::array<Word, kWords> words;
      for (std::size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_acquire);
      if (before % 2 != 0 || version_.load(std::memory_order_relaxed) != before) continue;
      Record record;
      std::memcpy(static_cast<void*>(&record), words.data(), sizeof(Record));
      return record;
    }
    return std::nullopt;
  }

 private:
  std::atomic<std::uint64_t> version_;  ///< twice the version's number; odd while it is written
  std::array<std::atomic<Word>, kWords> words_;
};

/// The last records of a kind, which any number of processes add to.
template <class Record, std::size_t size>
class Ring {
 public:
  void add(const Record& record) noexcept {
    const std::uint64_t number = added_.fetch_add(1, std::memory_order_relaxed);
    records_[number % size].write(record, number + 1);
  }

  /// Returns the records, the newest first.
  std::vector<Record> read() const {
    std::vector<Record> result;
    const std::uint64_t end = added_.load(std::memory_order_acquire);
    for (std::uint64_t i = 0; i < size && i < end; ++i) {
      if (const auto record = records_[(end - 1 - i) % size].read()) result.push_back(*record);
    }
    return result;
  }

 private:
  std::atomic<std::uint64_t> added_;
  std::array<SharedRecord<Record>, size> records_;
};

}  // namespace brine::metrics
