#include "apache/request/log_notes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "apache/config/note_names.hpp"
#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/request/measuring.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

using metrics::Phase;

bool are_shown() { return server_settings(ap_server_conf).shows_log_notes; }

void set_note(request_rec* r, LogNote note, std::string_view value) {
  apr_table_setn(r->notes, name_of(note), base::pool_copy(r->pool, value).data());
}

void set_time(request_rec* r, LogNote note, const metrics::RequestMeasures& measures, Phase phase) {
  const base::Nanos time = measures.phases[static_cast<std::size_t>(phase)];
  set_note(r, note, std::to_string(std::max<base::Nanos>(time, 0) / base::kMicrosecond));
}

bool names_a_note(const ap_directive_t* directive) {
  for (; directive != nullptr; directive = directive->next) {
    if (names_log_note(directive->args != nullptr ? directive->args : "") ||
        names_a_note(directive->first_child)) {
      return true;
    }
  }
  return false;
}

int find_log_notes(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  server_settings(main_server).shows_log_notes = names_a_note(ap_conftree);
  return OK;
}

// Gives all requests of a chain of internal redirects the notes of the one that a script served:
// the log shows the last one's (`%n`), which may be an ErrorDocument, or the first one's (`%<n`).
int share_notes(request_rec* r) {
  if (!are_shown() || r->next == nullptr) {
    return DECLINED;
  }
  for (const char* name : kLogNoteNames) {
    const char* value = nullptr;
    for (const request_rec* each = r; each != nullptr; each = each->next) {
      const char* own = apr_table_get(each->notes, name);
      value = own != nullptr ? own : value;
    }
    for (request_rec* each = r; each != nullptr && value != nullptr; each = each->next) {
      apr_table_setn(each->notes, name, value);
    }
  }
  return DECLINED;
}

}  // namespace

void note_place(request_rec* r, const Selection& selection) {
  if (are_shown()) {
    set_note(r, LogNote::group, counted_group(selection));
    set_note(r, LogNote::script, selection.target.script);
  }
}

void note_process(request_rec* r, std::int32_t pid) noexcept {
  if (are_shown()) {
    apr_table_setn(r->notes, name_of(LogNote::pid), apr_itoa(r->pool, pid));
  }
}

void note_times(request_rec* r, const metrics::RequestMeasures& measures) {
  if (!are_shown() || !measures.was_run) {
    return;
  }
  set_time(r, LogNote::queue, measures, Phase::waiting);
  if (measures.was_called) {
    set_time(r, LogNote::app, measures, Phase::application);
    set_time(r, LogNote::deliver, measures, Phase::delivering);
  }
}

void register_log_notes_hooks() {
  ap_hook_post_config(guarded<&find_log_notes>, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_log_transaction(guarded<&share_notes>, nullptr, nullptr, APR_HOOK_FIRST);
}

}  // namespace brine::apache
