// What may be answered to a question about a request.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

#include "wsgi/answer.hpp"

namespace brine::wsgi {
namespace {

constexpr Call kQuestions[] = {Call::access, Call::password, Call::realm_hash, Call::groups,
                               Call::route};

Answer plain(Verdict verdict) {
  Answer answer;
  answer.verdict = verdict;
  return answer;
}

Answer text(std::string text, Part part = Part::process_group) {
  Answer answer = plain(Verdict::text);
  answer.texts[static_cast<std::size_t>(part)] = std::move(text);
  return answer;
}

bool may(Call call, const Answer& answer) { return wrong_answer(call, answer).empty(); }

TEST(Answer, EachQuestionHasItsVerdicts) {
  const auto expect = [](Call call, std::initializer_list<Verdict> verdicts) {
    for (const Verdict verdict : {Verdict::no, Verdict::yes, Verdict::none}) {
      const bool wanted = std::find(verdicts.begin(), verdicts.end(), verdict) != verdicts.end();
      EXPECT_EQ(may(call, plain(verdict)), wanted)
          << static_cast<int>(call) << " " << static_cast<int>(verdict);
    }
  };
  expect(Call::application, {});
  expect(Call::access, {Verdict::no, Verdict::yes, Verdict::none});
  expect(Call::password, {Verdict::no, Verdict::yes, Verdict::none});
  expect(Call::realm_hash, {Verdict::none});
  expect(Call::groups, {Verdict::no, Verdict::yes});
  expect(Call::route, {});
}

TEST(Answer, ATextIsForPasswordsAndRoutesAnyName) {
  EXPECT_TRUE(may(Call::password, text("anna@example")));
  EXPECT_TRUE(may(Call::password, text("j\xc3\xbcrgen")));
  EXPECT_TRUE(may(Call::password, text(std::string(kMostAnswerText, 'x'))));
  EXPECT_FALSE(may(Call::password, text("")));
  EXPECT_FALSE(may(Call::access, text("anna")));
  EXPECT_FALSE(may(Call::groups, text("staff")));
  for (const Call call : {Call::password, Call::route}) {
    EXPECT_FALSE(may(call, text(std::string(kMostAnswerText + 1, 'x'))));
    for (const char control : {'\0', '\n', '\r', '\t', '\x1f', '\x7f'}) {
      EXPECT_FALSE(may(call, text(std::string("a") + control))) << static_cast<int>(control);
    }
  }
}

TEST(Answer, AHashIsOfMd5) {
  EXPECT_TRUE(may(Call::realm_hash, text("0123456789abcdef0123456789abcdef")));
  EXPECT_FALSE(may(Call::realm_hash, text("0123456789ABCDEF0123456789ABCDEF")));
  EXPECT_FALSE(may(Call::realm_hash, text("0123456789abcdef0123456789abcde")));
  EXPECT_FALSE(may(Call::realm_hash, text("0123456789abcdef0123456789abcdef0")));
  EXPECT_FALSE(may(Call::realm_hash, text("")));
}

TEST(Answer, ARouteHasItsParts) {
  EXPECT_TRUE(may(Call::route, plain(Verdict::text)));
  EXPECT_TRUE(may(Call::route, text("", Part::process_group)));
  EXPECT_TRUE(may(Call::route, text("", Part::application_group)));
  EXPECT_FALSE(may(Call::route, text("", Part::callable)));
  EXPECT_TRUE(may(Call::route, text("application", Part::callable)));
}

TEST(Answer, OneTextAtMostElsewhere) {
  Answer beside = plain(Verdict::yes);
  beside.texts[0] = "anna";
  EXPECT_FALSE(may(Call::password, beside));
  Answer second = text("anna");
  second.texts[1] = "otto";
  EXPECT_FALSE(may(Call::password, second));
  EXPECT_FALSE(may(Call::password, text("anna", Part::callable)));
  EXPECT_FALSE(may(Call::password, plain(Verdict::text)));
}

TEST(Answer, EachQuestionSaysWhatItWants) {
  for (const Call call : kQuestions) EXPECT_FALSE(wanted_answer(call).empty());
}

}  // namespace
}  // namespace brine::wsgi
