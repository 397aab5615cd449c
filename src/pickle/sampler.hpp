// Sampler chooses the dumps that are checked by a round trip. Does not use Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>

namespace brine::pickle {

/// The most bytes of a dump that is checked, since the comparison holds the interpreter.
inline constexpr std::size_t kLargestSample = 1 << 20;

/// Takes one of every N dumps, at a place among them that differs each time: of an application that
/// pickles a session and an entry of a cache in turn, both are taken by and by.
class Sampler {
 public:
  explicit Sampler(std::uint32_t seed) : random_(seed) {}

  /// Returns true for one in each `every` calls with that number; 0: for none.
  bool takes(std::uint32_t every) {
    if (every == 0) return false;
    Block& block = blocks_[every];
    if (block.left == 0) {
      block = {every, std::uniform_int_distribution<std::uint32_t>(1, every)(random_)};
    }
    return block.left-- == block.taken;
  }

 private:
  struct Block {
    std::uint32_t left = 0;   ///< dumps that are still to come
    std::uint32_t taken = 0;  ///< the value of `left` at which one is taken
  };

  std::minstd_rand random_;
  std::map<std::uint32_t, Block> blocks_;  // by N, of which a configuration has few
};

}  // namespace brine::pickle
