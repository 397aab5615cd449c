// Makes what applications find in an interpreter besides the request: the `mod_wsgi` module, the
// standard streams, and the items that every environ has.
#pragma once

#include <array>
#include <string>

#include "cpython/ref.hpp"

namespace brine::wsgi {

/// The facts that environ and the `mod_wsgi` module tell about this process and interpreter.
struct InterpreterInfo {
  std::string process_group;  ///< empty: embedded mode
  std::string application_group;
  int maximum_processes = 1;
  int threads_per_process = 1;
  bool multithread = false;
  bool multiprocess = false;
  bool run_once = false;
  bool at_terminal = false;  ///< sys.stdin and sys.stdout stay Python's own
  std::array<int, 3> apache_version{};
  // Members for the module `apache`, which tells of httpd itself:
  int apache_processes = 1;
  int apache_threads = 1;
  std::string description{};
  std::string mpm_name{};
  std::string build_date{};
};

/// Replaces sys.stderr, and unless the server runs at a terminal sys.stdout, by streams into the
/// log; sys.__stderr__ and sys.__stdout__ stay Python's own. Returns `wsgi.errors`. Throws
/// ErrorSet.
cpython::Ref install_streams(const cpython::GilLock& gil, PyObject* make_log, bool at_terminal);

/// Makes the class mod_wsgi.RequestTimeout, which is raised in an application that is interrupted.
/// Throws ErrorSet.
cpython::Ref make_request_timeout(const cpython::GilLock& gil);

/// Puts the modules `mod_wsgi` and `apache` into sys.modules, and returns the first. Throws
/// ErrorSet.
cpython::Ref install_modules(const cpython::GilLock& gil, const InterpreterInfo& interpreter_info,
                             PyObject* file_wrapper, PyObject* request_timeout);

/// Makes a dict of the items that every environ has (PEP 3333; the compatible `mod_wsgi.*` keys).
/// Throws ErrorSet.
cpython::Ref environ_constants(const cpython::GilLock& gil, const InterpreterInfo& interpreter_info,
                               PyObject* errors, PyObject* file_wrapper);

}  // namespace brine::wsgi
