#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "apache/config/note_names.hpp"
#include "apache/request/request_id_text.hpp"
#include "base/request_text.hpp"

namespace brine::apache {
namespace {

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

std::string parent(std::string_view version, std::string_view trace, std::string_view rest) {
  return std::string(version) + "-" + std::string(trace) + "-" + std::string(rest);
}

TEST(RequestId, IsAWordOfFewCharacters) {
  EXPECT_EQ(request_id_in("X-Request-Id", "a-B_9.:/+=@~"), "a-B_9.:/+=@~");
  EXPECT_EQ(request_id_in("X-Request-Id", std::string(64, 'x')).size(), 64U);
  for (const std::string_view bad :
       {"", " ", "a b", "a,b", "a\"", "a'", "a\\n", "a\n", "a)", "a]", "<a>", "a;", "\xc3\xa9"}) {
    EXPECT_EQ(request_id_in("X-Request-Id", bad), "") << bad;
  }
  EXPECT_EQ(request_id_in("X-Request-Id", std::string(65, 'x')), "");
}

TEST(RequestId, OfATraceparentIsItsTrace) {
  EXPECT_EQ(request_id_in("Traceparent", parent("00", kTrace, "00f067aa0ba902b7-01")), kTrace);
  EXPECT_EQ(request_id_in("traceparent", parent("cc", kTrace, "00f067aa0ba902b7-01-more")), kTrace);
  for (const std::string& bad :
       {std::string(), parent("00", kTrace, "00f067aa0ba902b7-0"),
        parent("00", kTrace, "00f067aa0ba902b7-01-more"),
        parent("cc", kTrace, "00f067aa0ba902b7-01more"),
        parent("ff", kTrace, "00f067aa0ba902b7-01"),
        parent("00", std::string(32, '0'), "00f067aa0ba902b7-01"),
        parent("00", kTrace, "0000000000000000-01"), parent("00", kTrace, "00F067aa0ba902b7-01"),
        parent("00", kTrace, "00f067aa0ba902b7-0x"), parent("0x", kTrace, "00f067aa0ba902b7-01"),
        std::string(55, '-')}) {
    EXPECT_EQ(request_id_in("traceparent", bad), "") << bad;
  }
}

TEST(LogNotes, AreFoundWhereverADirectiveNamesOne) {
  EXPECT_TRUE(names_log_note("\"%h %{brine-queue}n\" notes"));
  EXPECT_TRUE(names_log_note("%{Brine-Script}n"));
  EXPECT_TRUE(names_log_note("brine-pid"));
  EXPECT_FALSE(names_log_note(""));
  EXPECT_FALSE(names_log_note("%{brine}n brine-statu"));
  EXPECT_FALSE(names_log_note("/brine-status b"));
}

TEST(SlowRequest, IsDescribedWithItsTimes) {
  base::SlowRequest slow{base::request_name("GET /a", "q7")};
  slow.begun = 10 * base::kSecond;
  slow.limit = 2 * base::kSecond;
  slow.now = 12 * base::kSecond;
  EXPECT_EQ(base::describe(slow),
            "BRINE0418: slow request 'GET /a' (id q7): 2.0 s so far, the application has not been "
            "called; WSGISlowRequest allows 2000 ms");
  slow.called = 10'500 * base::kMillisecond;
  slow.stack = "  File";
  EXPECT_EQ(base::describe(slow),
            "BRINE0418: slow request 'GET /a' (id q7): 2.0 s so far, 0.5 s of it until the "
            "application was called; WSGISlowRequest allows 2000 ms; it is at\n  File");
  slow.ended = true;
  EXPECT_TRUE(
      base::describe(slow).ends_with("allows 2000 ms; it ended before its stack was looked at"));
  EXPECT_EQ(base::request_name("GET /a", ""), "'GET /a'");
}

}  // namespace
}  // namespace brine::apache
