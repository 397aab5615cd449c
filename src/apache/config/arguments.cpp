#include "apache/config/arguments.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "apache/config/daemon_options.hpp"
#include "apache/config/meant.hpp"
#include "apache/config/script_name.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

constexpr std::uint64_t kLargestBuffering = 1ULL << 40U;
constexpr std::int64_t kLongestSlowRequest = 86400000;  // ms
constexpr long kLongestSample = 1'000'000'000;          // dumps

template <class Value>
struct Choice {
  std::string_view word;
  Value value;
};

// Parses one of a few words, in any case.
template <class Value, std::size_t n>
Value choose(std::string_view text, const Choice<Value> (&choices)[n]) {
  std::string expected;
  for (const Choice<Value>& choice : choices) {
    if (same_word(text, choice.word)) {
      return choice.value;
    }
    const bool last = &choice == &choices[n - 1];
    expected.append(expected.empty() ? "" : last ? " or " : ", ").append(choice.word);
  }
  throw std::invalid_argument("must be " + expected + ", not " + base::in_quotes(text));
}

template <class Number>
bool is_number(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && !text.empty();
}

std::vector<std::string_view> option_names(AllowedOptions allowed) {
  std::vector<std::string_view> names;
  if (allowed.groups) names = {"process-group", "application-group"};
  if (allowed.callable) names.emplace_back("callable-object");
  if (allowed.pass_authorization) names.emplace_back("pass-authorization");
  if (allowed.script_name) names.emplace_back("name");
  return names;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

bool parse_flag(std::string_view text) {
  return choose<bool>(text, {{"On", true}, {"Off", false}});
}

wsgi::Reloading parse_script_reloading(std::string_view text) {
  using wsgi::Reloading;
  return choose<Reloading>(
      text,
      {{"On", Reloading::fresh_process}, {"Off", Reloading::off}, {"Rolling", Reloading::rolling}});
}

HeadMapping parse_head_mapping(std::string_view text) {
  return choose<HeadMapping>(
      text, {{"Auto", HeadMapping::automatic}, {"On", HeadMapping::on}, {"Off", HeadMapping::off}});
}

ChunkedRequest parse_chunked_request(std::string_view text) {
  return choose<ChunkedRequest>(text, {{"On", ChunkedRequest::on},
                                       {"Off", ChunkedRequest::off},
                                       {"Stream", ChunkedRequest::stream}});
}

std::int64_t parse_buffering(std::string_view text) {
  if (same_word(text, "Off")) {
    return 0;
  }
  try {
    const std::uint64_t size = parse_size(text);
    if (size <= kLargestBuffering) {
      return static_cast<std::int64_t>(size);
    }
  } catch (const std::invalid_argument&) {  // the message would not name Off
  }
  throw std::invalid_argument("must be Off or a size up to 1024G such as 512K, 10M or 1G, not " +
                              base::in_quotes(text));
}

std::string_view parse_header_name(std::string_view text) {
  if (same_word(text, "Off")) {
    return {};
  }
  const auto is_token = [](char c) {  // RFC 9110, 5.6.2
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_token)) {
    throw std::invalid_argument("must be Off or the name of a header field, not " +
                                base::in_quotes(text));
  }
  return text;
}

std::int64_t parse_slow_request(std::string_view text) {
  if (same_word(text, "Off")) {
    return 0;
  }
  try {
    const std::int64_t time = parse_duration(text).count();
    if (time >= 1 && time <= kLongestSlowRequest) {
      return time;
    }
  } catch (const std::invalid_argument&) {  // the message would not name Off
  }
  throw std::invalid_argument("must be Off or a time from 1ms to 86400s such as 500ms or 2s, not " +
                              base::in_quotes(text));
}

bool parse_log_format(std::string_view text) {
  return choose<bool>(text, {{"Text", false}, {"JSON", true}});
}

bool parse_keep_last_good(std::string_view text) {
  return choose<bool>(text, {{"Keep", true}, {"Fail", false}});
}

bool parse_registered(std::string_view text) {
  return choose<bool>(text, {{"Anonymous", false}, {"Registered", true}});
}

PickleGuard parse_pickle_guard(std::string_view text) {
  using pickle::Policy;
  Words words(text);
  const std::string_view policy = words.next_word();
  PickleGuard guard{choose<Policy>(policy, {{"Off", Policy::off},
                                            {"Report", Policy::report},
                                            {"Enforce", Policy::enforce},
                                            {"BuiltinOnly", Policy::builtin_only}})};
  while (!words.done()) {
    const auto [name, value] = words.next_option();
    if (name != "sample") {
      throw std::invalid_argument("has the unknown option " + base::in_quotes(name) +
                                  "; the only one is sample=");
    }
    long every = 0;
    if (!is_number(value, every) || every < 1 || every > kLongestSample) {
      throw std::invalid_argument("needs a whole number from 1 to " +
                                  std::to_string(kLongestSample) + " for sample=, not " +
                                  base::in_quotes(value));
    }
    if (guard.policy != Policy::report && guard.policy != Policy::enforce) {
      throw std::invalid_argument("takes sample= with Report or Enforce, not with " +
                                  std::string(pickle::policy_name(guard.policy)));
    }
    guard.sample = static_cast<std::uint32_t>(every);
  }
  return guard;
}

long parse_number(std::string_view text, long least, long most) {
  long number = 0;
  if (!is_number(text, number) || number < least || number > most) {
    throw std::invalid_argument("must be a whole number from " + std::to_string(least) + " to " +
                                std::to_string(most) + ", not " + base::in_quotes(text));
  }
  return number;
}

std::string parse_hash_seed(std::string_view text) {
  if (same_word(text, "random")) {
    return "random";
  }
  unsigned long seed = 0;
  if (!is_number(text, seed) || seed > 4294967295UL) {
    throw std::invalid_argument("must be 'random' or a number from 0 to 4294967295, not " +
                                base::in_quotes(text));
  }
  return std::to_string(seed);
}

std::string parse_python_version(std::string_view text) {
  const bool is_free_threaded = text.ends_with('t');
  const std::string_view number = text.substr(0, text.size() - (is_free_threaded ? 1 : 0));
  const std::size_t dot = number.find('.');
  unsigned major = 0;
  unsigned minor = 0;
  if (dot == std::string_view::npos || !is_number(number.substr(0, dot), major) ||
      !is_number(number.substr(dot + 1), minor)) {
    throw std::invalid_argument(
        "must be a Python version of the form 3.12, or 3.13t of a free-threaded build, not " +
        base::in_quotes(text));
  }
  return std::to_string(major) + "." + std::to_string(minor) + (is_free_threaded ? "t" : "");
}

std::vector<std::string> parse_path_list(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    if (!entry.empty()) {
      entries.emplace_back(entry);
    }
  }
  return entries;
}

std::string_view parse_group(std::string_view text) { return text == "%{GLOBAL}" ? "" : text; }

namespace {

// Sets the option; returns false if there is none of that name.
bool set_script_option(ScriptOptions& options, AllowedOptions allowed, std::string_view name,
                       std::string_view value) {
  if (allowed.groups && name == "process-group") {
    options.process_group = parse_group(value);
  } else if (allowed.groups && name == "application-group") {
    options.application_group = parse_group(value);
  } else if (allowed.callable && name == "callable-object") {
    options.callable = value;
  } else if (allowed.pass_authorization && name == "pass-authorization") {
    options.pass_authorization = parse_flag(value);
  } else if (allowed.script_name && name == "name") {
    options.script_name = parse_script_name(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

ScriptOptions parse_script_options(Words& words, AllowedOptions allowed) {
  ScriptOptions options;
  while (!words.done()) {
    const auto [name, value] = words.next_option();
    if (value.empty()) {
      throw std::invalid_argument("has an empty value for the option " + base::in_quotes(name));
    }
    bool is_known = false;
    try {
      is_known = set_script_option(options, allowed, name, value);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("has the option " + base::in_quotes(name) + ", which " +
                                  error.what());
    }
    if (!is_known) throw std::invalid_argument(unknown_option(name, option_names(allowed)));
  }
  return options;
}

}  // namespace brine::apache
