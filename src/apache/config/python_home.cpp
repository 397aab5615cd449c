#include "apache/config/python_home.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "base/unique_fd.hpp"

namespace brine::apache {

namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

[[noreturn]] void refuse(const std::string& given, const std::string& why) {
  throw std::invalid_argument("names '" + given + "', " + why);
}

void require_access(const std::string& given, const fs::path& path,
                    const HomeCircumstances& circumstances, Wanted wanted) {
  if (const auto found = obstacle(path.string(), circumstances.identity, wanted)) {
    refuse(given, "but " + circumstances.user + " " + *found +
                      ": open it for that user, or use an environment that lies elsewhere");
  }
}

// Returns the root that `given` means, which may name bin/ or the python in it.
fs::path root_of(const std::string& given) {
  fs::path path = fs::path(given).lexically_normal();
  if (!path.has_filename()) {
    path = path.parent_path();
  }
  if (is_there(path) && !is_folder(path)) {
    path = path.parent_path();
  }
  const bool has_program = is_there(path / "python3") || is_there(path / "python");
  return path.filename() == "bin" && has_program ? path.parent_path() : path;
}

std::string trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(start, text.find_last_not_of(" \t\r") - start + 1));
}

// No pyvenv.cfg is longer than this.
constexpr std::size_t kMostSettingsBytes = 65536;

// Reads the start of a file, which may be anything by now, without waiting for a FIFO's writer.
std::string read_start(const fs::path& file) {
  const base::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info = {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return {};
  }
  std::string text(kMostSettingsBytes, '\0');
  const ssize_t size = ::pread(fd.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, size)));
  return text;
}

// Returns the value of a key of pyvenv.cfg, or an empty text.
std::string configured(const fs::path& file, std::string_view key) {
  std::istringstream lines(read_start(file));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && trimmed(line.substr(0, equals)) == key) {
      return trimmed(line.substr(equals + 1));
    }
  }
  return {};
}

// Returns lib/pythonX.Y or lib64/pythonX.Y under `root` if it holds `part`, or an empty path.
fs::path library(const fs::path& root, const std::string& version, const char* part) {
  for (const char* lib : {"lib", "lib64"}) {
    fs::path candidate = root / lib / ("python" + version) / part;
    if (is_folder(candidate)) {
      return candidate;
    }
  }
  return {};
}

// Returns the X.Y for which `root` has a library, or an empty text.
std::string version_at(const fs::path& root, const char* part) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root / "lib", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("python3.") && is_folder(entry.path() / part)) {
      return name.substr(std::string_view("python").size());
    }
  }
  return {};
}

[[noreturn]] void refuse_version(const std::string& given, const std::string& version,
                                 const HomeCircumstances& circumstances) {
  const auto& available = circumstances.available;
  const bool has_engine = std::find(available.begin(), available.end(), version) != available.end();
  refuse(given, "which is for Python " + version + ", but " + circumstances.runner +
                    " will run Python " + circumstances.version + ": " +
                    (has_engine ? "add '" + circumstances.chooser + version + "'"
                                : "make it anew with python" + circumstances.version +
                                      ", or build an engine for Python " + version));
}

PythonHome resolve_environment(const std::string& given, const fs::path& root,
                               const HomeCircumstances& circumstances) {
  const fs::path settings = root / "pyvenv.cfg";
  require_access(given, settings, circumstances, Wanted::read);
  const fs::path packages = library(root, circumstances.version, "site-packages");
  if (packages.empty()) {
    const std::string version = version_at(root, "site-packages");
    if (version.empty()) {
      refuse(given, "which has a pyvenv.cfg but no lib/python" + circumstances.version +
                        "/site-packages: make the environment anew");
    }
    refuse_version(given, version, circumstances);
  }
  require_access(given, packages, circumstances, Wanted::read);
  std::error_code ignored;
  if (!fs::is_regular_file(settings, ignored)) {
    refuse(given, "whose pyvenv.cfg is no regular file: make the environment anew");
  }
  const std::string base = configured(settings, "home");
  if (base.empty() || is_no_folder(base)) {
    refuse(given, "an environment made from a Python in '" + base +
                      "' (the key home in its pyvenv.cfg), which does not exist: make the "
                      "environment anew");
  }
  require_access(given, base, circumstances, Wanted::traverse);
  const fs::path program = root / "bin" / "python";
  if (!is_there(program)) {
    refuse(given, "but there is no '" + program.string() +
                      "', or the link leads nowhere: make the environment anew");
  }
  require_access(given, program, circumstances, Wanted::traverse);
  return {.program = program.string(), .home = {}};
}

PythonHome resolve_prefix(const std::string& given, const fs::path& root,
                          const HomeCircumstances& circumstances) {
  const fs::path encodings = library(root, circumstances.version, "encodings");
  if (encodings.empty()) {
    const std::string version = version_at(root, "encodings");
    if (!version.empty()) {
      refuse_version(given, version, circumstances);
    }
    refuse(given,
           "which is no virtual environment (it has no pyvenv.cfg) and no Python's prefix "
           "(it has no lib/python" +
               circumstances.version + "/encodings): name a folder that 'python" +
               circumstances.version + " -m venv' has made");
  }
  require_access(given, encodings, circumstances, Wanted::read);
  return {.program = {}, .home = root.string()};
}

}  // namespace

std::string version_of_home(const std::string& given, const std::vector<std::string>& wanted) {
  const fs::path root = root_of(given);
  const char* part = is_there(root / "pyvenv.cfg") ? "site-packages" : "encodings";
  for (const std::string& version : wanted) {
    if (!library(root, version, part).empty()) {
      return version;
    }
  }
  return version_at(root, part);
}

void check_environment_home(const std::string& given, const HomeCircumstances& circumstances) {
  const fs::path prefix = given.substr(0, given.find(':'));
  const std::string& version = circumstances.version;
  std::string archive = "python" + version + ".zip";
  archive.erase(archive.find('.'), 1);
  if (is_there(prefix / "lib" / archive) || is_there(prefix / "lib64" / archive)) {
    return;
  }
  const fs::path encodings = library(prefix, version, "encodings");
  if (encodings.empty()) {
    const std::string other = version_at(prefix, "encodings");
    refuse(given, (is_there(prefix / "pyvenv.cfg") ? "which is a virtual environment"
                   : !is_there(prefix)             ? "which does not exist"
                   : other.empty()                 ? "which is no Python's prefix"
                                                   : "which is for Python " + other) +
                      " (there is no lib/python" + version + "/encodings in it), and with which " +
                      circumstances.runner + " cannot run Python " + version);
  }
  require_access(given, encodings, circumstances, Wanted::read);
}

PythonHome resolve_python_home(const std::string& given, const HomeCircumstances& circumstances) {
  const fs::path root = root_of(given);
  std::error_code error;
  const fs::file_status status = fs::status(root, error);
  if (status.type() == fs::file_type::not_found) {
    refuse(given,
           "which does not exist: name the folder of a virtual environment, or Python's "
           "prefix");
  }
  require_access(given, root, circumstances, Wanted::traverse);
  return is_there(root / "pyvenv.cfg") ? resolve_environment(given, root, circumstances)
                                       : resolve_prefix(given, root, circumstances);
}

}  // namespace brine::apache
