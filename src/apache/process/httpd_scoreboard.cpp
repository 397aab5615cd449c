#include "apache/process/httpd_scoreboard.hpp"

// The scoreboard's header needs httpd.h before it.
// clang-format off
#include "apache/httpd.hpp"

#include <scoreboard.h>
// clang-format on

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace brine::apache {

namespace {

double seconds_of_httpd(apr_time_t time) { return static_cast<double>(time) / APR_USEC_PER_SEC; }

// The letters of mod_status, by the states' numbers (SERVER_DEAD and so on).
char letter_of(unsigned char status) {
  constexpr std::string_view kLetters = ".S_RWKLDCGI";
  return status < kLetters.size() ? kLetters[status] : '?';
}

// A thread of another process may be writing the text, so its end is looked for.
template <std::size_t size>
std::string text_in(const char (&text)[size]) {
  return {text, ::strnlen(text, size)};
}

wsgi::WorkerScore worker_score_of(int process, int thread) {
  worker_score record;
  ap_copy_scoreboard_worker(&record, process, thread);
  wsgi::WorkerScore score;
  score.generation = record.generation;
  score.status = letter_of(record.status);
  score.access_count = record.access_count;
  score.bytes_served = static_cast<std::uint64_t>(record.bytes_served);
  score.start_time = seconds_of_httpd(record.start_time);
  score.stop_time = seconds_of_httpd(record.stop_time);
  score.last_used = seconds_of_httpd(record.last_used);
  score.client = text_in(record.client64);
  score.request = text_in(record.request);
  score.vhost = text_in(record.vhost);
  return score;
}

}  // namespace

wsgi::ServerScore HttpdScoreboard::look() const {
  wsgi::ServerScore score;
  score.current_time = seconds_of_httpd(apr_time_now());
  const global_score* const global =
      ap_exists_scoreboard_image() != 0 ? ap_get_scoreboard_global() : nullptr;
  if (global == nullptr) {
    return score;
  }
  score.server_limit = global->server_limit;
  score.thread_limit = global->thread_limit;
  score.running_generation = global->running_generation;
  score.restart_time = seconds_of_httpd(global->restart_time);
  for (int process = 0; process < score.server_limit; ++process) {
    const process_score& record = *ap_get_scoreboard_process(process);
    wsgi::ProcessScore& found = score.processes.emplace_back();
    found.pid = record.pid;
    found.generation = record.generation;
    found.quiescing = record.quiescing != 0;
    for (int thread = 0; thread < score.thread_limit; ++thread) {
      found.workers.push_back(worker_score_of(process, thread));
    }
  }
  return score;
}

}  // namespace brine::apache
