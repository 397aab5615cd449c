// Says which option was meant by one that a directive does not have. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brine::apache {

/// Returns the known word that a mistyped one stands for: with a few letters too many, missing,
/// wrong or exchanged, in whatever case. Returns an empty word if none is like it.
std::string_view meant(std::string_view word, const std::vector<std::string_view>& known);

/// Returns the clause that refuses an option, for std::invalid_argument: "has the unknown option
/// 'thraeds'; did you mean 'threads'?", or with all options where these are few.
std::string unknown_option(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace brine::apache
