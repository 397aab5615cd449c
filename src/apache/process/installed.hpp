// The files of one build: mod_brine.so itself, the engines and brine-worker. They are opened when
// httpd starts, and until it is restarted all its processes run what was opened then, whatever an
// upgrade puts in its place. A graceful restart keeps them: it may come at any moment (logrotate),
// in the middle of an upgrade too. Any other restart takes what lies on the disk.
#pragma once

#include <apr_pools.h>

#include <map>
#include <string>

#include "base/unique_fd.hpp"

namespace brine::apache {

struct InstalledFile {
  base::UniqueFd fd;
  std::string path;

  /// A name by which this process can open this very file again. In a chroot without /proc (httpd's
  /// ChrootDir) it is the file that has the path there.
  std::string path_to_open() const;
};

inline constexpr const char* kWorkerProgram = "brine-worker";

class InstalledFiles {
 public:
  /// The engine for a version of Python (empty: the default), or null if there is none yet.
  const InstalledFile* engine(const std::string& python_version);
  /// The program of daemon processes, or null if it is not there.
  const InstalledFile* worker();
  /// Opens all that there are: a later configuration may ask for another Python.
  void open_all();

 private:
  std::map<std::string, InstalledFile> files_;  ///< by version, or by the program's name
};

/// Those that belong to the code that runs: they are closed when httpd unloads the module.
InstalledFiles& installed_files();

/// For httpd's first process, whenever it has read its configuration: opens the files where they
/// are not open yet, and sees to it that httpd keeps the module in memory over graceful restarts.
void keep_installed(apr_pool_t* pconf);

}  // namespace brine::apache
