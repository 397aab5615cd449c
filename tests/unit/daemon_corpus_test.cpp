// The fuzz target of frames over its kept corpus, in the ordinary build: a failed invariant ends
// the program.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace brine::daemon {
namespace {

TEST(DaemonFrameCorpus, HoldsTheInvariants) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(BRINE_FUZZ_CORPUS)) {
    SCOPED_TRACE(file.path().string());
    std::ifstream input(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(input), {}};
    EXPECT_EQ(
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
        0);
    ++files;
  }
  EXPECT_GT(files, 10) << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::daemon
