// Names the notes that a log may show of a request, and finds them in a configuration. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brine::apache {

/// The notes that Brine sets where the configuration names one of them.
enum class LogNote : std::uint8_t { queue, app, deliver, pid, group, script, count_ };

/// The names of the notes, by LogNote.
inline constexpr std::array<const char*, static_cast<std::size_t>(LogNote::count_)> kLogNoteNames =
    {"brine-queue", "brine-app", "brine-deliver", "brine-pid", "brine-group", "brine-script"};

constexpr const char* name_of(LogNote note) {
  return kLogNoteNames[static_cast<std::size_t>(note)];
}

/// Returns true if the arguments of a directive name one of the notes, in upper or lower case, as
/// in `LogFormat "%{brine-app}n"` or `expr=note('brine-app')`.
bool names_log_note(std::string_view arguments);

}  // namespace brine::apache
