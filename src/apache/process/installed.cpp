#include "apache/process/installed.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
#include <unixd.h>

#include <utility>

#include "apache/httpd.hpp"
#include "engine/engine_loader.hpp"

namespace brine::apache {

namespace {

const InstalledFile* find_or_open(std::map<std::string, InstalledFile>& files,
                                  const std::string& name, std::string path) {
  const auto found = files.find(name);
  if (found != files.end()) {
    return &found->second;
  }
  base::UniqueFd fd(path.empty() ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return nullptr;
  }
  return &files.emplace(name, InstalledFile{std::move(fd), std::move(path)}).first->second;
}

// Keeps the module loaded. httpd closes the module at each restart and opens it again by its path;
// while this object holds it too, dlopen() returns the code that is in memory.
class ModuleHold {
 public:
  void take() {
    Dl_info info{};
    if (handle_ == nullptr && ::dladdr(&wsgi_module, &info) != 0) {
      handle_ = ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    }
  }
  void release() {
    if (handle_ != nullptr) ::dlclose(std::exchange(handle_, nullptr));
  }

 private:
  void* handle_ = nullptr;
};

ModuleHold module_hold;  // in httpd's first process alone

// httpd calls this while it still holds the module itself.
apr_status_t leave_configuration(void*) noexcept {
  if (ap_unixd_mpm_get_retained_data()->was_graceful == 0) module_hold.release();
  return APR_SUCCESS;
}

}  // namespace

std::string InstalledFile::path_to_open() const {
  std::string pinned = "/proc/self/fd/" + std::to_string(fd.get());
  return ::access(pinned.c_str(), R_OK) == 0 ? pinned : path;
}

const InstalledFile* InstalledFiles::engine(const std::string& python_version) {
  return find_or_open(files_, engine::effective_version(python_version),
                      engine::find_engine(python_version));
}

const InstalledFile* InstalledFiles::worker() {
  return find_or_open(files_, kWorkerProgram, engine::find_installed(kWorkerProgram));
}

void InstalledFiles::open_all() {
  worker();
  for (const std::string& version : engine::available_versions(engine::engine_directories())) {
    engine(version);
  }
}

InstalledFiles& installed_files() {
  static InstalledFiles files;
  return files;
}

void keep_installed(apr_pool_t* pconf) {
  static bool opened = false;
  if (!std::exchange(opened, true)) installed_files().open_all();
  module_hold.take();
  apr_pool_cleanup_register(pconf, nullptr, leave_configuration, apr_pool_cleanup_null);
}

}  // namespace brine::apache
