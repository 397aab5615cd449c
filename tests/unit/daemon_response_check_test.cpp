// What a daemon process may send in answer to a request, as a table: sequences of frames.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/client/response_check.hpp"
#include "daemon/shared/log_budget.hpp"

namespace brine::daemon {
namespace {

using wsgi::Field;
using wsgi::Outcome;

constexpr base::Nanos kNow = 1000;

// A frame as it is described in a table, without its payload's bytes.
struct Sent {
  FrameKind kind;
  std::uint8_t flags = 0;
  std::uint32_t size = 0;  ///< of a body, also of the one behind a head
  std::uint16_t aux = 0;
  std::vector<Field> fields{};
  const char* line = "200 OK";
  FilePiece piece{};
};

Sent head(std::uint8_t flags = 0, std::uint32_t body = 0, std::vector<Field> fields = {}) {
  return {FrameKind::head, flags, body, 200, std::move(fields)};
}
Sent head_of(int status, const char* line, std::uint8_t flags = kEnd | kDone,
             std::uint32_t body = 0, std::vector<Field> fields = {}) {
  return {FrameKind::head,   flags, body, static_cast<std::uint16_t>(status),
          std::move(fields), line};
}
Sent with(Field field) { return head(kEnd | kDone, 5, {field}); }
Sent body(std::uint32_t size, std::uint8_t flags = 0) { return {FrameKind::body, flags, size}; }
Sent file(std::int64_t offset, std::int64_t length, std::uint8_t flags = 0) {
  return {FrameKind::file, flags, sizeof(FilePiece), 0, {}, "", {offset, length}};
}
Sent bare(FrameKind kind, std::uint8_t flags = 0) { return {kind, flags}; }
Sent done(Outcome outcome) { return {FrameKind::done, 0, 0, static_cast<std::uint16_t>(outcome)}; }
Sent record(std::uint32_t size, base::Level level = base::Level::error) {
  return {FrameKind::log, 0, size, static_cast<std::uint16_t>(level)};
}
Field length(const char* value) { return {"Content-Length", value}; }

std::string judge(ResponseCheck& check, const Sent& sent) {
  FrameHeader header{sent.size, sent.kind, sent.flags, sent.aux, 0};
  ResponseHead head{sent.line, sent.fields, 100};
  if (sent.kind == FrameKind::head) header.size += 100;
  if (std::string wrong = check.frame(header, kNow); !wrong.empty()) return wrong;
  if (sent.kind == FrameKind::head) return check.head(header, head);
  if (sent.kind == FrameKind::file) return check.file(header, sent.piece);
  return "";
}

struct Case {
  std::vector<Sent> frames;
  const char* wrong = "";  ///< a part of what is said of the last frame; empty: all is well
  Asked asked{};
};

void expect(const Case& each) {
  ResponseCheck check(each.asked);
  std::string wrong;
  for (std::size_t i = 0; i < each.frames.size(); ++i) {
    ASSERT_EQ(wrong, "") << "before frame " << i << " of the case '" << each.wrong << "'";
    wrong = judge(check, each.frames[i]);
  }
  if (*each.wrong == '\0') {
    EXPECT_EQ(wrong, "");
  } else {
    EXPECT_NE(wrong.find(each.wrong), std::string::npos)
        << "'" << wrong << "' where '" << each.wrong << "' was expected";
  }
}

Asked for_head() {
  Asked asked;
  asked.head_request = true;
  return asked;
}

TEST(ResponseCheck, WhatAnApplicationCanAnswerPasses) {
  Asked restart;
  restart.may_restart = true;
  Asked late;
  late.take_until = kNow;
  Asked page;
  page.replacements.error_page = true;
  const Case cases[] = {
      {{head(kEnd | kDone, 5)}},
      {{head(kEnd | kDone, 5, {length("5")})}},
      {{head(kEnd | kDone, 5, {length(" 5 ")})}},
      {{head_of(799, "799 Odder", kEnd | kDone, 3)}},
      {{head_of(299, "299")}},
      {{head(0, 5), body(3), record(10), body(2, kEnd), done(Outcome::completed)}},
      {{head(0, 0, {length("8")}), file(5, 8, kEnd), done(Outcome::completed)}},
      {{head(), file(0, 8), bare(FrameKind::abort), done(Outcome::failed_after_headers)}},
      {{head(0, 5, {length("9")}), bare(FrameKind::abort), done(Outcome::failed_after_headers)}},
      {{head(0, 5, {length("9")}), done(Outcome::client_aborted)}},
      {{head(0, 5), done(Outcome::timed_out)}},
      {{head(kEnd | kDone, 0, {length("4500")})}, "", for_head()},
      {{head_of(304, "304 Not Modified", kEnd | kDone, 0, {length("9")})}},
      {{head_of(204, "204 No Content", kEnd | kDone, 7)}},
      {{head_of(404, "404 Not Found", kEnd | kDone, 2, {length("9")})}, "", page},
      {{bare(FrameKind::want), head(0, 1), bare(FrameKind::want, kAll), body(0, kEnd),
        bare(FrameKind::want), done(Outcome::completed)}},
      {{done(Outcome::script_failed)}},
      {{done(Outcome::failed_before_headers)}},
      {{done(Outcome::failed_after_headers)}},
      {{record(16384, base::Level::debug), done(Outcome::restarting)}, "", restart},
      {{bare(FrameKind::refused)}, "", late},
  };
  for (const Case& each : cases) expect(each);
}

TEST(ResponseCheck, ABodyIsAsLongAsItSays) {
  const Case cases[] = {
      {{head(kEnd | kDone, 6, {length("5")})}, "6 bytes, where its Content-Length says 5"},
      {{head(kEnd | kDone, 4, {length("5")})}, "4 bytes, where its Content-Length says 5"},
      {{head(0, 5, {length("5")}), body(1)}, "6 bytes or more"},
      {{head(0, 5, {length("5")}), body(UINT32_MAX)}, "bytes or more"},
      {{head(0, 3, {length("5")}), body(1, kEnd)}, "4 bytes"},
      {{head(0, 0, {length("5")}), file(0, 6)}, "6 bytes or more"},
      {{head(0, 0, {length("5")}), file(0, 4, kEnd)}, "4 bytes"},
      {{head(0, 0, {length("5")}), file(0, 5, kEnd), body(1)}, "after the response's end"},
      {{head(kEnd | kDone, 6, {length("5")})}, "6 bytes", for_head()},
      {{head(kEnd | kDone, 0), body(1)}, "after the response's end"},
      {{head(0, 1), body(0)}, "without a byte"},
  };
  for (const Case& each : cases) expect(each);
}

TEST(ResponseCheck, HeadsAreThoseOfPep3333) {
  const Case cases[] = {
      {{head_of(100, "100 Continue")}, "1xx"},
      {{head_of(199, "199 Odd")}, "1xx"},
      {{head_of(99, "99 Odd")}, "3 digit integer"},
      {{head_of(200, "100 Continue")}, "1xx"},
      {{head_of(404, "200 OK")}, "the status 404 with the status line '200 OK'"},
      {{head_of(65535, "999 Odd")}, "the status 65535"},
      {{head_of(200, "200 OK\r\nX: y")}, "control character"},
      {{with({"Transfer-Encoding", "chunked"})}, "hop-by-hop"},
      {{with({"connection", "close"})}, "hop-by-hop"},
      {{with({"X", "a\nb"})}, "line feed"},
      {{with({"X", std::string_view("a\0b", 3)})}, "null character"},
      {{with({"X\r\nY", "a"})}, "control character in header name"},
      {{with({"", "a"})}, "empty"},
      {{with(length("-5"))}, "the Content-Length '-5'"},
      {{with(length("5, 5"))}, "the Content-Length '5, 5'"},
      {{head(kEnd | kDone, 5, {length("5"), {"content-length", "5"}})}, "second Content-Length"},
      {{head(), head()}, "a second head"},
      {{head(kDone)}, "before the end"},
  };
  for (const Case& each : cases) expect(each);
}

TEST(ResponseCheck, FramesComeInTheirOrder) {
  Asked restart;
  restart.may_restart = true;
  Asked late;
  late.take_until = kNow;
  Asked early;
  early.take_until = kNow + 1;
  const Case cases[] = {
      {{body(1)}, "before the head"},
      {{file(0, 1)}, "before the head"},
      {{bare(FrameKind::abort)}, "not on its way"},
      {{head(kEnd), bare(FrameKind::abort)}, "not on its way"},
      {{head(), bare(FrameKind::abort), body(1)}, "after the response's end"},
      {{head(0, 1), file(0, 1)}, "behind a part"},
      {{head(), file(0, 1), file(1, 1)}, "behind a part"},
      {{head(), file(0, 1), body(1)}, "behind a file"},
      {{head(), file(-1, 1)}, "a piece of a file from -1"},
      {{head(), file(1, INT64_MAX)}, "a piece of a file from 1"},
      {{done(Outcome::completed)}, "has not ended"},
      {{head(0, 1), done(Outcome::completed)}, "has not ended"},
      {{head(0, 1), bare(FrameKind::abort), done(Outcome::completed)}, "has not ended"},
      {{head(kEnd), done(Outcome::no_application)}, "without response, after a head"},
      {{done(Outcome::overfull)}, "not a process's to give"},
      {{done(Outcome::process_died)}, "not a process's to give"},
      {{Sent{FrameKind::done, 0, 0, 77}}, "unknown outcome"},
      {{done(Outcome::restarting)}, "nobody has offered"},
      {{bare(FrameKind::want), done(Outcome::restarting)}, "after the request was begun", restart},
      {{head(), done(Outcome::restarting)}, "after the request was begun", restart},
      {{bare(FrameKind::refused)}, "before its time"},
      {{bare(FrameKind::refused)}, "before its time", early},
      {{record(1), bare(FrameKind::refused)}, "begun with", late},
      {{record(16385)}, "with 16385 bytes"},
      {{Sent{FrameKind::log, 0, 1, 99}}, "no known level"},
      {{Sent{FrameKind::note, 0, 16385}}, "with 16385 bytes"},
      {{Sent{FrameKind::want, 0, 1}}, "with 1 bytes"},
      {{bare(FrameKind::done, kEnd)}, "flags"},
      {{bare(FrameKind::body, 0x80)}, "flags"},
      {{bare(FrameKind::request)}, "none of an answer"},
      {{bare(FrameKind::data)}, "none of an answer"},
      {{bare(static_cast<FrameKind>(200))}, "none of an answer"},
  };
  for (const Case& each : cases) expect(each);
}

TEST(ResponseCheck, AQuestionIsAnsweredAndARequestIsServed) {
  Asked question;
  question.call = wsgi::Call::access;
  for (const Sent& sent : {head(), bare(FrameKind::want), body(1), file(0, 1),
                           bare(FrameKind::abort), done(Outcome::completed)}) {
    ResponseCheck check(question);
    EXPECT_NE(judge(check, sent), "") << static_cast<int>(sent.kind);
  }
  const Sent answer{FrameKind::answer, 0, 4};
  const Sent lookup{FrameKind::lookup, 0, 5};
  const Sent facts{FrameKind::facts, 0, sizeof(wsgi::RunFacts)};
  for (const Sent& sent : {answer, lookup, facts, record(5), done(Outcome::script_failed)}) {
    ResponseCheck check(question);
    EXPECT_EQ(judge(check, sent), "") << static_cast<int>(sent.kind);
  }
  ResponseCheck served({});
  EXPECT_EQ(judge(served, lookup), "") << "an application may look up mod_ssl's variables too";
  EXPECT_NE(judge(served, answer), "");
  for (const Sent& sent :
       {Sent{FrameKind::answer, 0, kMostAnswerBytes + 1}, Sent{FrameKind::answer},
        Sent{FrameKind::lookup, 0, kMostNameBytes + 1}, Sent{FrameKind::lookup},
        Sent{FrameKind::facts, 0, sizeof(wsgi::RunFacts) - 1}, Sent{FrameKind::facts},
        Sent{FrameKind::value, 0, 1}, Sent{FrameKind::answer, kEnd, 4}}) {
    ResponseCheck check(question);
    EXPECT_NE(judge(check, sent), "") << static_cast<int>(sent.kind);
  }
}

TEST(ResponseCheck, AnAnswerFitsItsQuestion) {
  Asked question;
  question.call = wsgi::Call::access;
  wsgi::Answer answer;
  EXPECT_EQ(ResponseCheck(question).answer(answer), "");
  answer.texts[0] = "anna";
  EXPECT_NE(ResponseCheck(question).answer(answer), "");
}

TEST(ResponseCheck, NothingGoesOnForEver) {
  const auto allowed = [](ResponseCheck check, const Sent& sent) {
    int times = 0;
    while (judge(check, sent).empty() && times < 100000) ++times;
    return times;
  };
  EXPECT_EQ(allowed(ResponseCheck({}), {FrameKind::note, 0, 30}), 1000);
  Asked complete;
  complete.body_complete = true;
  EXPECT_EQ(allowed(ResponseCheck(complete), bare(FrameKind::want)), 16);
  EXPECT_EQ(allowed(ResponseCheck({}), bare(FrameKind::want)), 100000);
  Asked question;
  question.call = wsgi::Call::access;
  EXPECT_EQ(allowed(ResponseCheck(question), {FrameKind::lookup, 0, 9}), 1000);
  EXPECT_EQ(allowed(ResponseCheck({}), {FrameKind::lookup, 0, 9}), 1000);
  EXPECT_EQ(allowed(ResponseCheck({}), {FrameKind::facts, 0, sizeof(wsgi::RunFacts)}), 1);
  ResponseCheck read({});
  read.end_input();
  EXPECT_EQ(allowed(read, bare(FrameKind::want)), 16);
}

TEST(ResponseCheck, AHeadHasItsExtent) {
  const FrameHeader header{1 << 30, FrameKind::head, 0, 200, 0};
  EXPECT_EQ(ResponseCheck::extent(header, HeadExtent{kMostHeadBytes, kMostFields}), "");
  EXPECT_NE(ResponseCheck::extent(header, HeadExtent{kMostHeadBytes + 1, 1}), "");
  EXPECT_NE(ResponseCheck::extent(header, HeadExtent{100, kMostFields + 1}), "");
  EXPECT_NE(ResponseCheck::extent({99, FrameKind::head}, HeadExtent{100, 1}), "");
  EXPECT_NE(ResponseCheck::extent(header, std::nullopt), "");
}

TEST(ResponseCheck, IsOpenBetweenHeadAndEnd) {
  ResponseCheck check({});
  EXPECT_FALSE(check.is_open());
  EXPECT_EQ(judge(check, head()), "");
  EXPECT_TRUE(check.headed());
  EXPECT_TRUE(check.is_open());
  EXPECT_FALSE(check.declares_length());
  EXPECT_EQ(judge(check, body(0, kEnd)), "");
  EXPECT_FALSE(check.is_open());
}

TEST(LogBudget, AFloodIsBoundedAndCounted) {
  LogBudget budget;
  base::Nanos now = 100 * base::kSecond;
  std::uint64_t taken = 0;
  for (int i = 0; i < 10000; ++i) taken += budget.admit(now) ? 1 : 0;
  EXPECT_EQ(taken, LogBudget::kAtOnce);
  EXPECT_EQ(budget.take_left_out(now), 0U) << "the flood may go on";
  EXPECT_EQ(budget.take_left_out(now + base::kSecond), 10000 - taken);
  EXPECT_EQ(budget.take_left_out(now + base::kSecond), 0U);
  now += base::kSecond;
  taken = 0;
  for (int i = 0; i < 10000; ++i) taken += budget.admit(now) ? 1 : 0;
  EXPECT_EQ(taken, LogBudget::kPerSecond);
  EXPECT_EQ(budget.take_left_out(now, 0), 10000 - taken) << "at the end, whatever its age";
}

TEST(LogBudget, LargeRecordsCountAsSeveral) {
  LogBudget budget;
  std::uint64_t taken = 0;
  for (int i = 0; i < 10000; ++i) taken += budget.admit(base::kSecond, 16383) ? 1 : 0;
  EXPECT_EQ(taken, LogBudget::kAtOnce / 16);
}

}  // namespace
}  // namespace brine::daemon
