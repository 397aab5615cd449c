// Skimmer answers the one question that most dumps raise: are all names in this pickle known? It
// follows neither stack nor calls, as Scanner does, and so takes a fraction of the time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace brine::pickle {

/// Knows names of globals.
class KnownNames {
 public:
  /// Returns true if a global of that name needs no further look.
  virtual bool knows(std::string_view module, std::string_view name) = 0;

 protected:
  ~KnownNames() = default;
};

/// Reads the start of a stream that one Pickler has written, with nothing in its memo before. Where
/// it names a global, pickle has just written the texts of both names, or taken them from the memo;
/// a stream in which that is not so is not clear.
class Skimmer {
 public:
  /// Returns true if the stream is clear, and all names in it are known.
  bool skim(std::string_view stream, KnownNames& names);

 private:
  struct Text {
    const char* start = nullptr;  ///< null: it is no text
    std::uint64_t size = 0;

    std::string_view view() const noexcept { return {start, size}; }
  };

  bool skim_joined(std::string_view stream, KnownNames& names);
  static bool skim_lines(std::string_view stream, KnownNames& names);

  std::vector<Text> memo_;  // a member for its memory's sake
};

}  // namespace brine::pickle
