// Defines the questions that a script may be asked about a request instead of serving it, and the
// answers that it may give.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brine::wsgi {

/// The purposes for which a script is called.
enum class Call : std::uint8_t {
  application,  ///< to serve the request
  access,       ///< WSGIAccessScript: may this client come in?
  password,     ///< WSGIAuthUserScript: is this the user's password?
  realm_hash,   ///< likewise: the hash of the user's password in this realm
  groups,       ///< WSGIAuthGroupScript: is the user in one of these groups?
  route,        ///< WSGIDispatchScript: where is the request to be served?
};

/// The names of the functions that are called, in the order of Call. An application's is in its
/// target; a route is asked of several functions, see Part.
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

/// A question about a request. Its views live as long as the request.
struct Question {
  Call call = Call::application;
  std::string_view subject;  ///< the client's host, or the user
  std::string_view detail;   ///< the password, the realm, or names of groups, each with its newline

  bool is_asked() const noexcept { return call != Call::application; }
};

/// The kind of an answer.
enum class Verdict : std::uint8_t {
  no,
  yes,
  none,  ///< the script says nothing about it: others may
  text,  ///< see Answer::texts
};

/// The answer of a script to a question.
struct Answer {
  Verdict verdict = Verdict::no;
  /// The texts of an answer with Verdict::text: of a route one for each Part, else the first one.
  std::array<std::optional<std::string>, kParts> texts;
};

}  // namespace brine::wsgi
