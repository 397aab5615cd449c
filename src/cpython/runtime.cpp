#include "cpython/runtime.hpp"

#include <Python.h>

#include <cstdlib>
#include <cstring>

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
  config.install_signal_handlers = 0;  // signals are httpd's
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
  // The executable too: otherwise PATH is searched, and another Python may be first there.
  status = PyConfig_SetBytesString(&config, &config.executable, wanted.program.c_str());
  if (!PyStatus_Exception(status) && !wanted.home.empty()) {
    status = PyConfig_SetBytesString(&config, &config.home, wanted.home.c_str());
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

}  // namespace

std::string start_python(const RuntimeConfig& wanted) {
  PyPreConfig preconfig;
  PyPreConfig_InitPythonConfig(&preconfig);
  const char* utf8 = std::getenv("PYTHONUTF8");
  preconfig.utf8_mode = utf8 != nullptr && std::strcmp(utf8, "0") == 0 ? 0 : 1;
  preconfig.configure_locale = 0;  // the process's locale belongs to httpd
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
