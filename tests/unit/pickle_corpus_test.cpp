#include "fuzz_corpus.hpp"

extern "C" brine::testing::FuzzTarget LLVMFuzzerTestOneInput;

namespace brine::pickle {
namespace {

TEST(PickleCorpus, HoldsTheInvariants) {
  EXPECT_GT(testing::replay(LLVMFuzzerTestOneInput, BRINE_FUZZ_CORPUS), 20)
      << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::pickle
