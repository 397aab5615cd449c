// bootstrap.py as seen from C++: the import finder, running a script, old generations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cpython/ref.hpp"

namespace brine::script {

/// The functions of bootstrap.py in one interpreter; each method throws ErrorSet if Python raises.
class Bootstrap {
 public:
  /// Runs bootstrap.py in the current interpreter, which installs the import finders. The pickle
  /// guard will have `pickle_policy` where no request is served.
  Bootstrap(const cpython::GilLock& gil, std::string_view pickle_policy);

  struct Executed {
    cpython::Ref module;
    cpython::Ref mark;  ///< lives as long as the module's globals
  };
  /// Executes a script's source in a new module, which must define `required` unless that is
  /// empty. Other threads' Python may run meanwhile.
  Executed execute(cpython::GilLock& gil, const std::string& path, const std::string& source,
                   unsigned number, bool registered, const std::string& required) const;

  /// After a failed execute(), when its error has been taken.
  void show_serving_source(const cpython::GilLock& gil, const std::string& path) const;

  /// Takes note that no request uses this generation any more.
  void retire(const cpython::GilLock& gil, const std::string& path, unsigned number,
              PyObject* mark) const;

  /// Collects garbage; a sentence for each retired generation that is still alive, once.
  std::vector<std::string> collect(cpython::GilLock& gil) const;

  /// A function or class of bootstrap.py, borrowed.
  PyObject* get(const cpython::GilLock& gil, const char* name) const;

 private:
  cpython::Ref globals_;
};

/// A path as Python's file-system encoding has it.
cpython::Ref path_object(const cpython::GilLock& gil, std::string_view path);

}  // namespace brine::script
