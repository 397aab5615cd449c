#include "fuzz_corpus.hpp"

namespace brine::daemon {
namespace {

TEST(DaemonFrameCorpus, HoldsTheInvariants) {
  EXPECT_GT(testing::replay(BRINE_FUZZ_CORPUS), 10) << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::daemon
