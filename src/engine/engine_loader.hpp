// Finds and opens the shared object of an engine. Knows neither httpd nor Python.
#pragma once

#include <string>
#include <vector>

#include "boundary/engine.hpp"

namespace brine::engine {

/// The directories where engines are looked for: that of mod_brine.so, then httpd's modules.
std::vector<std::string> engine_directories();

/// The file that an engine for `python_version` ("3.11") has in `directory`.
std::string engine_path(const std::string& directory, const std::string& python_version);

/// The versions for which `directories` hold an engine, each once, in the directories' order.
std::vector<std::string> available_versions(const std::vector<std::string>& directories);

/// The engine's file, or empty. `python_version` empty: the one that was the build's default.
std::string find_engine(const std::string& python_version);

/// `python_version`, or the build's default where it is empty.
std::string effective_version(const std::string& python_version);

/// One sentence for the error log: which files were looked for, and how to get an engine.
std::string explain_missing(const std::string& python_version);

/// The file of this name among those directories, or empty.
std::string find_installed(const std::string& name);

/// Loads an engine, for good (libpython cannot be unloaded), and starts Python in this process; to
/// be called once. `file` is what the loader opens, `path` what messages call it. Null: the reason
/// has been logged. `log` must outlive the process's last request.
Engine* start_engine(const std::string& file, const std::string& path, const Config& config,
                     base::LogSink& log);

}  // namespace brine::engine
