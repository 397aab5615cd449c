// From a directive's argument to its value. Each parser throws std::invalid_argument with a clause
// that follows the directive's name: "must be On or Off, not 'yes'". Pure.
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

/// What the options of an alias or a handler script say; they win over the directives.
struct ScriptOptions {
  std::optional<std::string_view> process_group;
  std::optional<std::string_view> application_group;
  std::optional<std::string_view> callable;
  std::optional<bool> pass_authorization;
};

/// WSGIMapHEADToGET.
enum class HeadMapping : std::uint8_t { automatic, on, off };

/// WSGIChunkedRequest: what becomes of a body whose length the client does not tell.
enum class ChunkedRequest : std::uint8_t {
  off,
  on,      ///< it is read before the application is asked, which then gets its length
  stream,  ///< the application reads it as it comes
};

bool parse_flag(std::string_view text);
/// On (a fresh process, where processes can be replaced), Off or Rolling.
wsgi::Reloading parse_script_reloading(std::string_view text);
HeadMapping parse_head_mapping(std::string_view text);
ChunkedRequest parse_chunked_request(std::string_view text);
/// "Off" (0), or a number of bytes such as "512K".
std::int64_t parse_buffering(std::string_view text);
/// Keep or Fail: whether a script's last good generation goes on serving.
bool parse_keep_last_good(std::string_view text);
/// Anonymous or Registered: whether scripts stay in sys.modules.
bool parse_registered(std::string_view text);

/// Off, Report, Enforce or BuiltinOnly.
pickle::Policy parse_pickle_policy(std::string_view text);

/// A whole number from `least` to `most`.
long parse_number(std::string_view text, long least, long most);

/// "random" or a number from 0 to 4294967295.
std::string parse_hash_seed(std::string_view text);

/// "3.12".
std::string parse_python_version(std::string_view text);

/// The entries of a list separated by ':'; empty ones are dropped.
std::vector<std::string> parse_path_list(std::string_view text);

/// A name or an expansion that must be known now: `%{GLOBAL}` is the empty name.
std::string_view parse_group(std::string_view text);

/// Which options a directive takes.
struct AllowedOptions {
  bool groups = true;
  bool callable = false;
  bool pass_authorization = false;
};

/// All options that are left in `words`. The values point into the text behind `words`.
ScriptOptions parse_script_options(Words& words, AllowedOptions allowed);

}  // namespace brine::apache
