#include "apache/config/daemon_options.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <climits>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "apache/config/arguments.hpp"
#include "apache/config/meant.hpp"
#include "apache/config/options.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

using daemon::Duration;
using daemon::Group;
using daemon::Limits;

constexpr double kLongest = 2147483647.0 * 1000;             // ms
constexpr std::uint64_t kLargestSocketBuffer = 1ULL << 30U;  // an int of setsockopt()

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// --- parsers: each throws a clause that follows "the option '...', which" ------------------------

double milliseconds(std::string_view text, double bare) {
  struct Unit {
    std::string_view name;
    double factor;
  };
  // httpd's own times have mi for minutes, and so have ours.
  const Unit units[] = {{"", bare},    {"ms", 1},      {"s", 1000},   {"m", 60000},
                        {"mi", 60000}, {"min", 60000}, {"h", 3600000}};
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  // Without a sign and a name such as "inf"; an exponent and a bare point are as in C.
  const bool is_number =
      error == std::errc() && !text.empty() && (is_digit(text.front()) || text.front() == '.');
  if (is_number) {
    const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
    for (const Unit& unit : units) {
      if (same_word(rest, unit.name) && number * unit.factor <= kLongest) {
        return number * unit.factor;
      }
    }
  }
  throw std::invalid_argument(
      "must be a duration such as 30s, 500ms, 1.5s, 5m or 1h (a bare number counts " +
      std::string(bare == 1 ? "milliseconds" : "seconds") + "), not " + base::in_quotes(text));
}

Duration bare_seconds(std::string_view text) { return parse_duration(text); }

Duration bare_milliseconds(std::string_view text) {
  return parse_duration(text, std::chrono::milliseconds(1));
}

// RLIMIT_CPU counts whole seconds.
std::uint64_t whole_seconds(std::string_view text) {
  return static_cast<std::uint64_t>(
      std::chrono::ceil<std::chrono::seconds>(parse_duration(text)).count());
}

template <long least, long most>
int whole_number(std::string_view text) {
  return static_cast<int>(parse_number(text, least, most));
}

std::uint64_t parse_count(std::string_view text) {
  return static_cast<std::uint64_t>(parse_number(text, 0, INT_MAX));
}

// Parses a buffer's size; 0 stands for the system's choice.
template <std::uint64_t least, std::uint64_t most>
std::uint64_t size_or_none(std::string_view text) {
  const std::uint64_t size = parse_size(text);
  if (size != 0 && (size < least || size > most)) {
    throw std::invalid_argument("must be 0 or a size from " + std::to_string(least) + " to " +
                                std::to_string(most) + " bytes, not " + base::in_quotes(text));
  }
  return size;
}

// Python itself needs a part of the stack.
std::uint64_t stack_size(std::string_view text) {
  const std::uint64_t size = parse_size(text);
  if (size < (1ULL << 16U) || size > (1ULL << 40U)) {
    throw std::invalid_argument("must be a size of 64K at least, not " + base::in_quotes(text));
  }
  return size;
}

mode_t octal(std::string_view text) {
  unsigned mode = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, mode, 8);
  if (error != std::errc() || stop != end || mode > 0777) {
    throw std::invalid_argument("must be an octal number from 0 to 0777, not " +
                                base::in_quotes(text));
  }
  return static_cast<mode_t>(mode);
}

std::string text(std::string_view text) { return std::string(text); }

std::string absolute_path(std::string_view path) {
  if (path.front() != '/') {
    throw std::invalid_argument("must be an absolute path, not " + base::in_quotes(path));
  }
  return std::string(path);
}

// Parses a directory that paths are compared with: its name is normalised, without a slash at its
// end.
std::string root_folder(std::string_view path) {
  std::string root = std::filesystem::path(absolute_path(path)).lexically_normal();
  if (root.size() > 1 && root.ends_with('/')) {
    root.pop_back();
  }
  return root;
}

std::string name_or_id(std::string_view name) {
  if (name.empty()) {
    throw std::invalid_argument("must not hold an empty name");
  }
  if (name.front() == '#') {
    std::uint32_t id = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + 1, end, id);
    if (error != std::errc() || stop != end || id == UINT32_MAX) {
      throw std::invalid_argument("must be a name or #number, not " + base::in_quotes(name));
    }
  }
  return std::string(name);
}

// Parses names separated by commas. Empty names are skipped, as by mod_wsgi, but a list of only
// these is refused.
std::optional<std::vector<std::string>> names_or_ids(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    if (!name.empty()) names.push_back(name_or_id(name));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
  }
  if (names.empty()) return std::nullopt;
  return names;
}

// Parses URL paths separated by commas. A query may follow a path.
std::vector<std::string> url_paths(std::string_view list) {
  std::vector<std::string> urls;
  for (bool more = true; more;) {
    const std::string_view url = list.substr(0, list.find(','));
    more = url.size() < list.size();
    list.remove_prefix(std::min(url.size() + 1, list.size()));
    const bool is_plain = std::all_of(url.begin(), url.end(),
                                      [](char c) { return c > ' ' && c != '\x7f' && c != '#'; });
    if (url.empty() || url.front() != '/' || !is_plain) {
      throw std::invalid_argument(
          "must name paths such as /login/, or several with commas between them; all other signs "
          "that a URL may not hold are written as %20 is, not " +
          base::in_quotes(url));
    }
    urls.emplace_back(url);
  }
  return urls;
}

Duration some_time(std::string_view text) {
  const Duration duration = parse_duration(text);
  if (duration.count() == 0) {
    throw std::invalid_argument("must not be 0: a process waits for it before it serves");
  }
  return duration;
}

// --- the table -----------------------------------------------------------------------------------

using Set = void(DaemonOptions&, std::string_view);

template <auto member, auto parse>
void in_options(DaemonOptions& options, std::string_view text) {
  options.*member = parse(text);
}

template <auto member, auto parse>
void in_group(DaemonOptions& options, std::string_view text) {
  options.group.*member = parse(text);
}

template <auto member, auto parse = &bare_seconds>
void in_limits(DaemonOptions& options, std::string_view text) {
  options.group.limits.*member = parse(text);
}

// The time that is named bounds all of a request's waiting. Where none is, imports may take as long
// as mod_wsgi lets them, which is socket-timeout.
void connect_timeout(DaemonOptions& options, std::string_view text) {
  options.group.limits.connect_timeout = bare_seconds(text);
  options.group.limits.loading_counts = true;
}

template <auto parse>
void nowhere(DaemonOptions&, std::string_view text) {
  parse(text);
}

// Parses NUMBER or MIN-MAX.
void processes(DaemonOptions& options, std::string_view text) {
  constexpr long kMost = 10000;
  Group& group = options.group;
  const std::size_t dash = text.find('-');
  if (dash == 0 || dash == std::string_view::npos) {
    group.processes = group.least_processes = whole_number<1, kMost>(text);
  } else {
    group.least_processes = whole_number<1, kMost>(text.substr(0, dash));
    group.processes = whole_number<1, kMost>(text.substr(dash + 1));
    if (group.processes < group.least_processes) {
      throw std::invalid_argument("must not end with less than it begins with, as " +
                                  base::in_quotes(text) + " does");
    }
  }
  options.group.multiprocess = true;  // as in mod_wsgi, also for processes=1
}

// The way in which an option is taken. As in mod_wsgi, some may be given without a value and then
// count as left out, since templates and variables that are not set make such lines.
enum class Kind {
  has_value,
  may_be_empty,
  ignored,  ///< no effect, and no site depends on it
  missed,   ///< no effect, although a site may have relied on it
  missed_if_on,
  missed_if_not_zero,
  missed_may_be_empty,
};

struct Option {
  std::string_view name;
  Set* set;
  Kind kind = Kind::has_value;
  std::string_view missed = {};  ///< the missing feature, and what to do
};

constexpr Option kOptions[] = {
    {"processes", &processes},
    {"threads", &in_group<&Group::threads, &whole_number<0, 65533>>},
    {"interpreters", &in_group<&Group::interpreters, &whole_number<1, 1000>>},
    {"preload", &in_group<&Group::preload, &parse_flag>},
    {"warm-up", &in_options<&DaemonOptions::warm_up, &url_paths>},
    {"user", &in_options<&DaemonOptions::user, &name_or_id>},
    {"group", &in_options<&DaemonOptions::user_group, &name_or_id>},
    {"supplementary-groups", &in_options<&DaemonOptions::supplementary_groups, &names_or_ids>,
     Kind::may_be_empty},
    {"umask", &in_group<&Group::umask, &octal>},
    {"chroot", &in_group<&Group::chroot, &root_folder>},
    {"home", &in_group<&Group::home, &absolute_path>},
    {"lang", &in_group<&Group::lang, &text>, Kind::may_be_empty},
    {"locale", &in_group<&Group::locale, &text>, Kind::may_be_empty},
    {"display-name", &in_group<&Group::display_name, &text>, Kind::may_be_empty},
    {"cpu-priority", &in_group<&Group::cpu_priority, &whole_number<-20, 19>>},
    {"stack-size", &in_group<&Group::stack_size, &stack_size>},
    {"send-buffer-size",
     &in_group<&Group::send_buffer_size, &size_or_none<512, kLargestSocketBuffer>>},
    {"receive-buffer-size",
     &in_group<&Group::receive_buffer_size, &size_or_none<512, kLargestSocketBuffer>>},

    {"python", &in_group<&Group::python, &parse_python_version>},
    {"python-home", &in_options<&DaemonOptions::python_home, &text>, Kind::may_be_empty},
    {"python-path", &in_group<&Group::python_path, &parse_path_list>, Kind::may_be_empty},
    {"python-eggs", &in_group<&Group::python_eggs, &text>, Kind::may_be_empty},
    {"switch-interval", &in_group<&Group::switch_interval, &parse_switch_interval>},
    {"script-user", &in_options<&DaemonOptions::script_user, &name_or_id>},
    {"script-group", &in_options<&DaemonOptions::script_group, &name_or_id>},

    {"startup-timeout", &in_limits<&Limits::startup_timeout>},
    {"shutdown-timeout", &in_limits<&Limits::shutdown_timeout>},
    {"graceful-timeout", &in_limits<&Limits::graceful_timeout>},
    {"eviction-timeout", &in_limits<&Limits::eviction_timeout>},
    {"deadlock-timeout", &in_limits<&Limits::deadlock_timeout>},
    {"inactivity-timeout", &in_limits<&Limits::inactivity_timeout>},
    {"request-timeout", &in_limits<&Limits::request_timeout>},
    {"interrupt-timeout", &in_limits<&Limits::interrupt_timeout>},
    {"restart-interval", &in_limits<&Limits::restart_interval>},
    {"restart-interval-jitter", &in_limits<&Limits::restart_interval_jitter>},
    {"connect-timeout", &connect_timeout},
    {"socket-timeout", &in_limits<&Limits::socket_timeout>},
    {"queue-timeout", &in_limits<&Limits::queue_timeout>},
    {"processes-idle", &in_limits<&Limits::processes_idle>},
    {"preload-idle", &in_limits<&Limits::preload_idle>},
    {"warm-up-timeout", &in_limits<&Limits::warm_up_timeout, &some_time>},
    {"maximum-requests", &in_limits<&Limits::maximum_requests, &parse_count>},
    {"maximum-requests-jitter", &in_limits<&Limits::maximum_requests_jitter, &parse_count>},
    {"listen-backlog", &in_limits<&Limits::listen_backlog, &whole_number<0, INT_MAX>>},
    {"memory-recycle", &in_limits<&Limits::memory_recycle, &parse_size>},
    {"memory-recycle-jitter", &in_limits<&Limits::memory_recycle_jitter, &parse_size>},
    {"cpu-time-limit", &in_limits<&Limits::cpu_time_limit, &whole_seconds>},
    {"memory-limit", &in_limits<&Limits::memory_limit, &parse_size>},
    {"virtual-memory-limit", &in_limits<&Limits::virtual_memory, &parse_size>},

    {"socket-user", &nowhere<&name_or_id>, Kind::missed,
     "daemon processes have no socket file that could belong to a user; whoever httpd's processes "
     "run as reaches them"},
    {"header-buffer-size", &nowhere<&size_or_none<8192, kLargestSocketBuffer>>,
     Kind::missed_if_not_zero,
     "a header field of a response may be as long as all of them, which is 16 MiB"},
    {"response-buffer-size", &nowhere<&size_or_none<65536, kLargestSocketBuffer>>,
     Kind::missed_if_not_zero,
     "what has come of a response is passed on at once; WSGIResponseBuffering takes a response "
     "from the application without waiting for the client"},
    {"response-flush-delay", &nowhere<&bare_milliseconds>, Kind::ignored},
    {"response-socket-timeout", &nowhere<&bare_seconds>, Kind::missed_if_not_zero,
     "clients that do not take their response are cut off after httpd's Timeout"},
    {"server-metrics", &nowhere<&parse_flag>, Kind::missed_if_on, kNoMetrics},
    {"newrelic-config-file", &nowhere<&text>, Kind::missed_may_be_empty, kNoAgent},
    {"newrelic-environment", &nowhere<&text>, Kind::missed_may_be_empty, kNoAgent},
};

const Option& find_option(std::string_view name) {
  const auto* option = std::find_if(std::begin(kOptions), std::end(kOptions),
                                    [&](const Option& option) { return option.name == name; });
  if (option == std::end(kOptions)) {
    std::vector<std::string_view> names;
    std::transform(std::begin(kOptions), std::end(kOptions), std::back_inserter(names),
                   [](const Option& each) { return each.name; });
    throw std::invalid_argument(unknown_option(name, names));
  }
  return *option;
}

void note_effect(DaemonOptions& options, const Option& option, std::string_view text) {
  const bool takes_effect = option.kind == Kind::has_value || option.kind == Kind::may_be_empty;
  const bool as_by_default = option.kind == Kind::ignored ||
                             (option.kind == Kind::missed_if_on && !parse_flag(text)) ||
                             (option.kind == Kind::missed_if_not_zero &&
                              text.find_first_of("123456789") == std::string_view::npos);
  if (!takes_effect) {
    options.without_effect.push_back(
        {option.name, as_by_default ? std::string_view() : option.missed});
  }
}

void set_option(DaemonOptions& options, std::string_view name, std::string_view text) {
  const Option& option = find_option(name);
  if (text.empty()) {
    if (option.kind == Kind::may_be_empty || option.kind == Kind::missed_may_be_empty) {
      return;
    }
    throw std::invalid_argument("has an empty value for the option " + base::in_quotes(name));
  }
  const auto [before, is_new] = options.given.emplace(name, text);
  if (!is_new) {
    if (before->second != text) {
      throw std::invalid_argument("has the option " + base::in_quotes(name) + " twice, as " +
                                  base::in_quotes(before->second) + " and as " +
                                  base::in_quotes(text));
    }
    return;
  }
  try {
    option.set(options, text);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("has the option " + base::in_quotes(name) + ", which " +
                                error.what());
  }
  note_effect(options, option, text);
}

std::string group_name(Words& words) {
  if (words.done()) {
    throw std::invalid_argument("needs the name of the group that it defines");
  }
  const std::string_view name = words.next_word();
  if (name.empty()) {
    throw std::invalid_argument("needs a name that is not empty");
  }
  if (name.find('=') != std::string_view::npos) {
    throw std::invalid_argument("needs the group's name before the options, not " +
                                base::in_quotes(name));
  }
  if (name.find("%{") != std::string_view::npos) {
    throw std::invalid_argument("needs a plain name: " + base::in_quotes(name) +
                                " holds an expansion, which only requests have");
  }
  return std::string(name);
}

// Expands %{GROUP} in the name that process lists show.
void expand_display_name(Group& group) {
  constexpr std::string_view kGroup = "%{GROUP}";
  const std::string shown = "(wsgi:" + group.name + ")";
  std::string& name = group.display_name;
  for (std::size_t at = name.find(kGroup); at != std::string::npos;
       at = name.find(kGroup, at + shown.size())) {
    name.replace(at, kGroup.size(), shown);
  }
}

}  // namespace

Duration parse_duration(std::string_view text, Duration bare) {
  const double wanted = milliseconds(text, static_cast<double>(bare.count()));
  const Duration duration(std::llround(wanted));
  if (wanted > 0 && duration.count() == 0) {
    throw std::invalid_argument("must be 0 or a duration of 1ms at least, not " +
                                base::in_quotes(text));
  }
  return duration;
}

double parse_switch_interval(std::string_view text) {
  const double seconds = milliseconds(text, 1000) / 1000;
  // Python keeps the interval in microseconds.
  if (seconds < 1e-6 || seconds > 3600) {
    throw std::invalid_argument("must be a duration from 0.001ms to 1h, not " +
                                base::in_quotes(text));
  }
  return seconds;
}

std::uint64_t parse_size(std::string_view text) {
  struct Unit {
    char letter;
    unsigned shift;
  };
  constexpr Unit kUnits[] = {{'k', 10}, {'m', 20}, {'g', 30}};
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  std::string unit(stop, end);
  std::transform(unit.begin(), unit.end(), unit.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  constexpr std::uint64_t kMost = INT64_MAX;
  if (error == std::errc() && unit.empty() && number <= kMost) {
    return number;
  }
  for (const Unit& known : kUnits) {
    const bool named =
        unit == std::string(1, known.letter) || unit == std::string(1, known.letter) + "b";
    if (error == std::errc() && named && number <= kMost >> known.shift) {
      return number << known.shift;
    }
  }
  throw std::invalid_argument("must be a size in bytes, or such as 512K, 64M or 2G, not " +
                              base::in_quotes(text));
}

DaemonOptions parse_daemon_options(std::string_view arguments) {
  Words words(arguments);
  DaemonOptions options;
  options.group.name = group_name(words);
  while (!words.done()) {
    const auto [name, value] = words.next_option();
    set_option(options, name, value);
  }
  if (!options.script_user.empty() && !options.script_group.empty()) {
    throw std::invalid_argument(
        "has both options script-user and script-group, of which there can be one");
  }
  expand_display_name(options.group);
  return options;
}

}  // namespace brine::apache
