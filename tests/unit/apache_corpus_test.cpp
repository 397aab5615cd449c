#include <string>

#include "fuzz_corpus.hpp"

extern "C" {
brine::testing::FuzzTarget fuzz_daemon_options;
brine::testing::FuzzTarget fuzz_forwarded;
}

namespace brine::apache {
namespace {

TEST(DaemonOptionsCorpus, HoldsTheInvariants) {
  EXPECT_GT(testing::replay(fuzz_daemon_options, BRINE_FUZZ_CORPUS "daemon_options"), 10)
      << "the corpus is not where it was";
}

TEST(ForwardedCorpus, HoldsTheInvariants) {
  EXPECT_GE(testing::replay(fuzz_forwarded, BRINE_FUZZ_CORPUS "forwarded"), 8)
      << "the corpus is not where it was";
}

}  // namespace
}  // namespace brine::apache
