// The request and its response as the WSGI side knows them: two interfaces and plain data, without
// httpd and without Python. src/apache implements the interfaces in httpd's children,
// src/daemon/worker in daemon processes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/stamp.hpp"
#include "boundary/log.hpp"
#include "boundary/question.hpp"
#include "boundary/script_settings.hpp"

namespace brine::wsgi {

/// Environ keys whose value is a string that nearly every request has. A key with its own
/// enumerator costs no look-up when the environ is made; all others are in `Head::extra`.
enum class Var : std::uint8_t {
  request_method,
  request_uri,
  query_string,
  script_name,
  path_info,
  server_protocol,
  server_software,
  server_name,
  server_addr,
  server_port,
  server_admin,
  remote_addr,
  remote_port,
  remote_user,
  auth_type,
  request_scheme,
  context_prefix,
  context_document_root,
  document_root,
  script_filename,
  content_type,
  content_length,
  url_scheme,
  process_group,
  application_group,
  callable_object,
  request_handler,
  handler_script,
  original_script_name,
  original_path_info,
  listener_host,
  listener_port,
  server_pid,
  request_id,
  connection_id,
  count_,
};

inline constexpr std::size_t kVarCount = static_cast<std::size_t>(Var::count_);

/// The environ key of each Var (PEP 3333 "environ Variables"; compatible `mod_wsgi.*` keys).
inline constexpr std::array<std::string_view, kVarCount> kVarNames = {
    "REQUEST_METHOD",
    "REQUEST_URI",
    "QUERY_STRING",
    "SCRIPT_NAME",
    "PATH_INFO",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "SERVER_NAME",
    "SERVER_ADDR",
    "SERVER_PORT",
    "SERVER_ADMIN",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REMOTE_USER",
    "AUTH_TYPE",
    "REQUEST_SCHEME",
    "CONTEXT_PREFIX",
    "CONTEXT_DOCUMENT_ROOT",
    "DOCUMENT_ROOT",
    "SCRIPT_FILENAME",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "wsgi.url_scheme",
    "mod_wsgi.process_group",
    "mod_wsgi.application_group",
    "mod_wsgi.callable_object",
    "mod_wsgi.request_handler",
    "mod_wsgi.handler_script",
    "mod_wsgi.script_name",
    "mod_wsgi.path_info",
    "mod_wsgi.listener_host",
    "mod_wsgi.listener_port",
    "mod_wsgi.server_pid",
    "mod_wsgi.request_id",
    "mod_wsgi.connection_id",
};

/// A name and its value; both views live as long as the request.
struct Field {
  std::string_view name;
  std::string_view value;
};

/// Tells who chose the name of an application group.
enum class NamedBy : std::uint8_t {
  configuration,
  host,      ///< %{HOST}: the client chose it, by its Host header
  variable,  ///< %{ENV:...}: a variable, which a client may have sent
};

/// The script to run and the place to run it: the result of mapping a URL and of reading the
/// settings for it.
struct Target {
  std::string_view script;    ///< absolute path of the WSGI script file
  std::string_view callable;  ///< name of the application, or of a question's function, if one
  std::string_view application_group;  ///< interpreter's name; empty: the main interpreter
  std::string_view resource;           ///< r->filename, the argument of `reload_required(path)`
  NamedBy group_named_by = NamedBy::configuration;  ///< of application_group
  base::FileSeen seen;  ///< the script; with it the engine need not look at the file itself
  ScriptSettings settings;
  Question question;  ///< what the script is asked, unless it serves the request
};

/// Tells what may take the place of the application's body; see wsgi/replacement.hpp.
struct Replacements {
  bool local_redirect = false;  ///< WSGILocationRedirect
  bool error_page = false;      ///< WSGIErrorOverride
  bool file = false;            ///< mod_xsendfile is active
};

/// WSGISlowRequest: a request that takes longer is told of once, with times of CLOCK_MONOTONIC in
/// ns.
struct SlowLimit {
  std::int64_t begun = 0;  ///< when httpd passed the request on
  std::int64_t after = 0;  ///< the directive's time; 0: Off

  bool is_set() const { return after != 0; }
  std::int64_t end() const { return begun + after; }
};

/// The facts of a request that are known before its body is read. All views live as long as the
/// request.
struct Head {
  /// The values by Var. A view whose data() is null means that the environ lacks this key.
  std::array<std::string_view, kVarCount> vars{};
  /// The request's header fields under the names that the client sent, each name once. Fields that
  /// must never reach Python (Authorization without WSGIPassAuthorization) are left out;
  /// environ_name() in headers.hpp drops those with an unsafe name.
  std::span<const Field> headers;
  /// Further environ variables (SetEnv, SetEnvIf, mod_ssl's, REDIRECT_*): r->subprocess_env.
  std::span<const Field> extra;
  /// The bytes of the body that are in memory before Python is entered: all of a small body.
  std::string_view body_start;
  /// True if no byte follows `body_start`: `Request::read` need not be called.
  bool body_complete = false;
  /// The body's length, or -1 if it is not known. `Request::read` tells where the body ends.
  std::int64_t content_length = -1;
  bool warm_up = false;       ///< the server's own request: it is not counted, nor told of
  bool head_request = false;  ///< the client sent HEAD, whatever REQUEST_METHOD says
  Replacements replacements;
  bool strict_headers = false;  ///< WSGIStrictHeaders: a hop-by-hop field is an error
  double request_start = 0;     ///< seconds since the epoch
  /// The times at which httpd passed the request on to a daemon process, and a thread took it up,
  /// in seconds since the epoch; 0 in embedded mode.
  double queue_start = 0;
  double daemon_start = 0;
  int thread_id = 0;  ///< 1-based number of the server's worker thread
  SlowLimit slow;
  /// The address of httpd's request_rec, where WSGIPassApacheRequest is On, else null. A daemon
  /// process, which does not see httpd's memory, never has it.
  void* request_rec = nullptr;
};

/// Facts that an engine has measured of the place where a request runs.
struct RunFacts {
  std::int64_t gil_wait = -1;      ///< ns until the thread had the GIL; -1: not measured
  std::int64_t loaded_at = 0;      ///< when the script's code was loaded, by CLOCK_MONOTONIC in ns
  std::uint32_t generation = 0;    ///< of that script in its interpreter, from 1
  std::uint32_t interpreters = 0;  ///< of the process
};

/// The result of reading the body.
enum class ReadStatus : std::uint8_t {
  ok,           ///< `bytes` were read; 0 bytes means the body has ended
  client_gone,  ///< the connection was closed or reset before the body's end
  timed_out,    ///< httpd's Timeout ran out
  too_large,    ///< more than LimitRequestBody
  malformed,    ///< broken chunked encoding
  failed,
};

/// The result of one read: `bytes` is how many were read.
struct ReadResult {
  std::size_t bytes = 0;
  ReadStatus status = ReadStatus::ok;
  bool ended = false;  ///< nothing follows these bytes; may be false although nothing does
};

/// A request. Its log records go to the error log of the virtual host that serves it.
class Request : public base::LogSink {
 public:
  virtual const Head& head() const noexcept = 0;

  /// Reads up to into.size() bytes behind `Head::body_start`. Returns 0 bytes only at the end.
  /// BLOCKS, so the caller must not hold the GIL.
  virtual ReadResult read(std::span<char> into) noexcept = 0;

  /// Reads like `read`, until `into` is full or the body has ended. A failure leaves what came
  /// before it.
  virtual ReadResult read_all(std::span<char> into) noexcept {
    ReadResult all;
    while (all.bytes < into.size() && !all.ended && all.status == ReadStatus::ok) {
      const ReadResult piece = read(into.subspan(all.bytes));
      all = {all.bytes + piece.bytes, piece.status, piece.ended || piece.bytes == 0};
    }
    return all;
  }

  /// Sets a note for httpd's other modules, which an access log shows by `%{NAME}n`. A later note
  /// of the same name replaces it. Only the thread that serves the request may call it.
  virtual void note(const char* name, std::string_view value) noexcept = 0;

  /// Returns the value of a variable of mod_ssl's, such as SSL_CLIENT_S_DN, or nothing. BLOCKS.
  /// Throws std::bad_alloc. Only the thread that serves the request may call it.
  virtual std::optional<std::string> ssl_variable(const std::string& /*name*/) { return {}; }

  /// Tells that the application is called now, at this time of CLOCK_MONOTONIC in ns. Does NOT
  /// block. Only the thread that serves the request may call it, once.
  virtual void application_called(std::int64_t /*now*/) noexcept {}

  /// Tells what has been measured, of some requests only. Does NOT block. Only the thread that
  /// serves the request may call it, at most once.
  virtual void measured(const RunFacts& /*facts*/) noexcept {}

  /// Tells to which process the request has been sent; it may have to be sent to another. Only
  /// httpd's side calls it.
  virtual void sent_to(std::int32_t /*pid*/) noexcept {}

  /// Tells which process runs the request. Only httpd's side calls it, once for each process that
  /// takes the request up.
  virtual void taken_by(std::int32_t /*pid*/) noexcept {}

  /// Tells, with Reloading::rolling, that the script's file is no longer what runs. Only the thread
  /// that serves the request may call it.
  virtual void script_changed() noexcept {}

 protected:
  ~Request() = default;
};

/// The result of serving a request; src/apache makes of it what httpd's handler returns.
enum class Outcome : std::uint8_t {
  completed,
  client_aborted,         ///< the client went away, which is no failure
  failed_before_headers,  ///< nothing was sent: 500 and ErrorDocument
  failed_after_headers,   ///< the response was aborted
  no_application,         ///< the script has no such callable: 404, as mod_wsgi answers
  rejected,               ///< WSGIInterpreterLimit reached: 503
  script_failed,          ///< the script does not load: 500
  forbidden,              ///< the script has not the owner of Config::script_user: 403
  restarting,             ///< Reloading::fresh_process: the script has changed, nothing was run
  timed_out,              ///< Engine::interrupt ended it, or a limit of the daemon group: 504
  not_ready,              ///< no process of the daemon group became ready in time: 503
  overfull,               ///< too many requests wait for the daemon group: 503
  process_died,           ///< the daemon process ended with the request in it: 502
};

/// The result of sending a part of the response.
enum class Delivery : std::uint8_t { ok, client_gone };

/// Tells what follows the blocks that are sent.
enum class End : std::uint8_t {
  more,          ///< more of the response, later: these blocks are flushed to the client
  more_at_once,  ///< more of the response, which is there already: no flush is needed
  last,          ///< nothing
};

/// Takes the response: one `start`, then `send` or `send_file` until one of them carries End::last,
/// or `abort`. Nothing is sent to the client before the first `send`.
class ResponseWriter {
 public:
  /// Sets the status (100..999), the whole status line ("404 Not Found") and the header fields in
  /// the application's order; repeated names stay separate fields. All are copied. Does NOT block,
  /// so the GIL may be held. A later call replaces an earlier one, as long as nothing has been
  /// sent. Throws std::bad_alloc.
  virtual void start(int status, std::string_view status_line, std::span<const Field> headers) = 0;

  /// Returns `size` bytes that live as long as the request, for a body that `send` gets after the
  /// GIL is released. Does NOT block. Throws std::bad_alloc.
  virtual char* allocate(std::size_t size) = 0;

  /// Sends blocks of the body. BLOCKS. The blocks have to live until the call returns; those in
  /// memory of `allocate` are not copied.
  virtual Delivery send(std::span<const std::string_view> blocks, End end) noexcept = 0;

  /// Sends `length` bytes of an open regular file from `offset`, by sendfile if possible. The
  /// caller keeps its descriptor. BLOCKS.
  virtual Delivery send_file(int fd, std::int64_t offset, std::int64_t length,
                             End end) noexcept = 0;

  /// Breaks off a response that cannot be completed. The client can tell (RST, no last chunk,
  /// HTTP/2 stream error), so the connection is not kept. BLOCKS.
  virtual void abort() noexcept = 0;

  /// Has the client get what it has not got of the response, as something else is about to take
  /// time. Called at most once, after everything else. BLOCKS.
  virtual void conclude(Outcome /*outcome*/) noexcept {}

  /// Takes the answer to Target::question, once, in place of a response. Does NOT block.
  virtual void answer(Answer&& /*answer*/) noexcept {}

 protected:
  ~ResponseWriter() = default;
};

}  // namespace brine::wsgi
