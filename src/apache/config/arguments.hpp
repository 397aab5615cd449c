// Parses the arguments of directives. Each parser throws std::invalid_argument with a clause that
// follows the directive's name: "must be On or Off, not 'yes'". Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/options.hpp"
#include "boundary/policy.hpp"
#include "boundary/script_settings.hpp"

namespace brine::apache {

/// The options of an alias or a handler script, which win over the directives.
struct ScriptOptions {
  std::optional<std::string_view> process_group;
  std::optional<std::string_view> application_group;
  std::optional<std::string_view> callable;
  std::optional<bool> pass_authorization;
  std::optional<std::string_view> script_name;  ///< name=
};

/// The values of WSGIMapHEADToGET.
enum class HeadMapping : std::uint8_t { automatic, on, off };

/// The values of WSGIChunkedRequest, for a body whose length the client does not tell.
enum class ChunkedRequest : std::uint8_t {
  off,
  on,      ///< read before the application is called, which gets its length
  stream,  ///< read by the application as it comes
};

/// Returns true if the words differ at most in upper and lower case of ASCII.
bool same_word(std::string_view a, std::string_view b);

bool parse_flag(std::string_view text);
/// Parses On (a new process, where processes can be replaced), Off or Rolling.
wsgi::Reloading parse_script_reloading(std::string_view text);
HeadMapping parse_head_mapping(std::string_view text);
ChunkedRequest parse_chunked_request(std::string_view text);
/// Parses "Off" (0), or a number of bytes such as "512K".
std::int64_t parse_buffering(std::string_view text);
/// Parses "Off" (the empty name), or the name of a header field.
std::string_view parse_header_name(std::string_view text);
/// Parses "Off" (0), or a time from 1 ms to a day, such as "2s". Returns it in ms.
std::int64_t parse_slow_request(std::string_view text);
/// Parses Text or JSON: whether log records are JSON.
bool parse_log_format(std::string_view text);
/// Parses Keep or Fail: whether a script's last good generation goes on serving.
bool parse_keep_last_good(std::string_view text);
/// Parses Anonymous or Registered: whether scripts stay in sys.modules.
bool parse_registered(std::string_view text);

/// The values of WSGIPickleGuard.
struct PickleGuard {
  pickle::Policy policy;
  std::uint32_t sample = 0;  ///< one in so many dumps is checked by a round trip; 0: none
};

/// Parses Off, Report, Enforce or BuiltinOnly, and sample=N.
PickleGuard parse_pickle_guard(std::string_view text);

/// Parses a whole number from `least` to `most`.
long parse_number(std::string_view text, long least, long most);

/// Parses "random" or a number from 0 to 4294967295.
std::string parse_hash_seed(std::string_view text);

/// Parses a version such as "3.12", or "3.13t" of a free-threaded build.
std::string parse_python_version(std::string_view text);

/// Returns the entries of a list separated by ':', without empty ones.
std::vector<std::string> parse_path_list(std::string_view text);

/// Parses a name, or an expansion that must be known at start: `%{GLOBAL}` is the empty name.
std::string_view parse_group(std::string_view text);

/// The options that a directive takes.
struct AllowedOptions {
  bool groups = true;
  bool callable = false;
  bool pass_authorization = false;
  bool script_name = false;
};

/// Parses all options that are left in `words`. The values point into the text behind `words`.
ScriptOptions parse_script_options(Words& words, AllowedOptions allowed);

}  // namespace brine::apache
