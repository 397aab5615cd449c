// A fuzz target over its kept corpus, in the ordinary build: a failed invariant ends the program.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace brine::testing {

/// A target's entry.
using FuzzTarget = int(const std::uint8_t* data, std::size_t size);

/// Gives each of the folder's files to a target; returns how many there are.
inline int replay(FuzzTarget* target, const std::string& corpus) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(corpus)) {
    SCOPED_TRACE(file.path().string());
    std::ifstream input(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(input), {}};
    EXPECT_EQ(target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0);
    ++files;
  }
  return files;
}

}  // namespace brine::testing
