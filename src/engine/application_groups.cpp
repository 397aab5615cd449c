#include "engine/application_groups.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boundary/interpreter_options.hpp"
#include "boundary/named_script.hpp"
#include "boundary/policy.hpp"
#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "engine/least_busy.hpp"
#include "pickle/scope.hpp"

namespace brine::engine {

using base::Level;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Interpreter;
using cpython::Ref;
using cpython::steal;

namespace {

// An application may set a switch interval that is longer than base::Nanos can say, in seconds.
constexpr double kLongestTurn = 1e6;

wsgi::InterpreterInfo interpreter_info(const Config& config, const std::string& name) {
  return {config.process_group,
          name,
          config.maximum_processes,
          config.threads_per_process,
          config.multithread,
          config.multiprocess,
          config.run_once,
          config.at_terminal,
          {config.apache_version[0], config.apache_version[1], config.apache_version[2]},
          config.apache_processes,
          config.apache_threads,
          config.apache_description,
          config.apache_mpm,
          config.apache_build_date};
}

// log_info(text) is a function that bootstrap.py calls.
PyObject* log_info(PyObject*, PyObject* text) noexcept {
  const GilLock gil = GilLock::adopt();
  wsgi::current_log().log(Level::info, cpython::to_utf8(gil, text));
  Py_RETURN_NONE;
}

PyMethodDef log_info_method = {"log_info", log_info, METH_O, nullptr};

// log_warning(text) is a function that bootstrap.py calls.
PyObject* log_warning(PyObject*, PyObject* text) noexcept {
  const GilLock gil = GilLock::adopt();
  wsgi::current_log().log(Level::warning, cpython::to_utf8(gil, text));
  Py_RETURN_NONE;
}

PyMethodDef log_warning_method = {"log_warning", log_warning, METH_O, nullptr};

// log_error(text) is a function that bootstrap.py calls.
PyObject* log_error(PyObject*, PyObject* text) noexcept {
  const GilLock gil = GilLock::adopt();
  wsgi::current_log().log(Level::error, cpython::to_utf8(gil, text));
  Py_RETURN_NONE;
}

PyMethodDef log_error_method = {"log_error", log_error, METH_O, nullptr};

// load_script(name) is a function that bootstrap.py calls. `group` is a capsule.
PyObject* load_script(PyObject* group, PyObject* name) noexcept {
  return cpython::callback([&](GilLock& gil) {
    auto* found = static_cast<ApplicationGroup*>(PyCapsule_GetPointer(group, nullptr));
    const bool loaded = found->load_named(gil, cpython::to_utf8(gil, name));
    return cpython::borrow(gil, loaded ? Py_True : Py_False);
  });
}

PyMethodDef load_script_method = {"load_script", load_script, METH_O, nullptr};

// Gives the interpreter the table of the scripts that have a name (WSGIScriptName).
void name_scripts(const GilLock& gil, ApplicationGroup& group) {
  const std::vector<NamedScript>& named = group.config.named_scripts;
  if (named.empty()) return;
  Ref table = steal(gil, PyList_New(0));
  for (const NamedScript& script : named) {
    Ref name = cpython::from_utf8(gil, script.name);
    Ref path = script::path_object(gil, script.path);
    check(gil,
          PyList_Append(table.get(), steal(gil, PyTuple_Pack(2, name.get(), path.get())).get()));
  }
  Ref self = steal(gil, PyCapsule_New(&group, nullptr, nullptr));
  Ref load = steal(gil, PyCFunction_New(&load_script_method, self.get()));
  Ref log = steal(gil, PyCFunction_New(&log_error_method, nullptr));
  steal(gil, PyObject_CallFunctionObjArgs(group.bootstrap.get(gil, "name_scripts"), table.get(),
                                          load.get(), log.get(), nullptr));
}

// Applies WSGIRestrictStdin, WSGIRestrictStdout and WSGIRestrictSignal.
void restrict_access(const GilLock& gil, const script::Bootstrap& bootstrap,
                     const InterpreterOptions& options, bool at_terminal) {
  const std::pair<bool, const char*> streams[] = {
      {options.restrict_stdin.value_or(false), "stdin"},
      {options.restrict_stdout.value_or(false), "stdout"}};
  for (const auto& [restricted, name] : streams) {
    if (!restricted || at_terminal) continue;
    Ref stream = steal(gil, PyObject_CallFunction(bootstrap.get(gil, "Restricted"), "s",
                                                  (std::string("sys.") + name).c_str()));
    check(gil, PySys_SetObject(name, stream.get()));
  }
  if (options.restrict_signal.value_or(true)) {
    Ref log = steal(gil, PyCFunction_New(&log_info_method, nullptr));
    steal(gil, PyObject_CallOneArg(bootstrap.get(gil, "ignore_signals"), log.get()));
  }
}

// Adds the directories of WSGIPythonPath, python-path= and home= to sys.path.
void add_paths(const GilLock& gil, const script::Bootstrap& bootstrap,
               const std::vector<SearchPath>& python_path) {
  if (python_path.empty()) return;
  Ref paths = steal(gil, PyList_New(0));
  for (const SearchPath& path : python_path) {
    check(gil, PyList_Append(paths.get(), script::path_object(gil, path.directory).get()));
  }
  Ref missing = steal(gil, PyObject_CallOneArg(bootstrap.get(gil, "add_paths"), paths.get()));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(missing.get()); ++i) {
    const auto index = static_cast<std::size_t>(PyLong_AsSize_t(PyList_GET_ITEM(missing.get(), i)));
    const SearchPath& path = python_path.at(index);
    wsgi::current_log().log(Level::warning,
                            "BRINE0203: " + path.origin + " names '" + path.directory +
                                "', which is not a directory that the process's user can see");
  }
}

// Warns if the interpreter alone is to have an interval, which is the GIL's: the process has one.
void warn_of_interval(const Config& config, const std::string& name,
                      const InterpreterOptions& options) {
  const std::optional<SwitchInterval> of_process =
      options_of(config.interpreter_rules, std::nullopt).switch_interval;
  if (!options.switch_interval ||
      (of_process && of_process->seconds == options.switch_interval->seconds)) {
    return;
  }
  wsgi::current_log().log(
      Level::warning,
      "BRINE0208: " + options.switch_interval->origin + " has no effect for " +
          (name.empty() ? "the main interpreter" : "the interpreter '" + name + "'") +
          ", whose GIL the others of its process share: give the time in a section "
          "<WSGIInterpreterOptions> without application-group=, and it holds for all of them");
}

// Returns true if this sub-interpreter is to have a GIL of its own, and Python can.
bool has_own_gil(const Config& config, const std::string& name) {
  return cpython::kHasOwnGils && !name.empty() &&
         (config.interpreters > 1 ||
          options_of(config.interpreter_rules, name).own_gil.value_or(OwnGil{}).wanted);
}

// Returns true if some sub-interpreter may have one.
bool has_own_gils(const Config& config) {
  return cpython::kHasOwnGils &&
         (config.interpreters > 1 || !reasons_for_own_gils(config.interpreter_rules).empty());
}

// Returns which limit has been reached, and who chose the names.
std::string why_not(const Config& config, wsgi::NamedBy named_by) {
  if (named_by == wsgi::NamedBy::configuration) {
    return "the configuration names more than the " + std::to_string(config.interpreter_limit) +
           " sub-interpreters that WSGIInterpreterLimit allows";
  }
  const std::string limit =
      ", and there are already " + std::to_string(config.client_interpreter_limit) +
      " that clients have named, as many as WSGIInterpreterLimit allows by its second number";
  return named_by == wsgi::NamedBy::host
             ? "it is named by the client's Host header (%{HOST}), which no ServerName or "
               "ServerAlias matches but by a wildcard" +
                   limit
             : "it is named by a variable (%{ENV:...})" + limit;
}

}  // namespace

void set_switch_interval(const GilLock& gil, const InterpreterOptions& options) {
  if (!options.switch_interval) return;
  steal(gil, PyObject_CallFunction(PySys_GetObject("setswitchinterval"), "d",
                                   options.switch_interval->seconds));
}

ApplicationGroup::ApplicationGroup(const GilLock& gil, Interpreter own_interpreter,
                                   ApplicationGroup* main, const Config& process_config,
                                   const std::string& name)
    : config(process_config),
      interpreter(own_interpreter),
      line(main == nullptr || interpreter.has_own_gil() ? own_line : main->line),
      get_switch_interval(cpython::borrow(gil, PySys_GetObject("getswitchinterval"))),
      bootstrap(gil, {config.pickle_policy, config.pickle_sample}, config.log_level),
      loader(bootstrap, name, {config.script_user, config.script_group}),
      gateway(gil, interpreter_info(config, name),
              {bootstrap.get(gil, "FileWrapper"), bootstrap.get(gil, "plain_file"),
               bootstrap.get(gil, "Log"), bootstrap.get(gil, "advise"),
               bootstrap.get(gil, "complete_module")}) {
  if (config.service) {
    steal(gil, PyObject_CallFunction(bootstrap.get(gil, "become_service"), "O",
                                     name.empty() ? Py_True : Py_False));
  }
  if (config.process_group.empty()) {
    steal(gil, PyObject_CallNoArgs(bootstrap.get(gil, "start_programs_unmasked")));
  }
  if (config.crash_fd >= 0) {
    steal(gil, PyObject_CallNoArgs(bootstrap.get(gil, "keep_abort_open")));
  }
  if (!name.empty() || has_own_gils(config)) {
    steal(gil, PyObject_CallOneArg(bootstrap.get(gil, "refuse_forks"),
                                   name.empty() ? Py_True : Py_False));
  }
  Ref warn = steal(gil, PyCFunction_New(&log_warning_method, nullptr));
  steal(gil, PyObject_CallOneArg(bootstrap.get(gil, "warn_of_text_files"), warn.get()));
  const InterpreterOptions options = options_of(config.interpreter_rules, name);
  restrict_access(gil, bootstrap, options, config.at_terminal);
  add_paths(gil, bootstrap, options.python_path);
  name_scripts(gil, *this);
  if (interpreter.has_own_gil()) {
    set_switch_interval(gil, options);
  } else {
    warn_of_interval(config, name, options);
  }
}

bool ApplicationGroup::load_named(GilLock& gil, std::string_view script_name) {
  const auto found =
      std::find_if(config.named_scripts.begin(), config.named_scripts.end(),
                   [&](const NamedScript& each) { return each.name == script_name; });
  if (found == config.named_scripts.end()) return false;
  script::Wanted wanted;
  wanted.path = found->path;
  wanted.resource = found->path;
  wanted.settings = found->settings;
  const pickle::PolicyScope guarded(wanted.settings.pickle_policy, pickle::current_listener(),
                                    wanted.settings.pickle_sample);
  try {
    loader.lease(gil, wanted, wsgi::current_log());
    return true;
  } catch (const script::Unavailable&) {
    return false;
  }
}

base::Nanos ApplicationGroup::turn(const GilLock&) const noexcept {
  PyObject* const seconds = PyObject_CallNoArgs(get_switch_interval.get());
  if (seconds == nullptr) {  // there is no memory for a number
    PyErr_Clear();
    return 0;
  }
  const double turn = std::min(PyFloat_AsDouble(seconds), kLongestTurn);
  Py_DECREF(seconds);
  return static_cast<base::Nanos>(turn * static_cast<double>(base::kSecond));
}

ApplicationGroups::ApplicationGroups(const GilLock& gil, const Config& config)
    : config_(config),
      main_(new ApplicationGroup(gil, Interpreter::main(gil), nullptr, config_, "")) {}

ApplicationGroups::Turn::~Turn() {
  if (slot_ == nullptr) return;
  const std::lock_guard choosing(slot_->choosing);
  --slot_->running[index_];
}

ApplicationGroups::Turn ApplicationGroups::choose(std::string_view name, wsgi::NamedBy named_by,
                                                  base::LogSink& log) {
  if (name.empty()) {
    if (config_.interpreters > 1) warn_of_main(log);
    return {*main_, nullptr, 0};
  }
  Slot& found = complete_slot(name, named_by, log);
  if (found.groups.size() == 1) return {*found.groups.front(), nullptr, 0};
  const std::lock_guard choosing(found.choosing);
  const std::size_t index = least_busy(found.running);
  ++found.running[index];
  return {*found.groups[index], &found, index};
}

std::vector<ApplicationGroup*> ApplicationGroups::interpreters_of(std::string_view name,
                                                                  wsgi::NamedBy named_by,
                                                                  base::LogSink& log) {
  if (name.empty()) return {main_};
  Slot& found = complete_slot(name, named_by, log);
  return {found.groups.begin(), found.groups.end()};
}

// A process has one main interpreter, so interpreters= does nothing for it. Said once.
void ApplicationGroups::warn_of_main(base::LogSink& log) noexcept {
  if (warned_of_main_.exchange(true)) return;
  log.log(Level::warning,
          "BRINE0209: interpreters=" + std::to_string(config_.interpreters) +
              " of WSGIDaemonProcess " + config_.process_group +
              " has no effect for application group %{GLOBAL}, the main interpreter, of which a "
              "process has one: name another group by WSGIApplicationGroup or application-group=, "
              "or give the process group more processes");
}

// Returns the slot of a group whose interpreters have all been made.
ApplicationGroups::Slot& ApplicationGroups::complete_slot(std::string_view name,
                                                          wsgi::NamedBy named_by,
                                                          base::LogSink& log) {
  Slot& wanted = slot(name, named_by, log);
  if (wanted.is_complete()) return wanted;
  const std::lock_guard making(wanted.making);
  for (std::atomic<ApplicationGroup*>& group : wanted.groups) {
    if (group == nullptr) group = make(std::string(name), wanted, log);
    if (group == nullptr) throw NoGroup::failed;
  }
  return wanted;
}

// Names that clients choose have slots of their own, so that they take none of those for the
// configuration's names.
ApplicationGroups::Slot& ApplicationGroups::slot(std::string_view name, wsgi::NamedBy named_by,
                                                 base::LogSink& log) {
  {
    const std::shared_lock reading(mutex_);
    if (auto found = slots_.find(name); found != slots_.end()) return *found->second;
  }
  const std::lock_guard writing(mutex_);
  if (auto found = slots_.find(name); found != slots_.end()) return *found->second;
  const bool of_client = named_by != wsgi::NamedBy::configuration;
  const int there =
      of_client ? slots_of_clients_ : static_cast<int>(slots_.size()) - slots_of_clients_;
  const int limit = of_client ? config_.client_interpreter_limit : config_.interpreter_limit;
  if ((there + 1) * config_.interpreters > limit) {
    log.log(Level::error, "BRINE0201: no interpreter for application group '" + std::string(name) +
                              "': " + why_not(config_, named_by));
    throw NoGroup::limit;
  }
  slots_of_clients_ += of_client ? 1 : 0;
  return *slots_
              .emplace(std::string(name),
                       std::make_unique<Slot>(static_cast<std::size_t>(config_.interpreters)))
              .first->second;
}

// Called with `slot.making` held.
ApplicationGroup* ApplicationGroups::make(const std::string& name, Slot& slot, base::LogSink& log) {
  const wsgi::LogScope scope(log);
  std::string error;
  auto fill = [&](const Interpreter& interpreter) {
    return interpreter.with_gil([&](GilLock& gil) -> ApplicationGroup* {
      try {
        return new ApplicationGroup(gil, interpreter, main_, config_, name);
      } catch (const ErrorSet&) {
        error = cpython::take_error(gil).traceback;
        return nullptr;
      }
    });
  };
  ApplicationGroup* made = nullptr;
  try {
    if (!slot.spare) slot.spare = make_interpreter(name);
    made = fill(*slot.spare);
  } catch (const ErrorSet&) {
    error = "Python could not make a sub-interpreter";
  }
  if (made != nullptr) slot.spare.reset();
  if (made == nullptr) {
    log.log(Level::error, "BRINE0202: the interpreter of application group '" + name +
                              "' could not be created\n" + error);
  } else {
    count_.fetch_add(1, std::memory_order_relaxed);
    log.log(Level::info, "created interpreter '" + name + "'");
  }
  return made;
}

Interpreter ApplicationGroups::make_interpreter(const std::string& name) {
  using cpython::Gil;
  const Gil wanted = has_own_gil(config_, name) ? Gil::own : Gil::shared;
  const std::lock_guard making(interpreter_making_);
  return main_->interpreter.with_gil([&](GilLock& gil) { return Interpreter::sub(gil, wanted); });
}

std::vector<ApplicationGroup*> ApplicationGroups::all() const {
  std::vector<ApplicationGroup*> groups = {main_};
  const std::shared_lock reading(mutex_);
  for (const auto& [name, slot] : slots_) {
    for (ApplicationGroup* const group : slot->groups) {
      if (group != nullptr) groups.push_back(group);
    }
  }
  return groups;
}

}  // namespace brine::engine
