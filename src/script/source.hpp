// A script's bytes, as they are read for being executed or compared.
#pragma once

#include <cstdint>
#include <string>

#include "base/script_file.hpp"
#include "base/stamp.hpp"

namespace brine::script {

/// A file's bytes with the stamp of the descriptor they were read from: what is stamped is what
/// runs, even if the path is renamed over meanwhile.
struct Source {
  base::Stamp stamp;
  std::string bytes;
  std::string why_not;       ///< a clause that says why it cannot be read or run, or empty
  bool is_refused = false;   ///< since it is not owned as it has to be
  std::int64_t read_at = 0;  ///< file_clock_now() before its first byte was read
};

/// Reads the script at `path`, if it is owned so. Every script that runs has been read by this
/// function. BLOCKS: not for a thread that holds the GIL.
Source read_source(const std::string& path, const base::ScriptOwner& owner);

/// The clock by which files get their times, in ns since the epoch.
std::int64_t file_clock_now() noexcept;

}  // namespace brine::script
