// Finds and opens the shared object of an engine, in httpd's processes and in daemon processes.
// Uses neither httpd nor Python.
#pragma once

#include <string>
#include <vector>

#include "boundary/engine.hpp"

namespace brine::engine {

/// Returns the directories where engines and brine-worker are looked for: that of mod_brine.so,
/// then the one into which the build installs them.
std::vector<std::string> engine_directories();

/// Returns the path of the engine for `python_version` ("3.11", "3.13t") in `directory`.
std::string engine_path(const std::string& directory, const std::string& python_version);

/// Returns the versions for which `directories` hold an engine, each once, in the directories'
/// order.
std::vector<std::string> available_versions(const std::vector<std::string>& directories);

/// Returns the path of the engine's file, or an empty text. An empty `python_version` means the
/// build's default.
std::string find_engine(const std::string& python_version);

/// Returns `python_version`, or the build's default if it is empty.
std::string effective_version(const std::string& python_version);

/// Returns a sentence for the error log: which files were looked for, and how to get an engine.
std::string explain_missing(const std::string& python_version);

/// Returns the path of the file of this name in those directories, or an empty text.
std::string find_installed(const std::string& name);

/// Loads an engine for good (libpython cannot be unloaded) and starts Python in this process. May
/// be called once. `file` is what dlopen() opens, `path` what messages call it. Returns null after
/// logging the reason. `log` must outlive the process's last request.
Engine* start_engine(const std::string& file, const std::string& path, const Config& config,
                     base::LogSink& log);

}  // namespace brine::engine
