// Starts Python in this process.
#pragma once

#include <string>
#include <vector>

namespace brine::cpython {

/// The configuration of Python (PEP 587); engine::Config has the same fields.
struct RuntimeConfig {
  std::string program;  ///< the python executable of a virtual environment or an installation
  std::string home;     ///< PYTHONHOME, or empty
  std::vector<std::string> warnings;
  int optimize = 0;
  bool write_bytecode = true;
  std::string hash_seed;  ///< "random", a number, or empty: as PYTHONHASHSEED says
};

/// Starts Python. Returns an empty text on success, with the calling thread as Python's main
/// thread, holding the GIL; otherwise Python's error message. httpd's signal handlers and buffers
/// are left alone, except for signals that would end the process where Python raises an exception.
/// Text is UTF-8 unless the environment has PYTHONUTF8=0, since servers are started with LANG=C;
/// LC_CTYPE is then no longer C.
std::string start_python(const RuntimeConfig& config);

}  // namespace brine::cpython
