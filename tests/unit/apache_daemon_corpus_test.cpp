#include "fuzz_corpus.hpp"

namespace brine::apache {
namespace {

TEST(DaemonOptionsCorpus, HoldsTheInvariants) {
  EXPECT_GT(testing::replay(BRINE_FUZZ_CORPUS), 10) << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::apache
