#include "engine/hazard_log.hpp"

#include <cstddef>
#include <exception>

namespace brine::engine {
namespace {

constexpr const char* kNote = "wsgi-pickle-hazards";

bool contains(std::string_view list, std::string_view id) {
  return ("," + std::string(list) + ",").find("," + std::string(id) + ",") != std::string::npos;
}

// Adds the ids that `list`, separated by commas, does not have yet. Returns true if there were any.
bool add_new(std::string& list, std::string_view ids) {
  const std::size_t before = list.size();
  while (!ids.empty()) {
    const std::string_view id = ids.substr(0, ids.find(','));
    if (!contains(list, id)) list.append(list.empty() ? "" : ",").append(id);
    ids.remove_prefix(id.size() < ids.size() ? id.size() + 1 : id.size());
  }
  return list.size() != before;
}

}  // namespace

void HazardLog::found(std::string_view, std::string_view text) noexcept {
  try {
    if (!text.empty()) log_.log(base::Level::warning, "BRINE0501: " + std::string(text));
  } catch (const std::exception&) {
    // Memory for the text has run out. The hazard has been counted.
  }
}

void HazardNote::found(std::string_view ids, std::string_view text) noexcept {
  HazardLog::found(ids, text);
  try {
    // httpd keeps each note for as long as the request, so only new ids are noted.
    if (add_new(ids_, ids)) request_.note(kNote, ids_);
  } catch (const std::exception&) {
    // Memory has run out, as above.
  }
}

}  // namespace brine::engine
