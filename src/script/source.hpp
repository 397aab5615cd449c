// Reads a script's bytes, to execute or compare them.
#pragma once

#include <cstdint>
#include <string>

#include "base/script_file.hpp"
#include "base/stamp.hpp"

namespace brine::script {

/// A file's bytes with the stamp of the descriptor that they were read from, so that the stamp is
/// of what runs even if the path is renamed over meanwhile.
struct Source {
  base::Stamp stamp;
  std::string bytes;
  std::string why_not;       ///< a clause that says why the script cannot be run, or empty
  bool is_refused = false;   ///< the file's owner is not the wanted one
  std::int64_t read_at = 0;  ///< file_clock_now() before its first byte was read
};

/// Reads the script at `path` if it has the wanted owner. Every script that runs is read by this
/// function. BLOCKS, so the calling thread must not hold the GIL.
Source read_source(const std::string& path, const base::ScriptOwner& owner);

/// Returns the time of the clock that file times are taken from, in ns since the epoch.
std::int64_t file_clock_now() noexcept;

}  // namespace brine::script
