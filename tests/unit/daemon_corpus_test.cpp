#include <string>

#include "fuzz_corpus.hpp"

extern "C" {
brine::testing::FuzzTarget fuzz_daemon_answer;
brine::testing::FuzzTarget fuzz_daemon_frame;
brine::testing::FuzzTarget fuzz_daemon_handover;
brine::testing::FuzzTarget fuzz_daemon_packet;
brine::testing::FuzzTarget fuzz_daemon_slot;
}

namespace brine::daemon {
namespace {

struct Corpus {
  const char* name;
  testing::FuzzTarget* target;
  int least;  ///< so many files there are at least: else the corpus is not where it was
};

TEST(DaemonCorpus, HoldsTheInvariants) {
  constexpr Corpus kAll[] = {
      {"daemon_answer", fuzz_daemon_answer, 18},    {"daemon_frame", fuzz_daemon_frame, 10},
      {"daemon_handover", fuzz_daemon_handover, 5}, {"daemon_packet", fuzz_daemon_packet, 12},
      {"daemon_slot", fuzz_daemon_slot, 5},
  };
  for (const Corpus& corpus : kAll) {
    SCOPED_TRACE(corpus.name);
    EXPECT_GE(testing::replay(corpus.target, std::string(BRINE_FUZZ_CORPUS) + corpus.name),
              corpus.least);
  }
}

}  // namespace
}  // namespace brine::daemon
