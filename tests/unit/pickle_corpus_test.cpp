#include "fuzz_corpus.hpp"

namespace brine::pickle {
namespace {

TEST(PickleCorpus, HoldsTheInvariants) {
  EXPECT_GT(testing::replay(BRINE_FUZZ_CORPUS), 20) << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::pickle
