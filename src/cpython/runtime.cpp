#include "cpython/runtime.hpp"

#include <Python.h>

#include <clocale>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "cpython/gil.hpp"
#include "cpython/signals.hpp"

namespace brine::cpython {
namespace {

struct ConfigOwner {
  PyConfig config;
  ConfigOwner() { PyConfig_InitPythonConfig(&config); }
  ~ConfigOwner() { PyConfig_Clear(&config); }
  ConfigOwner(const ConfigOwner&) = delete;
  ConfigOwner& operator=(const ConfigOwner&) = delete;
};

std::string words(const char* step, const PyStatus& status) {
  std::string text = step;
  text += ": ";
  text += status.err_msg != nullptr ? status.err_msg : "unknown error";
  return text;
}

PyStatus fill(PyConfig& config, const RuntimeConfig& wanted) {
  config.parse_argv = 0;
  config.install_signal_handlers = 0;  // httpd or the daemon process handles them
  config.optimization_level = wanted.optimize;
  config.write_bytecode = wanted.write_bytecode ? 1 : 0;
  config.buffered_stdio = 1;
  if (wanted.hash_seed == "random") {
    config.use_hash_seed = 0;
  } else if (!wanted.hash_seed.empty()) {
    config.use_hash_seed = 1;
    config.hash_seed = std::strtoul(wanted.hash_seed.c_str(), nullptr, 10);
  }
  PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, wanted.program.c_str());
  if (PyStatus_Exception(status)) return status;
  // The executable is set too, since Python would otherwise search PATH, where another Python may
  // come first.
  status = PyConfig_SetBytesString(&config, &config.executable, wanted.program.c_str());
  if (!PyStatus_Exception(status) && !wanted.home.empty()) {
    status = PyConfig_SetBytesString(&config, &config.home, wanted.home.c_str());
  }
  if (!PyStatus_Exception(status) && kIsFreeThreaded) {
    // The option `-X gil=1` overrides PYTHON_GIL of the environment, and a member of PyConfig would
    // not.
    status = PyWideStringList_Append(&config.xoptions, L"gil=1");
  }
  for (const std::string& warning : wanted.warnings) {
    if (PyStatus_Exception(status)) return status;
    wchar_t* text = Py_DecodeLocale(warning.c_str(), nullptr);
    if (text == nullptr) return PyStatus_NoMemory();
    status = PyWideStringList_Append(&config.warnoptions, text);
    PyMem_RawFree(text);
  }
  return status;
}

bool is_c(std::string_view locale) { return locale == "C" || locale == "POSIX"; }

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

// Sets LC_CTYPE to C.UTF-8 where it is C, as Python's own start does (PEP 538), so that
// locale.getlocale() and C libraries use UTF-8 too. A locale that the process has set stays.
// C.UTF-8 treats single bytes like C, so httpd, which sets none, sees no difference.
void coerce_c_locale() {
  const char* locale = std::setlocale(LC_CTYPE, nullptr);
  if (locale == nullptr || !is_c(locale)) return;
  locale = nullptr;
  for (const char* name : {"C.UTF-8", "C.utf8", "UTF-8"}) {
    if (locale == nullptr) locale = std::setlocale(LC_CTYPE, name);
  }
  if (locale == nullptr || !variable("LC_ALL").empty()) return;
  // Programs that the application starts take their locale from the environment.
  const std::string_view asked = variable(variable("LC_CTYPE").empty() ? "LANG" : "LC_CTYPE");
  if (asked.empty() || is_c(asked)) ::setenv("LC_CTYPE", locale, 1);
}

}  // namespace

std::string start_python(const RuntimeConfig& wanted) {
  PyPreConfig preconfig;
  PyPreConfig_InitPythonConfig(&preconfig);
  const char* utf8 = std::getenv("PYTHONUTF8");
  preconfig.utf8_mode = utf8 != nullptr && std::strcmp(utf8, "0") == 0 ? 0 : 1;
  preconfig.configure_locale = 0;  // coerce_c_locale() does
  if (preconfig.utf8_mode != 0) coerce_c_locale();
  PyStatus status = Py_PreInitialize(&preconfig);
  if (PyStatus_Exception(status)) return words("pre-initialisation", status);

  ConfigOwner owner;
  status = fill(owner.config, wanted);
  if (PyStatus_Exception(status)) return words("configuration", status);
  ignore_python_signals();
  status = Py_InitializeFromConfig(&owner.config);
  if (PyStatus_Exception(status)) return words("initialisation", status);
  return "";
}

}  // namespace brine::cpython
