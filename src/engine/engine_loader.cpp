#include "engine/engine_loader.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace brine::engine {

namespace {

constexpr std::string_view kFileStart = "brine_engine.cpython-";
constexpr std::string_view kFileEnd = ".so";

std::string module_directory() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&module_directory), &info) == 0) {
    return ".";
  }
  return std::filesystem::path(info.dli_fname).parent_path();
}

// Returns "3.11" of "brine_engine.cpython-311.so", "3.13t" of "...-313t.so", or an empty text.
std::string version_of(std::string_view file) {
  if (!file.starts_with(kFileStart) || !file.ends_with(kFileEnd)) {
    return {};
  }
  file.remove_prefix(kFileStart.size());
  file.remove_suffix(kFileEnd.size());
  std::string_view number = file;
  if (number.ends_with('t')) number.remove_suffix(1);
  const bool digits = number.find_first_not_of("0123456789") == std::string_view::npos;
  if (number.size() < 2 || !digits) {
    return {};
  }
  return std::string(file.substr(0, 1)) + "." + std::string(file.substr(1));
}

std::string file_name(const std::string& python_version) {
  std::string tag = python_version;
  std::erase(tag, '.');
  return std::string(kFileStart) + tag + std::string(kFileEnd);
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    text.append(text.empty() ? "" : separator).append(word);
  }
  return text;
}

}  // namespace

std::vector<std::string> engine_directories() {
  std::vector<std::string> directories{module_directory()};
  if (directories.front() != BRINE_ENGINE_DIRECTORY) {
    directories.emplace_back(BRINE_ENGINE_DIRECTORY);
  }
  return directories;
}

std::string engine_path(const std::string& directory, const std::string& python_version) {
  return directory + "/" + file_name(python_version);
}

std::vector<std::string> available_versions(const std::vector<std::string>& directories) {
  std::vector<std::string> versions;
  for (const std::string& directory : directories) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
      const std::string version = version_of(entry.path().filename().string());
      if (!version.empty() &&
          std::find(versions.begin(), versions.end(), version) == versions.end()) {
        versions.push_back(version);
      }
    }
  }
  return versions;
}

std::string effective_version(const std::string& python_version) {
  return python_version.empty() ? BRINE_DEFAULT_PYTHON : python_version;
}

std::string find_installed(const std::string& name) {
  for (const std::string& directory : engine_directories()) {
    std::string path = directory;
    path.append("/").append(name);
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
      return path;
    }
  }
  return {};
}

std::string find_engine(const std::string& python_version) {
  return find_installed(file_name(effective_version(python_version)));
}

std::string explain_missing(const std::string& python_version) {
  const std::string version = effective_version(python_version);
  std::vector<std::string> tried;
  for (const std::string& directory : engine_directories()) {
    tried.push_back(engine_path(directory, version));
  }
  const std::vector<std::string> others = available_versions(engine_directories());
  const std::string instead =
      others.empty() ? ""
                     : ", or use one that is there (WSGIPython " + joined(others, " or ") + ")";
  return "BRINE0001: no engine for Python " + version + ": there is no " +
         joined(tried, " and no ") + "; build it with cmake -DBRINE_PYTHONS=" + version +
         " and install it" + instead + "; until then WSGI requests are answered with status 500";
}

namespace {

const EngineExport* open_engine(const std::string& file, const std::string& path,
                                std::string& error) {
  // Python's extension modules expect to find libpython's symbols, hence RTLD_GLOBAL.
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    error = "BRINE0002: the engine " + path + " cannot be loaded: " + dlerror();
    return nullptr;
  }
  const auto* found = static_cast<const EngineExport*>(dlsym(handle, kExportSymbol));
  if (found == nullptr || found->abi != kAbi) {
    error = "BRINE0003: the engine " + path + " was built for another Brine (its interface is " +
            (found == nullptr ? "unknown" : "number " + std::to_string(found->abi)) +
            ", mod_brine.so needs number " + std::to_string(kAbi) +
            "); install both from the same build";
    return nullptr;
  }
  return found;
}

}  // namespace

Engine* start_engine(const std::string& file, const std::string& path, const Config& config,
                     base::LogSink& log) {
  std::string error;
  const EngineExport* found = open_engine(file, path, error);
  if (found == nullptr) {
    log.log(base::Level::error, error);
    return nullptr;
  }
  Engine* started = found->start(config, log, error);
  if (started == nullptr) {
    log.log(base::Level::error, "BRINE0004: Python " + std::string(found->python_version) +
                                    " could not start: " + error);
  }
  return started;
}

}  // namespace brine::engine
