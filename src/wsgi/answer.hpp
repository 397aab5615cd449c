// Decides which answers a question about a request may have. Pure functions. Python's side judges
// by them what a script's function has returned, and httpd's side what a daemon process sends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "boundary/question.hpp"

namespace brine::wsgi {

/// No text of an answer is longer, in bytes.
inline constexpr std::size_t kMostAnswerText = 4096;

/// Returns what is wrong with an answer to `call`, as a clause for the log ("a text of 0 bytes"),
/// or an empty text.
std::string wrong_answer(Call call, const Answer& answer);

/// Returns likewise what is wrong with one part of a route.
std::string wrong_part(Part part, std::string_view text);

/// Returns, for the log, what a function that is called for `call` may return.
std::string_view wanted_answer(Call call) noexcept;

}  // namespace brine::wsgi
