#include "apache/request/request.hpp"

#include <http_ssl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apache/config/paths.hpp"
#include "apache/config/said_once.hpp"
#include "apache/config/settings.hpp"
#include "apache/log.hpp"
#include "apache/request/client_address.hpp"
#include "apache/request/environ_keys.hpp"
#include "apache/request/log_notes.hpp"
#include "apache/request/replacing.hpp"
#include "base/clock.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

using wsgi::Var;

int thread_number() {
  static std::atomic<int> threads_seen{0};
  thread_local const int number = ++threads_seen;
  return number;
}

// Returns this process's id as text, which the first request makes, after the fork.
std::string_view process_id() {
  static const struct Text {
    std::array<char, 16> digits;
    std::size_t size;
    Text() {
      const auto end = std::to_chars(digits.begin(), digits.end(), getpid()).ptr;
      size = static_cast<std::size_t>(end - digits.begin());
    }
  } text;
  return {text.digits.data(), text.size};
}

// Returns the target of the request line, neither decoded nor redirected. httpd accepts single
// blanks between the line's parts.
std::string_view original_uri(const request_rec* r) {
  std::string_view line = r->the_request != nullptr ? r->the_request : "";
  line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  return line.substr(0, line.find(' '));
}

// Returns the REQUEST_URI; `CGIVar REQUEST_URI current-uri` asks for the one after an internal
// redirect.
std::string_view request_uri(const request_rec* r) {
  apr_hash_t* rules = core_settings(r).cgi_var_rules;
  if (rules != nullptr) {
    const auto* rule =
        static_cast<const char*>(apr_hash_get(rules, "REQUEST_URI", APR_HASH_KEY_STRING));
    if (rule != nullptr && std::strcmp(rule, "current-uri") == 0) {
      return r->uri;
    }
  }
  return original_uri(r);
}

std::string_view collapsed(apr_pool_t* pool, std::string_view path) {
  return has_double_slash(path) ? base::pool_copy(pool, collapse_slashes(path)) : path;
}

// Returns true if the configuration sets HTTPS (behind a proxy that ends TLS) or the connection is
// encrypted.
bool is_https(const request_rec* r) {
  const char* https = apr_table_get(r->subprocess_env, "HTTPS");
  if (https != nullptr && (strcasecmp(https, "on") == 0 || std::strcmp(https, "1") == 0)) {
    return true;
  }
  return ap_ssl_conn_is_ssl(r->connection) != 0;
}

// Returns true if the application sees GET for HEAD. With Auto that is so if an output filter such
// as mod_deflate needs the body that it would see with GET.
bool maps_head_to_get(const request_rec* r, HeadMapping mapping) {
  if (!r->header_only || r->method_number != M_GET || mapping == HeadMapping::off) {
    return false;
  }
  return mapping == HeadMapping::on || r->output_filters->frec->ftype < AP_FTYPE_PROTOCOL;
}

std::span<const apr_table_entry_t> entries(const apr_table_t* table) {
  const apr_array_header_t* array = apr_table_elts(table);
  return {reinterpret_cast<const apr_table_entry_t*>(array->elts),
          static_cast<std::size_t>(array->nelts)};
}

// Returns true for records that each interpreter of each process would log once; processes come and
// go.
bool is_told_once_a_script(std::string_view record) {
  constexpr std::string_view kLeftOutField = "BRINE0409";
  return record.substr(0, kLeftOutField.size()) == kLeftOutField;
}

bool is_first_told_of(std::string_view script) {
  SaidOnce* told = server_settings(ap_server_conf).told_scripts;
  return told == nullptr || told->first(script);
}

// Returns true if the question is whether the request may come in at all.
bool decides(const wsgi::Question& question) {
  return question.is_asked() && question.call != wsgi::Call::route;
}

wsgi::Field* new_fields(apr_pool_t* pool, std::size_t count) {
  return static_cast<wsgi::Field*>(apr_palloc(pool, count * sizeof(wsgi::Field)));
}

// Joins a field to an earlier one of the same name, since modules may have added to a field that
// the client sent. Returns true if it did.
bool joined_to_earlier(apr_pool_t* pool, std::span<wsgi::Field> earlier, wsgi::Field field) {
  for (wsgi::Field& other : earlier) {
    if (other.name.size() == field.name.size() &&
        strncasecmp(other.name.data(), field.name.data(), field.name.size()) == 0) {
      const char* joined = apr_pstrcat(pool, other.value.data(), ", ", field.value.data(), nullptr);
      other.value = joined;
      return true;
    }
  }
  return false;
}

}  // namespace

ApacheRequest::ApacheRequest(request_rec* r, const Selection& selection, RequestBody& body)
    : r_(r), body_(body), script_(selection.target.script) {
  set_request_line(selection);
  set_server();
  set_client();
  set_paths();
  set_script(selection);
  collect_headers(selection);
  set_body();
  collect_extra(selection.target.question);
  apply_forwarded(r, head_);
  head_.head_request = r->header_only != 0;
  if (!selection.target.question.is_asked()) {
    head_.replacements = allowed_replacements(r, selection);
  }
  if (selection.settings.pass_apache_request && selection.process_group.empty()) {
    head_.request_rec = r;
  }
  head_.strict_headers = selection.settings.strict_headers;
  head_.request_start = static_cast<double>(r->request_time) / APR_USEC_PER_SEC;
  head_.thread_id = thread_number();
  if (const std::int64_t limit = selection.settings.slow_request; limit != 0) {
    head_.slow = {base::now(), limit * base::kMillisecond};
  }
  if (!selection.process_group.empty()) {
    head_.queue_start = base::seconds_since_epoch();
  }
}

void ApacheRequest::set(Var var, std::string_view value) {
  head_.vars[static_cast<std::size_t>(var)] = value;
}

void ApacheRequest::set(Var var, const char* value) {
  if (value != nullptr) {
    set(var, std::string_view(value));
  }
}

void ApacheRequest::set_port(Var var, unsigned port, PortText& text) {
  const auto end = std::to_chars(text.begin(), text.end(), port).ptr;
  set(var, std::string_view(text.data(), static_cast<std::size_t>(end - text.begin())));
}

void ApacheRequest::set_request_line(const Selection& selection) {
  const bool as_get = maps_head_to_get(r_, selection.settings.map_head_to_get);
  set(Var::request_method, as_get ? "GET" : r_->method);
  set(Var::request_uri, request_uri(r_));
  set(Var::query_string, r_->args != nullptr ? r_->args : "");
  set(Var::server_protocol, r_->protocol);
  set(Var::request_scheme, ap_http_scheme(r_));
  set(Var::url_scheme, is_https(r_) ? "https" : "http");
}

void ApacheRequest::set_server() {
  const char* name = ap_get_server_name_for_url(r_);
  set(Var::server_name, std::strpbrk(name, "<>&\"") ? ap_escape_html(r_->pool, name) : name);
  set(Var::server_software, ap_get_server_banner());
  set(Var::server_addr, r_->connection->local_ip);
  set_port(Var::server_port, ap_get_server_port(r_), server_port_);
  set(Var::server_admin, r_->server->server_admin);
  set(Var::server_pid, process_id());
  const apr_sockaddr_t* listener = r_->connection->local_addr;
  set(Var::listener_host, listener->hostname != nullptr ? listener->hostname : "");
  set_port(Var::listener_port, listener->port, listener_port_);
}

void ApacheRequest::set_client() {
  conn_rec* connection = r_->connection;
  set(Var::remote_addr, r_->useragent_ip);
  set_port(Var::remote_port, connection->client_addr->port, remote_port_);
  set(Var::remote_user, r_->user);
  set(Var::auth_type, r_->ap_auth_type);
  if (r_->log_id == nullptr) {  // see apache/request/request_id
    ap_run_generate_log_id(connection, r_, &r_->log_id);
  }
  set(Var::request_id, r_->log_id);
  set(Var::connection_id, connection->log_id);
}

void ApacheRequest::set_paths() {
  const std::string_view path_info = r_->path_info != nullptr ? r_->path_info : "";
  const std::string_view script = collapsed(r_->pool, script_name(r_->uri, path_info));
  const std::string_view rest = collapsed(r_->pool, path_info);
  set(Var::script_name, script);
  set(Var::path_info, rest);
  set(Var::original_script_name, script);
  set(Var::original_path_info, rest);
  set(Var::script_filename, r_->filename);
  set(Var::document_root, ap_document_root(r_));
  set(Var::context_prefix, ap_context_prefix(r_));
  set(Var::context_document_root, ap_context_document_root(r_));
}

void ApacheRequest::set_script(const Selection& selection) {
  set(Var::process_group, selection.process_group);
  set(Var::application_group, selection.target.application_group);
  if (!selection.target.question.is_asked()) {
    set(Var::callable_object, selection.target.callable);
  }
  set(Var::request_handler, r_->handler);
  set(Var::handler_script, selection.handler_script.data() ? selection.handler_script : "");
}

void ApacheRequest::collect_headers(const Selection& selection) {
  // A script that checks passwords is given the one that counts, and the others need none.
  const bool may_pass = !decides(selection.target.question);
  const bool pass_authorization = selection.pass_authorization && may_pass;
  const bool pass_all = core_settings(r_).cgi_pass_auth == AP_CGI_PASS_AUTH_ON && may_pass;
  const auto sent = entries(r_->headers_in);
  wsgi::Field* fields = new_fields(r_->pool, sent.size());
  std::size_t count = 0;
  for (const apr_table_entry_t& entry : sent) {
    const wsgi::Field field{entry.key, entry.val};
    switch (classify_header(field.name)) {
      case HeaderKind::content_type:
        set(Var::content_type, field.value);
        continue;
      case HeaderKind::content_length:
        set(Var::content_length, field.value);
        continue;
      case HeaderKind::authorization:
        if (!pass_authorization && !pass_all) {
          continue;
        }
        break;
      case HeaderKind::proxy_authorization:
        if (!pass_all) {
          continue;
        }
        break;
      case HeaderKind::transfer_encoding:
        // RFC 9112, 7.1.3: Transfer-Encoding is removed when the chunks are decoded; some
        // applications would decode the body again.
        if (!body_.found_length().empty()) {
          continue;
        }
        break;
      case HeaderKind::ordinary:
        break;
    }
    if (!joined_to_earlier(r_->pool, {fields, count}, field)) {
      fields[count++] = field;
    }
  }
  head_.headers = {fields, count};
}

// Collects what SetEnv, SetEnvIf, mod_ssl and others have put in the environment. What httpd itself
// says of the request wins over it.
void ApacheRequest::collect_extra(const wsgi::Question& question) {
  constexpr std::size_t kMostOwnFields = 5;
  const auto variables = entries(r_->subprocess_env);
  wsgi::Field* fields = new_fields(r_->pool, variables.size() + kMostOwnFields);
  wsgi::Field* next = fields;
  for (const apr_table_entry_t& entry : variables) {
    const std::string_view name = entry.key;
    if (is_internal_key(name)) {
      continue;
    }
    const std::optional<Var> var = var_of_key(name);
    if (!var || head_.vars[static_cast<std::size_t>(*var)].data() == nullptr) {
      *next++ = {name, entry.val};
    }
  }
  collect_redirect(next);
  if (decides(question)) {
    collect_for_decision(next);
  }
  head_.extra = {fields, static_cast<std::size_t>(next - fields)};
}

void ApacheRequest::collect_redirect(wsgi::Field*& next) {
  const request_rec* previous = r_->prev;
  if (previous == nullptr) {
    return;
  }
  if (previous->args != nullptr) {
    *next++ = {"REDIRECT_QUERY_STRING", previous->args};
  }
  if (previous->uri != nullptr) {
    const bool qualify = core_settings(r_).qualify_redirect_url == AP_CORE_CONFIG_ON;
    *next++ = {"REDIRECT_URL",
               qualify ? ap_construct_url(r_->pool, previous->uri, r_->prev) : previous->uri};
  }
  if (r_->user == nullptr && previous->user != nullptr) {
    *next++ = {"REDIRECT_REMOTE_USER", previous->user};
  }
}

// Collects the variables that httpd gives CGI scripts too.
void ApacheRequest::collect_for_decision(wsgi::Field*& next) {
  if (const char* host = ap_get_useragent_host(r_, REMOTE_HOST, nullptr)) {
    *next++ = {"REMOTE_HOST", host};
  }
  *next++ = {"SERVER_SIGNATURE", ap_psignature("", r_)};
}

void ApacheRequest::set_body() {
  if (!body_.found_length().empty()) {
    set(Var::content_length, body_.found_length());
  }
  head_.content_length = body_.length();
  head_.body_start = body_.start();
  head_.body_complete = body_.complete();
}

void ApacheRequest::sent_to(std::int32_t pid) noexcept {
  if (shown_in_ != nullptr) shown_in_->sent_to(pid);
}

void ApacheRequest::taken_by(std::int32_t pid) noexcept {
  note_process(r_, pid);
  sent_to(pid);
}

wsgi::ReadResult ApacheRequest::read(std::span<char> into) noexcept {
  const wsgi::ReadResult result = body_.read(into);
  read_ += result.bytes;
  return result;
}

void ApacheRequest::note(const char* name, std::string_view value) noexcept {
  hazards_ = base::pool_copy(r_->pool, value);  // there is no other note
  apr_table_setn(r_->notes, name, hazards_.data());
}

std::optional<std::string> ApacheRequest::ssl_variable(const std::string& name) {
  // The application may ask again and again, and mod_ssl makes each value in the pool.
  const base::SubPool pool(r_->pool);
  const char* value = ap_ssl_var_lookup(pool.get(), r_->server, r_->connection, r_, name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

void ApacheRequest::log(base::Level level, std::string_view text) noexcept {
  if (is_told_once_a_script(text) && !is_first_told_of(script_)) {
    return;
  }
  apache::log(r_, level, text);
}

}  // namespace brine::apache
