#include "apache/config/note_names.hpp"

#include <algorithm>

#include "apache/config/arguments.hpp"

namespace brine::apache {

bool names_log_note(std::string_view arguments) {
  const auto stands_at = [&](std::size_t at) {
    return std::any_of(kLogNoteNames.begin(), kLogNoteNames.end(), [&](std::string_view name) {
      return same_word(arguments.substr(at, name.size()), name);
    });
  };
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    if ((arguments[at] == 'b' || arguments[at] == 'B') && stands_at(at)) {
      return true;
    }
  }
  return false;
}

}  // namespace brine::apache
