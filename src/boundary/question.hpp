// What a script may be asked about a request instead of serving it, and what it may answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brine::wsgi {

/// What a script is called for.
enum class Call : std::uint8_t {
  application,  ///< to serve the request
  access,       ///< WSGIAccessScript: may this client come in?
  password,     ///< WSGIAuthUserScript: is this the user's password?
  realm_hash,   ///< likewise: the hash of the user's password in this realm
  groups,       ///< WSGIAuthGroupScript: is the user in one of these groups?
  route,        ///< WSGIDispatchScript: where is the request to be served?
};

/// The name of the function that is called, in the order of Call. An application's is what its
/// target says; a route is asked of several functions, see Part.
inline constexpr std::array<std::string_view, 6> kFunctionNames = {
    "", "allow_access", "check_password", "get_realm_hash", "groups_for_user", ""};

constexpr std::string_view function_name(Call call) noexcept {
  return kFunctionNames[static_cast<std::size_t>(call)];
}

/// The parts of a route, and the functions that give them.
enum class Part : std::uint8_t { process_group, application_group, callable, count_ };

inline constexpr std::size_t kParts = static_cast<std::size_t>(Part::count_);
inline constexpr std::array<const char*, kParts> kPartNames = {"process_group", "application_group",
                                                               "callable_object"};

/// What is asked. Views live as long as the request.
struct Question {
  Call call = Call::application;
  std::string_view subject;  ///< the client's host, or the user
  std::string_view detail;   ///< the password, the realm, or names of groups, each with its newline

  bool is_asked() const noexcept { return call != Call::application; }
};

enum class Verdict : std::uint8_t {
  no,
  yes,
  none,  ///< the script says nothing about it: others may
  text,  ///< see Answer::texts
};

struct Answer {
  Verdict verdict = Verdict::no;
  /// With Verdict::text, of a route those that Part tells, else the first one.
  std::optional<std::string> texts[kParts];
};

}  // namespace brine::wsgi
