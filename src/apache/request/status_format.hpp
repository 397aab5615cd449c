// Chooses the format of the server's numbers. Pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace brine::apache {

/// A format of the handler brine-status.
enum class StatusFormat { json, html, openmetrics, prometheus };

/// Returns the format that `?format=` names, or else that the field Accept of the request prefers;
/// nothing if there is no format of that name. Both views may be empty.
std::optional<StatusFormat> status_format(std::string_view query, std::string_view accept);

}  // namespace brine::apache
