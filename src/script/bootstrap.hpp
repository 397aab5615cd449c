// Bootstrap calls the functions of bootstrap.py: the import finders, the execution of scripts, the
// search for old generations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "boundary/log.hpp"
#include "boundary/policy.hpp"
#include "cpython/ref.hpp"

namespace brine::script {

/// The functions of bootstrap.py in one interpreter. Each method throws ErrorSet if Python raises
/// an exception.
class Bootstrap {
 public:
  /// The values by which the pickle guard works outside of requests.
  struct GuardDefaults {
    pickle::Policy policy = pickle::Policy::report;
    std::uint32_t sample = 0;  ///< one in so many dumps is checked by a round trip; 0: none
  };

  /// Runs bootstrap.py in the current interpreter, which installs the import finders. `log_level`
  /// is the least important that httpd's log takes.
  Bootstrap(const cpython::GilLock& gil, const GuardDefaults& guard, base::Level log_level);

  struct Executed {
    cpython::Ref module;
    cpython::Ref mark;  ///< lives as long as the module's globals
  };
  /// Executes a script's source in a new module, which must define `required` unless that is empty.
  /// Other threads may run Python meanwhile.
  Executed execute(cpython::GilLock& gil, const std::string& path, const std::string& source,
                   unsigned number, bool registered, const std::string& required) const;

  /// WSGILogging: has Python's root logger write to the log, where the application has it write
  /// nowhere.
  void log_by_levels(const cpython::GilLock& gil) const;

  /// Has tracebacks show the source of the serving generation again. Called after a failed
  /// execute(), when its error has been taken.
  void show_serving_source(const cpython::GilLock& gil, const std::string& path) const;

  /// Notes that no request uses this generation any more.
  void retire(const cpython::GilLock& gil, const std::string& path, unsigned number,
              PyObject* mark) const;

  /// Runs the garbage collector. Returns a sentence for each retired generation that is still
  /// alive; each is reported once.
  std::vector<std::string> collect(cpython::GilLock& gil) const;

  /// Returns a function or class of bootstrap.py, as a borrowed reference.
  PyObject* get(const cpython::GilLock& gil, const char* name) const;

 private:
  cpython::Ref globals_;
};

/// Decodes a path in Python's file-system encoding.
cpython::Ref path_object(const cpython::GilLock& gil, std::string_view path);

}  // namespace brine::script
