// Starting Python in this process.
#pragma once

#include <string>
#include <vector>

namespace brine::cpython {

/// How Python is configured (PEP 587); the fields are those of engine::Config.
struct RuntimeConfig {
  std::string program;  ///< python of a virtual environment, or of the Python to run
  std::string home;     ///< PYTHONHOME, or empty
  std::vector<std::string> warnings;
  int optimize = 0;
  bool write_bytecode = true;
  std::string hash_seed;  ///< "random", a number, or empty: as PYTHONHASHSEED says
};

/// Starts Python. On success the calling thread is its main thread and holds the GIL; otherwise
/// returns Python's own words. httpd's signal handlers and buffers are left alone, but for signals
/// by which the process would end where Python raises an exception. Text is UTF-8 unless the
/// environment says PYTHONUTF8=0, since servers are started with LANG=C; LC_CTYPE is then no longer
/// C.
std::string start_python(const RuntimeConfig& config);

}  // namespace brine::cpython
