// The frame codec: what is encoded comes back, and what is malformed is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "boundary/question.hpp"
#include "boundary/script_settings.hpp"
#include "daemon/shared/codec.hpp"
#include "daemon/shared/fields.hpp"
#include "daemon/shared/frame.hpp"
#include "other_script_settings.hpp"

namespace brine::daemon {
namespace {

using wsgi::Field;
using wsgi::Var;

struct Sample {
  std::vector<Field> headers = {{"Host", "example.org"}, {"X-Empty", ""}, {"X-Latin", "\xe9\xff"}};
  std::vector<Field> extra = {{"HTTPS", "on"}};
  wsgi::Head head;
  wsgi::Target target;

  Sample() {
    head.vars[static_cast<std::size_t>(Var::request_method)] = "POST";
    head.vars[static_cast<std::size_t>(Var::path_info)] = "";
    head.headers = headers;
    head.extra = extra;
    head.body_start = "the body";
    head.content_length = 8;
    head.body_complete = true;
    head.head_request = true;
    head.replacements = {true, false, true};
    head.request_start = 1.5;
    head.queue_start = 2.5;
    head.slow = {7, 8};
    target.script = "/srv/app.wsgi";
    target.callable = "application";
    target.application_group = "";
    target.resource = "/srv/resource";
    target.seen = {1, 2, 3, 4, 5, 6};
    target.settings.registered = true;
    target.group_named_by = wsgi::NamedBy::variable;
    target.question = {wsgi::Call::password, "anna", ""};
  }

  std::vector<char> encoded() const {
    std::vector<char> bytes;
    encode_request(head, target, bytes);
    bytes.insert(bytes.end(), head.body_start.begin(), head.body_start.end());
    return bytes;
  }
};

TEST(RequestFrame, EverythingComesBack) {
  const Sample sample;
  const std::vector<char> bytes = sample.encoded();
  RequestFrame frame;
  ASSERT_TRUE(decode_request(bytes, frame));
  for (std::size_t i = 0; i < wsgi::kVarCount; ++i) {
    EXPECT_EQ(frame.head.vars[i], sample.head.vars[i]);
    EXPECT_EQ(frame.head.vars[i].data() == nullptr, sample.head.vars[i].data() == nullptr) << i;
  }
  ASSERT_EQ(frame.head.headers.size(), sample.headers.size());
  for (std::size_t i = 0; i < sample.headers.size(); ++i) {
    EXPECT_EQ(frame.head.headers[i].name, sample.headers[i].name);
    EXPECT_EQ(frame.head.headers[i].value, sample.headers[i].value);
  }
  ASSERT_EQ(frame.head.extra.size(), 1U);
  EXPECT_EQ(frame.head.extra[0].value, "on");
  EXPECT_EQ(frame.head.body_start, "the body");
  EXPECT_EQ(frame.head.content_length, 8);
  EXPECT_TRUE(frame.head.body_complete);
  EXPECT_TRUE(frame.head.head_request);
  EXPECT_TRUE(frame.head.replacements.local_redirect);
  EXPECT_FALSE(frame.head.replacements.error_page);
  EXPECT_TRUE(frame.head.replacements.file);
  EXPECT_EQ(frame.head.request_start, 1.5);
  EXPECT_EQ(frame.head.queue_start, 2.5);
  EXPECT_EQ(frame.head.slow.end(), 15);
  EXPECT_EQ(frame.target.script, "/srv/app.wsgi");
  EXPECT_EQ(frame.target.script.data()[frame.target.script.size()], '\0');
  EXPECT_EQ(frame.target.resource, "/srv/resource");
  EXPECT_EQ(frame.target.seen.mtime_us, 4);
  EXPECT_EQ(frame.target.seen.ctime_us, 5);
  EXPECT_EQ(frame.target.seen.links, 6U);
  EXPECT_EQ(frame.target.seen.device, 1U);
  EXPECT_EQ(frame.target.settings, sample.target.settings);
  EXPECT_EQ(frame.target.group_named_by, wsgi::NamedBy::variable);
}

TEST(RequestFrame, CarriesTheQuestion) {
  const std::vector<char> bytes = Sample().encoded();
  RequestFrame frame;
  ASSERT_TRUE(decode_request(bytes, frame));
  EXPECT_EQ(frame.target.question.call, wsgi::Call::password);
  EXPECT_EQ(frame.target.question.subject, "anna");
  EXPECT_EQ(frame.target.question.detail, "");
  EXPECT_NE(frame.target.question.detail.data(), nullptr);
}

TEST(RequestFrame, IsRefusedWhereThereIsNoSuchQuestion) {
  Sample sample;
  sample.target.question.call = static_cast<wsgi::Call>(static_cast<int>(wsgi::Call::route) + 1);
  RequestFrame frame;
  EXPECT_FALSE(decode_request(sample.encoded(), frame));
}

TEST(AnswerFrame, ComesBack) {
  wsgi::Answer answer;
  answer.verdict = wsgi::Verdict::text;
  answer.texts[0] = "";
  answer.texts[2] = "other";
  const std::string bytes = encoded(answer);
  const auto back = decoded<wsgi::Answer>(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->verdict, wsgi::Verdict::text);
  EXPECT_EQ(back->texts[0], "");
  EXPECT_EQ(back->texts[1], std::nullopt);
  EXPECT_EQ(back->texts[2], "other");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decoded<wsgi::Answer>(bytes.substr(0, size))) << size;
  }
}

TEST(RequestFrame, CarriesEachSettingOfTheScript) {
  for (const wsgi::ScriptSettings& settings : wsgi::other_script_settings()) {
    Sample sample;
    sample.target.settings = settings;
    RequestFrame frame;
    ASSERT_TRUE(decode_request(sample.encoded(), frame));
    EXPECT_EQ(frame.target.settings, settings);
  }
}

TEST(RequestFrame, IsRefusedWhereASettingHasNoSuchValue) {
  Sample sample;
  sample.target.settings = {};
  const std::vector<char> bytes = sample.encoded();
  for (const wsgi::ScriptSettings& settings : wsgi::other_script_settings()) {
    if (settings.pickle_sample != 0) continue;  // each number is a value of it
    sample.target.settings = settings;
    std::vector<char> other = sample.encoded();
    // Where they differ, there the setting is.
    const auto at = std::mismatch(other.begin(), other.end(), bytes.begin()).first;
    ASSERT_NE(at, other.end());
    *at = '\xff';
    RequestFrame frame;
    EXPECT_FALSE(decode_request(other, frame));
  }
}

TEST(RequestFrame, EveryTruncationIsRefused) {
  const std::vector<char> bytes = Sample().encoded();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    RequestFrame frame;
    EXPECT_FALSE(decode_request({bytes.data(), size}, frame)) << size;
  }
}

TEST(RequestFrame, NoByteThatIsChangedLeadsOutOfTheFrame) {
  const std::vector<char> good = Sample().encoded();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::vector<char> bytes = good;
      bytes[at] = value;
      RequestFrame frame;
      if (!decode_request(bytes, frame)) continue;
      const auto inside = [&](std::string_view text) {
        return text.data() == nullptr || (text.data() >= bytes.data() &&
                                          text.data() + text.size() <= bytes.data() + bytes.size());
      };
      for (const std::string_view var : frame.head.vars) EXPECT_TRUE(inside(var));
      for (const Field& field : frame.fields) EXPECT_TRUE(inside(field.value));
      EXPECT_TRUE(inside(frame.target.script));
    }
  }
}

TEST(ResponseHead, ComesBack) {
  const std::vector<Field> headers = {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"X", ""}};
  std::vector<char> bytes;
  encode_head("299 Odd", headers, bytes);
  const std::size_t size = bytes.size();
  bytes.push_back('b');  // the body begins
  ASSERT_TRUE(head_extent(bytes));
  EXPECT_EQ(head_extent(bytes)->bytes, size);
  EXPECT_EQ(head_extent(bytes)->fields, headers.size());
  ResponseHead head;
  ASSERT_TRUE(decode_head(bytes, head));
  EXPECT_EQ(head.size, size);
  EXPECT_EQ(head.status_line, "299 Odd");
  ASSERT_EQ(head.headers.size(), 3U);
  EXPECT_EQ(head.headers[1].name, "Set-Cookie");
  EXPECT_EQ(head.headers[1].value, "b=2");
}

TEST(ResponseHead, EveryTruncationIsRefused) {
  const std::vector<Field> headers = {{"A", "b"}};
  std::vector<char> bytes;
  encode_head("200 OK", headers, bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ResponseHead head;
    EXPECT_FALSE(decode_head({bytes.data(), size}, head)) << size;
  }
  EXPECT_FALSE(head_extent({bytes.data(), 3}));
}

}  // namespace
}  // namespace brine::daemon
