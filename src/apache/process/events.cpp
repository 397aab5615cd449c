#include "apache/process/events.hpp"

#include <ap_mpm.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/httpd.hpp"
#include "apache/log.hpp"
#include "base/clock.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

namespace {

// The mode of a new log file: whoever may read httpd's logs may read it.
constexpr mode_t kLogMode = 0640;

int open_file(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                kLogMode);
}

// Starts the program, which httpd keeps alive, and returns the end of its pipe.
int open_program(apr_pool_t* pool, const char* command) {
  piped_log* const log = ap_open_piped_log(pool, command);
  apr_os_file_t fd = -1;
  if (log == nullptr || apr_os_file_get(&fd, ap_piped_log_write_fd(log)) != APR_SUCCESS) return -1;
  // A program that does not read must hold up nobody.
  return ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) == 0 ? fd : -1;
}

apr_status_t close_log(void* settings) {
  ServerSettings& server = *static_cast<ServerSettings*>(settings);
  ::close(std::exchange(server.event_fd, -1));
  return APR_SUCCESS;
}

int open_log(apr_pool_t* pconf, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  // httpd reads the configuration twice when it starts; only the second reading serves.
  if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) return OK;
  ServerSettings& server = server_settings(main_server);
  const std::string& target = server.process.event_log;
  if (target.empty()) return OK;
  const bool is_program = target[0] == '|';
  server.event_fd = is_program ? open_program(pconf, target.c_str() + 1) : open_file(target);
  if (server.event_fd < 0) {
    ServerLog(main_server)
        .log(base::Level::error,
             "BRINE0026: WSGIEventLog cannot open '" + target + "': " + std::strerror(errno));
    return HTTP_INTERNAL_SERVER_ERROR;
  }
  if (!is_program) apr_pool_cleanup_register(pconf, &server, close_log, apr_pool_cleanup_null);
  return OK;
}

// A line is written as a whole or not at all: a file takes it at its end, and a pipe does up to
// PIPE_BUF bytes.
void write_line(const metrics::LifeEvent& event) {
  const int fd = server_settings(ap_server_conf).event_fd;
  if (fd < 0) return;
  const std::string line = to_json_line(event);
  ssize_t written = 0;
  do {
    written = ::write(fd, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) return;
  ServerLog(ap_server_conf)
      .log(base::Level::warning, std::string("BRINE0027: WSGIEventLog lacks an event, as it could "
                                             "not be written: ") +
                                     (written < 0 ? std::strerror(errno) : "no room"));
}

}  // namespace

void tell_event(metrics::LifeEvent event) noexcept {
  try {
    event.time = base::nanos_since_epoch();
    if (metrics::Board* board = server_settings(ap_server_conf).board) {
      board->events.add(record_of(event));
    }
    write_line(event);
  } catch (const std::exception&) {
    // Memory has run out, and the process matters more than this event.
  }
}

metrics::LifeEvent own_event(metrics::ProcessEvent event) {
  metrics::LifeEvent own;
  own.event = event;
  own.group = metrics::kEmbedded;
  own.pid = ::getpid();
  ap_mpm_query(AP_MPMQ_GENERATION, &own.generation);
  return own;
}

// Errors are kept by their code; what has none is not Brine's, or a tenant's word.
void note_error(std::string_view text, std::string_view id) noexcept {
  if (ap_server_conf == nullptr || !text.starts_with("BRINE")) return;
  metrics::Board* const board = server_settings(ap_server_conf).board;
  if (board == nullptr) return;
  metrics::ErrorRecord error;
  error.text.set(text.substr(0, text.find('\n')));
  error.id.set(id);
  error.time = base::nanos_since_epoch();
  error.pid = ::getpid();
  board->errors.add(error);
}

void register_event_hooks() {
  ap_hook_open_logs(guarded<&open_log>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache
