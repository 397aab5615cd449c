#include "fuzz_corpus.hpp"

extern "C" brine::testing::FuzzTarget LLVMFuzzerTestOneInput;

namespace brine::apache {
namespace {

TEST(DaemonOptionsCorpus, HoldsTheInvariants) {
  EXPECT_GT(testing::replay(LLVMFuzzerTestOneInput, BRINE_FUZZ_CORPUS), 10)
      << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::apache
