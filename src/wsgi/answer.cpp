#include "wsgi/answer.hpp"

#include <algorithm>
#include <optional>

namespace brine::wsgi {

namespace {

// The length of AuthDigestProvider's hash: MD5 in hexadecimal digits.
constexpr std::size_t kHashDigits = 32;

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Returns what is wrong with a text, which becomes a user's name, in logs and headers, or a group's
// name.
std::string wrong_text(std::string_view text, bool may_be_empty) {
  if ((text.empty() && !may_be_empty) || text.size() > kMostAnswerText) {
    return "a text of " + std::to_string(text.size()) + " bytes";
  }
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  return has_control ? "a text with a control character in it" : "";
}

std::string wrong_route(const Answer& answer) {
  for (std::size_t part = 0; part < kParts; ++part) {
    const std::optional<std::string>& text = answer.texts[part];
    if (!text) continue;
    if (std::string wrong = wrong_part(static_cast<Part>(part), *text); !wrong.empty()) {
      return wrong;
    }
  }
  return "";
}

bool may_be(Call call, Verdict verdict) {
  switch (call) {
    case Call::application:
      break;
    case Call::access:
      return verdict != Verdict::text;
    case Call::password:
      return true;
    case Call::realm_hash:
      return verdict == Verdict::none || verdict == Verdict::text;
    case Call::groups:
      return verdict == Verdict::no || verdict == Verdict::yes;
    case Call::route:
      return verdict == Verdict::text;
  }
  return false;
}

}  // namespace

std::string wrong_part(Part part, std::string_view text) {
  return wrong_text(text, part != Part::callable);
}

std::string wrong_answer(Call call, const Answer& answer) {
  if (!may_be(call, answer.verdict)) return "a value of another kind";
  if (call == Call::route) return wrong_route(answer);
  const auto given =
      std::count_if(std::begin(answer.texts), std::end(answer.texts),
                    [](const std::optional<std::string>& text) { return text.has_value(); });
  if (answer.verdict != Verdict::text) return given == 0 ? "" : "a text beside the answer";
  if (given != 1 || !answer.texts[0]) return "not one text";
  const std::string& text = *answer.texts[0];
  if (call == Call::realm_hash) return is_hash(text) ? "" : "a text that is no such hash";
  return wrong_text(text, false);
}

std::string_view wanted_answer(Call call) noexcept {
  switch (call) {
    case Call::application:
      break;
    case Call::access:
      return "True, False or None";
    case Call::password:
      return "True, False, None, or a str that is the user's name from then on";
    case Call::realm_hash:
      return "None, or the MD5 of 'user:realm:password' as 32 hexadecimal digits in lower case";
    case Call::groups:
      return "an iterable of str or bytes";
    case Call::route:
      return "None, or a name as str or bytes";
  }
  return "";
}

}  // namespace brine::wsgi
