#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "apache/log_json.hpp"
#include "base/json_text.hpp"

namespace brine::apache {
namespace {

using base::json_text;
using Lines = std::vector<std::string>;

std::string after_tid(const std::string& line) { return line.substr(line.find("\"server\"")); }

TEST(JsonText, IsPrintableAscii) {
  EXPECT_EQ(json_text("plain"), R"("plain")");
  EXPECT_EQ(json_text("\"\\\n\r\x1b\x7f"), R"("\"\\\n\u000d\u001b\u007f")");
  EXPECT_EQ(json_text(std::string_view("\0", 1)), R"("\u0000")");
  EXPECT_EQ(json_text("\u00e9\u2028\u202e"), R"("\u00e9\u2028\u202e")");
  EXPECT_EQ(json_text("\U0001f600"), R"("\ud83d\ude00")");
}

TEST(JsonText, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(json_text("a\xff z"), R"("a\ufffd z")");
  EXPECT_EQ(json_text("\xc3"), R"("\ufffd")");                      // cut off
  EXPECT_EQ(json_text("\xc0\xaf"), R"("\ufffd\ufffd")");            // too long a form of "/"
  EXPECT_EQ(json_text("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");  // a surrogate
  EXPECT_EQ(json_text("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json_text("\xe2\x28\xa1"), R"("\ufffd(\ufffd")");
}

TEST(JsonLines, HaveTheMembersThatAreKnown) {
  LogContext context;
  context.time = 1700000000000123;
  context.level = base::Level::error;
  context.pid = 7;
  context.tid = 8;
  EXPECT_EQ(json_lines(context, "one\ntwo\n"),
            Lines{R"({"time":"2023-11-14T22:13:20.000123Z","level":"ERROR","pid":7,"tid":8,)"
                  R"("message":"one\ntwo"})"
                  "\n"});
  context.server = "shop.example";
  context.request_id = "q7";
  context.client = "::1";
  context.method = "GET";
  context.path = "/\"";
  EXPECT_EQ(after_tid(json_lines(context, "BRINE0401: KeyError")[0]),
            R"("server":"shop.example","request_id":"q7","client":"::1","method":"GET",)"
            R"("path":"/\"","code":"BRINE0401","message":"KeyError"})"
            "\n");
}

TEST(JsonLines, HavePythonsLevels) {
  const auto level = [](base::Level level) {
    LogContext context;
    context.level = level;
    const std::string line = json_lines(context, "x")[0];
    const std::size_t at = line.find("\"level\":\"") + 9;
    return line.substr(at, line.find('"', at) - at);
  };
  EXPECT_EQ(level(base::Level::critical), "CRITICAL");
  EXPECT_EQ(level(base::Level::error), "ERROR");
  EXPECT_EQ(level(base::Level::warning), "WARNING");
  EXPECT_EQ(level(base::Level::notice), "INFO");
  EXPECT_EQ(level(base::Level::info), "INFO");
  EXPECT_EQ(level(base::Level::debug), "DEBUG");
}

TEST(JsonLines, OfALongTextAreParts) {
  const Lines lines = json_lines({}, "abcdefgh\n", 3);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_NE(lines[0].find(R"("part":1,"parts":3,"message":"abc"})"), std::string::npos);
  EXPECT_NE(lines[2].find(R"("part":3,"parts":3,"message":"gh"})"), std::string::npos);
  EXPECT_EQ(json_lines({}, "\n\n", 3).size(), 1U);  // an escape is never divided: \n and no more
  for (const std::string& line : json_lines({}, "\"\"\"\"", 3)) {
    EXPECT_NE(line.find(R"("message":"\"")"), std::string::npos) << line;
  }
}

TEST(JsonLines, CutWhatAClientMakesLong) {
  LogContext context;
  const std::string path(100000, '/');
  context.path = path;
  EXPECT_LT(json_lines(context, "x")[0].size(), 1000U);
}

// Whatever the bytes are, a line is one line of printable ASCII, with balanced quotes.
TEST(JsonLines, OfAnyBytesAreLines) {
  std::mt19937 random(17);
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 300, '\0');
    for (char& c : text) c = static_cast<char>(random());
    LogContext context;
    context.path = text;
    for (const std::string& line : json_lines(context, text, 50)) {
      ASSERT_EQ(line.find('\n'), line.size() - 1);
      bool inside = false;
      for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        ASSERT_TRUE(line[i] >= 0x20 && line[i] < 0x7f);
        if (line[i] == '\\') {
          ++i;
        } else if (line[i] == '"') {
          inside = !inside;
        }
      }
      ASSERT_FALSE(inside);
    }
  }
}

}  // namespace
}  // namespace brine::apache
