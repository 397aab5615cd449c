#include "apache/config/directives.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "apache/config/arguments.hpp"
#include "apache/config/ignored.hpp"
#include "apache/config/interpreter_options.hpp"
#include "apache/config/networks.hpp"
#include "apache/config/proxy_headers.hpp"
#include "apache/config/script_name.hpp"
#include "apache/config/settings.hpp"
#include "base/pool.hpp"
#include "base/quotes.hpp"
#include "boundary/interpreter_options.hpp"
#include "boundary/script_settings.hpp"

namespace brine::apache {

namespace {

using engine::InterpreterOptions;
using wsgi::ScriptSettings;

// The type of directives' setters. `argument` is one word, or for RAW_ARGS rows the rest of the
// line. A setter throws std::invalid_argument with a clause that follows the directive's name.
using Setter = void(cmd_parms& line, RequestSettings& settings, const char* argument);

// Returns the directive's name as it is written, which in a section's has a '>'.
const char* written_name(const cmd_parms& line) {
  const bool is_section = line.cmd->name[0] == '<';
  return is_section ? apr_pstrcat(line.pool, line.cmd->name, ">", nullptr) : line.cmd->name;
}

// Calls a setter for httpd, and turns an exception into httpd's configuration error.
template <Setter* set>
const char* directive(cmd_parms* line, void* settings, const char* argument) noexcept {
  try {
    set(*line, *static_cast<RequestSettings*>(settings), argument);
    return nullptr;
  } catch (const std::exception& error) {
    return apr_pstrcat(line->pool, written_name(*line), " ", error.what(), nullptr);
  } catch (...) {
    return apr_pstrcat(line->pool, written_name(*line), " failed with an unknown exception",
                       nullptr);
  }
}

std::string_view parse_text(std::string_view text) { return text; }

Place place_of(const cmd_parms& line) {
  return {line.directive->filename, line.directive->line_num};
}

// Returns the directive's name and place, for the log.
std::string origin_of(const cmd_parms& line) {
  return line.cmd->name + in_parentheses(place_of(line));
}

template <auto field, auto parse>
void store(cmd_parms&, RequestSettings& settings, const char* argument) {
  settings.*field = parse(argument);
}

template <auto member, auto parse>
void store_for_script(cmd_parms&, RequestSettings& settings, const char* argument) {
  settings.script.give<member>(parse(argument));
}

// Returns the settings of the whole process. Throws std::invalid_argument in a virtual host, which
// has none.
ProcessSettings& process_settings(cmd_parms& line) {
  if (line.server->is_virtual) {
    throw std::invalid_argument(
        "holds for the whole server: move it out of the <VirtualHost> section");
  }
  return server_settings(line.server).process;
}

// Returns false in an .htaccess file: many threads read it at once, so it must change no server's
// settings.
bool in_server_config(const cmd_parms& line) {
  return (line.override & (RSRC_CONF | ACCESS_CONF)) != 0;
}

void ignore_for(cmd_parms& line, std::string_view why, bool missed = false) {
  const Ignored ignored{line.cmd->name, place_of(line), why, missed};
  if (in_server_config(line)) {
    server_settings(line.server).ignored.push_back(ignored);
  } else {
    report_ignored_in_file(line.server, ignored);
  }
}

template <auto field, auto parse>
void store_in_process(cmd_parms& line, RequestSettings&, const char* argument) {
  process_settings(line).*field = parse(argument);
}

constexpr char kOptionsSection[] = "<WSGIInterpreterOptions";

// Returns the options of the section <WSGIInterpreterOptions> that the line stands in, which is the
// last that has been begun, or those outside sections.
InterpreterOptions& interpreter_options(cmd_parms& line) {
  InterpreterSettings& interpreters = process_settings(line).interpreters;
  const ap_directive_t* const parent = line.directive->parent;
  const bool in_section =
      parent != nullptr && ap_cstr_casecmp(parent->directive, kOptionsSection) == 0;
  return in_section ? interpreters.sections.back().options : interpreters.outside;
}

template <auto option, auto parse>
void store_for_interpreters(cmd_parms& line, RequestSettings&, const char* argument) {
  interpreter_options(line).*option = parse(argument);
}

template <auto field, auto parse>
constexpr auto setting = &directive<&store<field, parse>>;

template <auto member, auto parse>
constexpr auto script_setting = &directive<&store_for_script<member, parse>>;

template <auto field, auto parse>
constexpr auto process_setting = &directive<&store_in_process<field, parse>>;

template <auto option, auto parse>
constexpr auto interpreter_option = &directive<&store_for_interpreters<option, parse>>;

template <long least, long most>
int parse_int(std::string_view text) {
  return static_cast<int>(parse_number(text, least, most));
}

// Returns the next positional argument, parsed as httpd parses those of its own directives.
std::string_view next_argument(cmd_parms& line, const char*& rest, const char* what) {
  const std::string_view word = ap_getword_conf(line.pool, &rest);
  if (word.empty()) {
    throw std::invalid_argument(std::string("needs ") + what);
  }
  return word;
}

std::string_view next_path(cmd_parms& line, const char*& rest, const char* what) {
  const std::string_view path = next_argument(line, rest, what);
  const char* absolute = ap_server_root_relative(line.pool, path.data());
  if (absolute == nullptr) {
    throw std::invalid_argument("has the invalid path " + base::in_quotes(path));
  }
  // Only a relative path is joined, since ap_server_root_relative() may change slashes that count
  // here.
  return path.front() == '/' ? path : std::string_view(absolute);
}

bool expands(const std::optional<std::string_view>& group) {
  return group && group->find("%{") != std::string_view::npos;
}

// Notes a group that is named outright, so that its absence is found before requests come.
void refer_to_group(cmd_parms& line, const std::optional<std::string_view>& group,
                    bool at_start = false) {
  if (group && !group->empty() && !expands(group) && in_server_config(line)) {
    server_settings(line.server)
        .group_references.push_back({written_name(line), *group, place_of(line), at_start});
  }
}

// Notes a name of application groups that each request fills in.
void note_open_name(cmd_parms& line, const std::optional<std::string_view>& group) {
  if (group && (*group == "%{HOST}" || group->starts_with("%{ENV:")) && in_server_config(line)) {
    server_settings(line.server).open_names.push_back({*group, line.cmd->name, place_of(line)});
  }
}

// Notes where a script's requests will need Python, as far as its own options tell.
void expect_requests(ServerSettings& server, const std::optional<std::string_view>& group) {
  if (!group) {
    server.names_no_group = true;
  } else if (group->empty() || expands(group)) {
    server.serves_wsgi = true;
  }
}

void add_preload(ServerSettings& server, const Preload& preload) {
  (preload.process_group.empty() ? server.preloads : server.daemon_preloads).push_back(preload);
}

// Returns true if the alias has one target, whatever the request.
bool has_fixed_target(const Alias& alias) {
  return alias.expression == nullptr || alias.target.find('$') == std::string_view::npos;
}

void name_script(cmd_parms& line, std::string_view name, std::string_view script) {
  check_named_path(script);
  std::error_code ignored;
  if (std::filesystem::is_directory(script, ignored)) {
    throw std::invalid_argument("gives a name to " + base::in_quotes(script) +
                                ", which is a directory: name each of its scripts by a "
                                "WSGIScriptName of its own");
  }
  server_settings(line.server)
      .script_names.push_back({name, script, line.cmd->name, place_of(line)});
}

// Has an alias's script loaded when the process starts, if its options name both groups.
void preload_if_known(ServerSettings& server, const Alias& alias) {
  const ScriptOptions& options = alias.options;
  std::error_code ignored;
  if (std::filesystem::is_directory(alias.target, ignored)) {
    return;  // requests will tell which of its scripts are wanted
  }
  if (options.process_group && options.application_group && has_fixed_target(alias) &&
      !expands(options.process_group) && !expands(options.application_group)) {
    add_preload(server, {alias.target, options.callable.value_or("application"),
                         *options.application_group, *options.process_group});
  }
}

void add_alias(cmd_parms& line, Alias alias, const char* rest) {
  Words words(rest);
  alias.options = parse_script_options(
      words, {.callable = true, .pass_authorization = true, .script_name = true});
  alias.place = place_of(line);
  if (alias.options.script_name) {
    if (!has_fixed_target(alias)) {
      throw std::invalid_argument("has name=, and a target that requests fill in (" +
                                  base::in_quotes(alias.target) +
                                  "): name each script by a WSGIScriptName of its own");
    }
    name_script(line, *alias.options.script_name, alias.target);
  }
  refer_to_group(line, alias.options.process_group);
  note_open_name(line, alias.options.application_group);
  ServerSettings& server = server_settings(line.server);
  server.aliases.push_back(alias);
  server.own_aliases = server.aliases.size();
  expect_requests(server, alias.options.process_group);
  preload_if_known(server, alias);
}

void script_alias(cmd_parms& line, RequestSettings&, const char* rest) {
  Alias alias;
  alias.url = next_argument(line, rest, "a URL path and the path of a script or directory");
  if (alias.url.front() != '/') {
    throw std::invalid_argument("needs a URL path that begins with '/', not " +
                                base::in_quotes(alias.url));
  }
  alias.target = next_path(line, rest, "the path of a script or directory after the URL path");
  add_alias(line, alias, rest);
}

void script_alias_match(cmd_parms& line, RequestSettings&, const char* rest) {
  Alias alias;
  alias.url = next_argument(line, rest, "a regular expression and the path of a script");
  alias.expression = ap_pregcomp(line.pool, alias.url.data(), AP_REG_EXTENDED);
  if (alias.expression == nullptr) {
    throw std::invalid_argument("has a regular expression that does not compile: " +
                                base::in_quotes(alias.url));
  }
  alias.target = next_argument(line, rest, "the path of a script after the regular expression");
  add_alias(line, alias, rest);
}

void handler_script(cmd_parms& line, RequestSettings& settings, const char* rest) {
  auto* script = base::pool_emplace<HandlerScript>(line.pool);
  script->name = next_argument(line, rest, "a handler's name and the path of its script");
  script->script = next_path(line, rest, "the path of a script after the handler's name");
  Words words(rest);
  script->options = parse_script_options(words, {.pass_authorization = true});
  refer_to_group(line, script->options.process_group);
  note_open_name(line, script->options.application_group);
  script->next = settings.handler_scripts.first;
  settings.handler_scripts.first = script;
  expect_requests(server_settings(line.server), script->options.process_group);
}

// A script that decides runs in httpd's own processes unless its own options say otherwise: what
// WSGIProcessGroup says of applications does not concern it.
template <auto field>
void deciding_script(cmd_parms& line, RequestSettings& settings, const char* rest) {
  constexpr bool routes = field == &RequestSettings::dispatch_script;
  auto* script = base::pool_emplace<DecidingScript>(line.pool);
  script->directive = line.cmd->name;
  script->script = next_path(line, rest, "the path of a script");
  Words words(rest);
  script->options = parse_script_options(words, {.callable = !routes});
  script->of_htaccess = !in_server_config(line);
  settings.*field = script;
  if (script->of_htaccess) return;
  const std::optional<std::string_view>& group = script->options.process_group;
  refer_to_group(line, group);
  note_open_name(line, script->options.application_group);
  if (!group || group->empty() || expands(group)) server_settings(line.server).serves_wsgi = true;
}

void import_script(cmd_parms& line, RequestSettings&, const char* rest) {
  const std::string_view script = next_path(line, rest, "the path of a script");
  Words words(rest);
  const ScriptOptions options = parse_script_options(words, {});
  if (!options.process_group || !options.application_group) {
    throw std::invalid_argument(
        "needs both options process-group=NAME and application-group=NAME, of which %{GLOBAL} can "
        "be one: httpd's own processes, the main interpreter");
  }
  if (expands(options.process_group) || expands(options.application_group)) {
    throw std::invalid_argument(
        "is loaded before any request, so it takes no expansion but "
        "%{GLOBAL}");
  }
  refer_to_group(line, options.process_group, true);
  ServerSettings& server = server_settings(line.server);
  add_preload(server, {script, "", *options.application_group, *options.process_group});
  expect_requests(server, options.process_group);
}

void script_name(cmd_parms& line, RequestSettings&, const char* rest) {
  const std::string_view name =
      parse_script_name(next_argument(line, rest, "a name and the path of a script"));
  const std::string_view script = next_path(line, rest, "the path of a script after the name");
  if (*rest != '\0') {
    throw std::invalid_argument("takes a name and a script, and has more: " +
                                base::in_quotes(rest));
  }
  name_script(line, name, script);
}

void pickle_guard(cmd_parms&, RequestSettings& settings, const char* rest) {
  const PickleGuard guard = parse_pickle_guard(rest);
  settings.script.give<&ScriptSettings::pickle_policy>(guard.policy);
  settings.script.give<&ScriptSettings::pickle_sample>(guard.sample);
}

void process_group(cmd_parms& line, RequestSettings& settings, const char* name) {
  settings.process_group = parse_group(name);
  refer_to_group(line, settings.process_group.value);
}

void application_group(cmd_parms& line, RequestSettings& settings, const char* name) {
  settings.application_group = name;
  note_open_name(line, settings.application_group.value);
}

void interpreter_limit(cmd_parms& line, RequestSettings&, const char* rest) {
  InterpreterLimits& limits = process_settings(line).interpreter_limits;
  const auto number = [&](const char* what) {
    return parse_int<0, 100000>(next_argument(line, rest, what));
  };
  limits = {number("a number of sub-interpreters"), std::nullopt};
  if (*rest == '\0') return;
  limits.clients = number("the number of those that clients may name");
  if (*rest != '\0') {
    throw std::invalid_argument("takes two numbers, and has more: " + base::in_quotes(rest));
  }
}

void restrict_process(cmd_parms& line, RequestSettings& settings, const char* name) {
  auto* allowed = base::pool_emplace<AllowedGroup>(line.pool);
  allowed->name = parse_group(name);
  allowed->next = settings.allowed_groups.value.value_or(nullptr);
  settings.allowed_groups = allowed;
}

void pass_apache_request(cmd_parms& line, RequestSettings& settings, const char* argument) {
  const bool passes = parse_flag(argument);
  settings.pass_apache_request = passes;
  std::optional<Place>& place = server_settings(line.server).request_rec_place;
  if (passes) place = place.value_or(place_of(line));
}

void trusted_proxies(cmd_parms& line, RequestSettings& settings, const char* network) {
  if (!settings.trusted_proxies.value) {
    settings.trusted_proxies = base::pool_emplace<TrustedProxies>(line.pool);
  }
  TrustedProxies& proxies = **settings.trusted_proxies.value;
  proxies.networks.emplace_back(network);
  proxies.of_tenant = !in_server_config(line);
  if (in_server_config(line)) {
    server_settings(line.server).trusts_proxies = true;
  }
}

void trusted_proxy_headers(cmd_parms& line, RequestSettings& settings, const char* name) {
  TrustedHeaders headers = settings.trusted_proxy_headers.value.value_or(TrustedHeaders{});
  headers.fields.add(parse_proxy_header(name));
  headers.of_tenant = !in_server_config(line);
  settings.trusted_proxy_headers = headers;
  if (in_server_config(line)) {
    std::optional<Place>& place = server_settings(line.server).proxy_headers_place;
    place = place.value_or(place_of(line));
  }
}

void request_id_header(cmd_parms& line, RequestSettings& settings, const char* name) {
  const std::string_view header = parse_header_name(name);
  settings.request_id_header = header;
  std::optional<Place>& place = server_settings(line.server).request_id_place;
  if (!header.empty()) place = place.value_or(place_of(line));
}

void log_format(cmd_parms& line, RequestSettings&, const char* format) {
  server_settings(line.server).log_json = parse_log_format(format);
}

void python_version(cmd_parms& line, RequestSettings&, const char* version) {
  process_settings(line).python = parse_python_version(version);
  process_settings(line).python_place = place_of(line);
}

void python_home(cmd_parms& line, RequestSettings&, const char* path) {
  ProcessSettings& process = process_settings(line);
  const char* absolute = ap_server_root_relative(line.pool, path);
  process.python_home = absolute != nullptr ? absolute : path;
  process.python_home_place = place_of(line);
}

void python_warnings(cmd_parms& line, RequestSettings&, const char* filter) {
  process_settings(line).python_warnings.emplace_back(filter);
}

void event_log(cmd_parms& line, RequestSettings&, const char* target) {
  const char* absolute = *target == '|' ? target : ap_server_root_relative(line.pool, target);
  if (absolute == nullptr || *target == '\0' || std::string_view(target) == "|") {
    throw std::invalid_argument("is neither a file nor '|' and a program");
  }
  process_settings(line).event_log = absolute;
}

// Ignores a directive of mod_wsgi that has no effect in Brine.
void ignore(cmd_parms& line, RequestSettings&, const char*) { ignore_for(line, {}); }

// Ignores such a directive of the whole server.
void ignore_globally(cmd_parms& line, RequestSettings& settings, const char* argument) {
  process_settings(line);
  ignore(line, settings, argument);
}

// Ignores a directive about how httpd reaches mod_wsgi's daemon processes.
void ignore_sockets(cmd_parms& line, RequestSettings&, const char*) {
  process_settings(line);
  ignore_for(line, "whose daemon processes need neither socket files nor a mutex");
}

// There is nothing that a provider of httpd 2.4 could leave to others in this way.
void ignore_authority(cmd_parms& line, RequestSettings&, const char* argument) {
  const bool authoritative = parse_flag(argument);
  ignore_for(line, authoritative ? std::string_view() : kNoAuthority, !authoritative);
}

// Ignores a flag of which Off is what there is.
void ignore_wish(cmd_parms& line, const char* argument, std::string_view why) {
  const bool wanted = parse_flag(argument);
  ignore_for(line, wanted ? why : std::string_view(), wanted);
}

void per_interpreter_gil(cmd_parms& line, RequestSettings&, const char* argument) {
  const bool wanted = parse_flag(argument);
  const std::string setting = std::string(line.cmd->name) + (wanted ? " On" : " Off");
  interpreter_options(line).own_gil = {wanted, setting + in_parentheses(place_of(line))};
}

void ignore_free_threading(cmd_parms& line, RequestSettings&, const char* argument) {
  process_settings(line);
  ignore_wish(line, argument, kNoFreeThreading);
}

void ignore_agent(cmd_parms& line, RequestSettings&, const char*) {
  process_settings(line);
  ignore_for(line, kNoAgent, true);
}

void ignore_telemetry(cmd_parms& line, RequestSettings&, const char*) {
  process_settings(line);
  ignore_for(line, kNoTelemetry, true);
}

void daemon_process(cmd_parms& line, RequestSettings&, const char* arguments) {
  DaemonDefinition definition{parse_daemon_options(arguments), place_of(line)};
  ServerSettings& server = server_settings(line.server);
  for (const WithoutEffect& option : definition.options.without_effect) {
    server.ignored.push_back({"WSGIDaemonProcess's option " + std::string(option.name),
                              definition.place, option.missed, !option.missed.empty()});
  }
  server.daemon_definitions.push_back(std::move(definition));
}

void python_path(cmd_parms& line, RequestSettings&, const char* paths) {
  std::vector<engine::SearchPath> path;
  for (std::string& directory : parse_path_list(paths)) {
    path.push_back({std::move(directory), origin_of(line)});
  }
  interpreter_options(line).python_path = std::move(path);
}

void switch_interval(cmd_parms& line, RequestSettings&, const char* time) {
  interpreter_options(line).switch_interval = {parse_switch_interval(time), origin_of(line)};
}

// Parses the head of a section, which has to name its interpreters before there are any.
OptionsSection parse_selectors(std::string_view head) {
  if (!head.ends_with('>')) {
    throw std::invalid_argument("needs a '>' at the end of its line");
  }
  head.remove_suffix(1);
  Words words(head);
  const ScriptOptions options = parse_script_options(words, {});
  for (const auto& name : {options.process_group, options.application_group}) {
    if (expands(name)) {
      throw std::invalid_argument(
          "has " + base::in_quotes(*name) +
          ", which only a request fills in: name the group as it is called, or %{GLOBAL}");
    }
  }
  return {options.process_group, options.application_group};
}

// Throws std::invalid_argument unless the section holds nothing but what is about interpreters.
void check_members(const cmd_parms& line) {
  constexpr const char* kMembers[] = {
      "WSGIPerInterpreterGIL", "WSGIFreeThreading",  "WSGISwitchInterval", "WSGIPythonPath",
      "WSGIRestrictStdin",     "WSGIRestrictStdout", "WSGIRestrictSignal"};
  for (const ap_directive_t* each = line.directive->first_child; each; each = each->next) {
    const auto is_named = [&](const char* name) {
      return ap_cstr_casecmp(name, each->directive) == 0;
    };
    if (std::none_of(std::begin(kMembers), std::end(kMembers), is_named)) {
      throw std::invalid_argument(
          "takes WSGIPerInterpreterGIL, WSGIFreeThreading, WSGISwitchInterval, WSGIPythonPath and "
          "WSGIRestrictStdin, -Stdout and -Signal, and holds " +
          std::string(each->directive) + in_parentheses({each->filename, each->line_num}));
    }
  }
}

void begin_options_section(cmd_parms& line, RequestSettings&, const char* head) {
  InterpreterSettings& interpreters = process_settings(line).interpreters;
  const OptionsSection section = parse_selectors(head);
  check_members(line);
  refer_to_group(line, section.process_group);
  interpreters.sections.push_back(section);
}

// Has httpd call the setters of the section's directives, which find the section as their parent.
const char* options_section(cmd_parms* line, void* settings, const char* head) noexcept {
  const char* const error = directive<&begin_options_section>(line, settings, head);
  return error != nullptr ? error
                          : ap_walk_config(line->directive->first_child, line, line->context);
}

constexpr int kServer = RSRC_CONF;
constexpr int kServerOrDirectory = RSRC_CONF | ACCESS_CONF;
constexpr int kAnywhere = OR_FILEINFO;

}  // namespace

const command_rec directive_table[] = {
    AP_INIT_RAW_ARGS("WSGIScriptAlias", directive<&script_alias>, nullptr, kServer,
                     "URL path, script file or directory, options"),
    AP_INIT_RAW_ARGS("WSGIScriptAliasMatch", directive<&script_alias_match>, nullptr, kServer,
                     "regular expression for the URL path, script with $1 ..., options"),
    AP_INIT_RAW_ARGS("WSGIHandlerScript", directive<&handler_script>, nullptr, kServerOrDirectory,
                     "handler name, script, options"),
    AP_INIT_RAW_ARGS("WSGIImportScript", directive<&import_script>, nullptr, kServer,
                     "script, process-group=NAME application-group=NAME"),
    AP_INIT_RAW_ARGS("WSGIScriptName", directive<&script_name>, nullptr, kServer,
                     "name of a script's module, script"),

    AP_INIT_RAW_ARGS("WSGIAccessScript",
                     directive<&deciding_script<&RequestSettings::access_script>>, nullptr,
                     OR_AUTHCFG, "script, options"),
    AP_INIT_RAW_ARGS("WSGIAuthUserScript",
                     directive<&deciding_script<&RequestSettings::auth_user_script>>, nullptr,
                     OR_AUTHCFG, "script, options"),
    AP_INIT_RAW_ARGS("WSGIAuthGroupScript",
                     directive<&deciding_script<&RequestSettings::auth_group_script>>, nullptr,
                     OR_AUTHCFG, "script, options"),
    AP_INIT_RAW_ARGS("WSGIDispatchScript",
                     directive<&deciding_script<&RequestSettings::dispatch_script>>, nullptr,
                     kServerOrDirectory, "script, options"),

    AP_INIT_RAW_ARGS("WSGIDaemonProcess", directive<&daemon_process>, nullptr, kServer,
                     "name of the group, options"),
    AP_INIT_TAKE1("WSGIProcessGroup", directive<&process_group>, nullptr, kServerOrDirectory,
                  "name of a daemon process group, %{GLOBAL}, or another expansion"),
    AP_INIT_ITERATE("WSGIRestrictProcess", directive<&restrict_process>, nullptr,
                    kServerOrDirectory, "names of the process groups that may be used here"),
    AP_INIT_TAKE1("WSGIApplicationGroup", directive<&application_group>, nullptr,
                  kServerOrDirectory, "interpreter's name or expansion"),
    AP_INIT_TAKE1("WSGICallableObject", (setting<&RequestSettings::callable, &parse_text>), nullptr,
                  kAnywhere, "name of the application object in the script"),
    AP_INIT_TAKE1("WSGIPassAuthorization",
                  (setting<&RequestSettings::pass_authorization, &parse_flag>), nullptr, kAnywhere,
                  "On or Off"),
    AP_INIT_TAKE1("WSGIPassApacheRequest", directive<&pass_apache_request>, nullptr,
                  kServerOrDirectory, "On or Off"),
    AP_INIT_TAKE1("WSGIMapHEADToGET",
                  (setting<&RequestSettings::map_head_to_get, &parse_head_mapping>), nullptr,
                  kAnywhere, "Auto, On or Off"),
    AP_INIT_TAKE1("WSGIChunkedRequest",
                  (setting<&RequestSettings::chunked_request, &parse_chunked_request>), nullptr,
                  kAnywhere, "On, Off or Stream"),
    AP_INIT_TAKE1("WSGIRequestBuffering",
                  (setting<&RequestSettings::request_buffering, &parse_buffering>), nullptr,
                  kAnywhere, "Off, or the most bytes of a body that are read first"),
    AP_INIT_TAKE1("WSGIResponseBuffering",
                  (setting<&RequestSettings::response_buffering, &parse_buffering>), nullptr,
                  kAnywhere, "Off, or the most bytes of a response that are kept"),
    AP_INIT_TAKE1("WSGIScriptReloading",
                  (script_setting<&ScriptSettings::reloading, &parse_script_reloading>), nullptr,
                  kAnywhere, "On, Off or Rolling"),
    AP_INIT_TAKE1("WSGIReloadFailure",
                  (script_setting<&ScriptSettings::keep_last_good, &parse_keep_last_good>), nullptr,
                  kAnywhere, "Keep or Fail"),
    AP_INIT_TAKE1("WSGIScriptModules",
                  (script_setting<&ScriptSettings::registered, &parse_registered>), nullptr,
                  kServerOrDirectory, "Anonymous or Registered"),
    AP_INIT_TAKE1("WSGIEnableSendfile", (setting<&RequestSettings::enable_sendfile, &parse_flag>),
                  nullptr, kAnywhere, "On or Off"),
    AP_INIT_TAKE1("WSGILocationRedirect",
                  (setting<&RequestSettings::location_redirect, &parse_flag>), nullptr, kAnywhere,
                  "On or Off"),
    AP_INIT_TAKE1("WSGIErrorOverride", (setting<&RequestSettings::error_override, &parse_flag>),
                  nullptr, kAnywhere, "On or Off"),
    AP_INIT_TAKE1("WSGIStrictHeaders", (setting<&RequestSettings::strict_headers, &parse_flag>),
                  nullptr, kAnywhere, "On or Off"),
    AP_INIT_ITERATE("WSGITrustedProxies", directive<&trusted_proxies>, nullptr, kAnywhere,
                    "addresses and networks of proxies"),
    AP_INIT_ITERATE("WSGITrustedProxyHeaders", directive<&trusted_proxy_headers>, nullptr,
                    kAnywhere, "names of the header fields that these proxies set"),
    AP_INIT_TAKE1("WSGILogFormat", directive<&log_format>, nullptr, kServer, "Text or JSON"),
    AP_INIT_TAKE1("WSGIStatusStacks",
                  (process_setting<&ProcessSettings::status_stacks, &parse_flag>), nullptr, kServer,
                  "On or Off"),
    AP_INIT_TAKE1("WSGIEventLog", directive<&event_log>, nullptr, kServer,
                  "a file, or | and a program, that gets a line of JSON for each event"),
    AP_INIT_TAKE1("WSGISlowRequest", (setting<&RequestSettings::slow_request, &parse_slow_request>),
                  nullptr, kServerOrDirectory, "Off, or a time such as 2s"),
    AP_INIT_TAKE1("WSGIRequestIdHeader", directive<&request_id_header>, nullptr, kServerOrDirectory,
                  "Off, or the name of a header field that trusted proxies set"),
    AP_INIT_TAKE1("WSGIIgnoreActivity",
                  (script_setting<&ScriptSettings::ignore_activity, &parse_flag>), nullptr,
                  kAnywhere, "On or Off"),

    AP_INIT_TAKE1("WSGILogging", (script_setting<&ScriptSettings::logging, &parse_flag>), nullptr,
                  kServerOrDirectory, "On or Off"),

    AP_INIT_RAW_ARGS("WSGIPickleGuard", directive<&pickle_guard>, nullptr, kServerOrDirectory,
                     "Off, Report, Enforce or BuiltinOnly, and sample=N"),

    AP_INIT_TAKE1("WSGIPython", directive<&python_version>, nullptr, kServer,
                  "version of the embedded Python, such as 3.12 or 3.13t"),
    AP_INIT_TAKE1("WSGIPythonHome", directive<&python_home>, nullptr, kServer,
                  "virtual environment or Python's prefix"),
    AP_INIT_TAKE1("WSGIPythonPath", directive<&python_path>, nullptr, kServer,
                  "directories separated by ':'"),
    AP_INIT_TAKE1("WSGIPythonEggs", (process_setting<&ProcessSettings::python_eggs, &parse_text>),
                  nullptr, kServer, "directory"),
    AP_INIT_TAKE1("WSGIPythonWarnings", directive<&python_warnings>, nullptr, kServer,
                  "filter as for python -W"),
    AP_INIT_TAKE1("WSGIPythonOptimize",
                  (process_setting<&ProcessSettings::python_optimize, &parse_int<0, 2>>), nullptr,
                  kServer, "0, 1 or 2"),
    AP_INIT_TAKE1("WSGIPythonHashSeed",
                  (process_setting<&ProcessSettings::hash_seed, &parse_hash_seed>), nullptr,
                  kServer, "random, or a number"),
    AP_INIT_TAKE1("WSGISwitchInterval", directive<&switch_interval>, nullptr, kServer,
                  "duration, such as 5ms"),
    AP_INIT_RAW_ARGS("<WSGIInterpreterOptions", &options_section, nullptr, kServer,
                     "process-group=NAME application-group=NAME"),
    AP_INIT_TAKE1("WSGIDontWriteBytecode",
                  (process_setting<&ProcessSettings::dont_write_bytecode, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_TAKE1("WSGIPerInterpreterGIL", directive<&per_interpreter_gil>, nullptr, kServer,
                  "On or Off"),
    AP_INIT_TAKE1("WSGIRestrictStdin",
                  (interpreter_option<&InterpreterOptions::restrict_stdin, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_TAKE1("WSGIRestrictStdout",
                  (interpreter_option<&InterpreterOptions::restrict_stdout, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_TAKE1("WSGIRestrictSignal",
                  (interpreter_option<&InterpreterOptions::restrict_signal, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_TAKE1("WSGIRestrictEmbedded",
                  (process_setting<&ProcessSettings::restrict_embedded, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_TAKE1("WSGIServerMetrics",
                  (process_setting<&ProcessSettings::server_metrics, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_TAKE1("WSGICaseSensitivity",
                  (process_setting<&ProcessSettings::case_sensitive, &parse_flag>), nullptr,
                  kServer, "On or Off"),
    AP_INIT_RAW_ARGS("WSGIInterpreterLimit", directive<&interpreter_limit>, nullptr, kServer,
                     "number of sub-interpreters in a process, and of those that clients may name"),

    AP_INIT_TAKE1("WSGISocketPrefix", directive<&ignore_sockets>, nullptr, kServer, "no effect"),
    AP_INIT_TAKE1("WSGISocketRotation", directive<&ignore_sockets>, nullptr, kServer, "no effect"),
    AP_INIT_TAKE1("WSGIAcceptMutex", directive<&ignore_sockets>, nullptr, kServer, "no effect"),
    AP_INIT_TAKE1("WSGILazyInitialization", directive<&ignore_globally>, nullptr, kServer,
                  "no effect"),
    AP_INIT_TAKE1("WSGIVerboseDebugging", directive<&ignore_globally>, nullptr, kServer,
                  "no effect"),
    AP_INIT_TAKE1("WSGIDestroyInterpreter", directive<&ignore_globally>, nullptr, kServer,
                  "no effect"),
    AP_INIT_TAKE1("WSGIFreeThreading", directive<&ignore_free_threading>, nullptr, kServer,
                  "no effect"),
    AP_INIT_TAKE1("WSGINewRelicConfigFile", directive<&ignore_agent>, nullptr, kServer,
                  "no effect"),
    AP_INIT_TAKE1("WSGINewRelicEnvironment", directive<&ignore_agent>, nullptr, kServer,
                  "no effect"),
    AP_INIT_RAW_ARGS("WSGITelemetryService", directive<&ignore_telemetry>, nullptr, kServer,
                     "no effect"),
    AP_INIT_TAKE1("WSGISlowRequests", directive<&ignore_telemetry>, nullptr, kServer, "no effect"),
    AP_INIT_RAW_ARGS("WSGITelemetryOptions", directive<&ignore_telemetry>, nullptr, kServer,
                     "no effect"),
    AP_INIT_TAKE1("WSGIGroupAuthoritative", directive<&ignore_authority>, nullptr, OR_AUTHCFG,
                  "no effect"),
    {nullptr, {nullptr}, nullptr, 0, RAW_ARGS, nullptr},
};

}  // namespace brine::apache
