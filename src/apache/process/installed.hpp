// The files of one build: mod_brine.so, the engines and brine-worker. They are opened when httpd
// starts, and all its processes run these files until httpd is restarted, whatever an upgrade puts
// in their place. A graceful restart keeps them, since it may come at any time (logrotate), even in
// the middle of an upgrade. Any other restart takes the files on the disk.
#pragma once

#include <apr_pools.h>

#include <map>
#include <string>

#include "base/unique_fd.hpp"

namespace brine::apache {

/// An open file, and the path at which it was found.
struct InstalledFile {
  base::UniqueFd fd;
  std::string path;

  /// Returns a path by which this process can open this very file again. In a chroot without /proc
  /// (httpd's ChrootDir) that is its path there.
  std::string path_to_open() const;
};

inline constexpr const char* kWorkerProgram = "brine-worker";

/// The open files of the build.
class InstalledFiles {
 public:
  /// Returns the engine for a version of Python (empty: the default), or null if it has not been
  /// opened.
  const InstalledFile* engine(const std::string& python_version);
  /// Returns the program of daemon processes, or null if it is missing.
  const InstalledFile* worker();
  /// Opens all files that there are, since a later configuration may need another Python.
  void open_all();

 private:
  std::map<std::string, InstalledFile> files_;  ///< by version, or by the program's name
};

/// Returns the files of the running code, which are closed when httpd unloads the module.
InstalledFiles& installed_files();

/// Opens the files if they are not open yet, and has httpd keep the module in memory over graceful
/// restarts. httpd's first process calls this whenever it has read its configuration.
void keep_installed(apr_pool_t* pconf);

}  // namespace brine::apache
