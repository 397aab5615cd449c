#include "apache/process/installed.hpp"

#include <fcntl.h>

#include <utility>

#include "apache/config/settings.hpp"
#include "base/pool.hpp"
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

}  // namespace

const InstalledFile* InstalledFiles::engine(const std::string& python_version) {
  return find_or_open(files_, engine::effective_version(python_version),
                      engine::find_engine(python_version));
}

const InstalledFile* InstalledFiles::worker() {
  return find_or_open(files_, kWorkerProgram, engine::find_installed(kWorkerProgram));
}

InstalledFiles& installed_files() {
  InstalledFiles*& files = server_settings(ap_server_conf).installed;
  if (files == nullptr) {
    files = base::pool_emplace<InstalledFiles>(ap_server_conf->process->pconf);
  }
  return *files;
}

}  // namespace brine::apache
