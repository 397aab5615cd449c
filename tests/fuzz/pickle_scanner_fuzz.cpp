// What holds for every stream: that feeding it in pieces changes nothing, that positions lie in it,
// that limits are kept, that end_of_globals() does not reach beyond it, and that a skimmer which
// finds a stream clear has seen the same names.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "pickle/framing.hpp"
#include "pickle/scanner.hpp"
#include "pickle/skimmer.hpp"

namespace {

using brine::pickle::Call;
using brine::pickle::end_of_globals;
using brine::pickle::Global;
using brine::pickle::GlobalSink;
using brine::pickle::KnownNames;
using brine::pickle::Limits;
using brine::pickle::Scanner;
using brine::pickle::Skimmer;

using Seen = std::tuple<Global::Kind, std::string, std::string, std::uint64_t, std::uint8_t>;

struct Collector final : GlobalSink {
  std::uint32_t global(const Global& global) override {
    seen.emplace_back(global.kind, global.module, global.name, global.position, global.opcode);
    return static_cast<std::uint32_t>(seen.size());
  }
  void call(const Call& call) override {
    if (call.callee == 0 || call.callee > seen.size()) std::abort();
    calls.emplace_back(call.callee, call.how, call.arguments);
  }
  std::vector<Seen> seen;
  std::vector<std::tuple<std::uint32_t, Call::How, std::uint32_t>> calls;
};

struct Outcome {
  std::vector<Seen> globals;
  std::string fault;
  std::uint64_t position = 0;
  std::uint64_t pickles = 0;
  bool operator==(const Outcome&) const = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

// Pieces of `first`, `first` + `more`, `first` + 2 * `more`, ... bytes, each in memory of its own
// size that is gone when the next comes: the sanitizer sees what points to it.
Outcome scan(std::string_view stream, Scanner::Source source, std::size_t first, std::size_t more,
             Limits limits = {}) {
  Collector collector;
  Scanner scanner(collector, source, limits);
  for (std::size_t size = first; !stream.empty(); size += more) {
    const std::string_view piece = stream.substr(0, size);
    const auto copy = std::make_unique<char[]>(piece.size());
    piece.copy(copy.get(), piece.size());
    scanner.feed({copy.get(), piece.size()});
    stream.remove_prefix(piece.size());
  }
  scanner.finish();
  const char* fault = scanner.fault();
  return {collector.seen, fault != nullptr ? fault : "", scanner.position(), scanner.pickles()};
}

void check_outcome(const Outcome& outcome, std::string_view stream) {
  require(outcome.position <= stream.size());
  require(outcome.pickles <= stream.size());
  require(!outcome.fault.empty() || outcome.position == stream.size());
  std::uint64_t last = 0;
  for (const auto& [kind, module, name, position, opcode] : outcome.globals) {
    require(position < stream.size() && position >= last);
    last = position;
    require(module.size() <= stream.size());
    require(name.size() <= stream.size() || kind == Global::Kind::extension);
    if (opcode != 0) require(static_cast<std::uint8_t>(stream[position]) == opcode);
  }
}

// Where every STACK_GLOBAL that the scanner follows is one as pickle writes it, directly behind a
// MEMOIZE, end_of_globals() covers it.
void check_end(const Outcome& outcome, std::string_view stream) {
  const std::size_t end = end_of_globals(stream);
  require(end <= stream.size());
  if (!outcome.fault.empty()) return;
  for (const auto& [kind, module, name, position, opcode] : outcome.globals) {
    const bool as_written =
        opcode == 0x93 && position > 0 && static_cast<std::uint8_t>(stream[position - 1]) == 0x94;
    if (as_written) require(position < end);
  }
}

// The names that a stream has by the skimmer, which takes all for known, are those that it has by
// the scanner, which follows the stack.
void check_skimmed(std::string_view stream) {
  struct Names final : KnownNames {
    bool knows(std::string_view module, std::string_view name) override {
      seen.emplace_back(module, name);
      return true;
    }
    std::vector<std::pair<std::string, std::string>> seen;
  };
  Names names;
  Skimmer skimmer;
  if (!skimmer.skim(stream, names)) return;
  Collector collector;
  Scanner scanner(collector, Scanner::Source::pickler, Limits::none());
  scanner.scan(stream);
  if (scanner.fault() != nullptr) return;
  std::size_t at = 0;
  for (const auto& [kind, module, name, position, opcode] : collector.seen) {
    if (kind != Global::Kind::named && kind != Global::Kind::computed) continue;
    require(at < names.seen.size());
    if (kind == Global::Kind::named) require(names.seen[at] == std::pair(module, name));
    ++at;
  }
  require(at == names.seen.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const std::size_t choice = std::hash<std::string_view>()(stream);  // of how it is fed
  const auto source = choice % 4 == 0 ? Scanner::Source::pickler : Scanner::Source::stranger;
  const Outcome whole = scan(stream, source, size, 0);
  check_outcome(whole, stream);
  check_end(whole, stream);
  check_skimmed(stream);
  require(whole == scan(stream, source, 1 + choice / 4 % 8, choice / 32 % 4));
  if (choice / 128 % 8 == 0) {
    const Limits small{1 + choice / 1024 % 8, 1 + choice / 8192 % 8, choice / 65536 % 256};
    check_outcome(scan(stream, source, 1 + choice / 4 % 8, 1, small), stream);
    Collector collector;
    Scanner scanner(collector, Scanner::Source::pickler, Limits::none());
    scanner.scan(stream);
    scanner.forget_memo();
  }
  return 0;
}
