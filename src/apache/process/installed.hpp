// The files that httpd's processes and the daemon processes run: the engines and brine-worker.
// Each is opened once for a configuration, and what runs later is what was opened then, whatever an
// upgrade puts in its place meanwhile.
#pragma once

#include <map>
#include <string>

#include "base/unique_fd.hpp"

namespace brine::apache {

struct InstalledFile {
  base::UniqueFd fd;
  std::string path;

  /// A name by which this very file can be opened again, in a process that has /proc.
  std::string pinned_path() const { return "/proc/self/fd/" + std::to_string(fd.get()); }
};

inline constexpr const char* kWorkerProgram = "brine-worker";

class InstalledFiles {
 public:
  /// The engine for a version of Python (empty: the default), or null if there is none yet.
  const InstalledFile* engine(const std::string& python_version);
  /// The program of daemon processes, or null if it is not there.
  const InstalledFile* worker();

 private:
  std::map<std::string, InstalledFile> files_;  ///< by version, or by the program's name
};

/// Those of the running configuration.
InstalledFiles& installed_files();

}  // namespace brine::apache
