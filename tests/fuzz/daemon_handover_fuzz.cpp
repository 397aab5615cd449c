// What holds for bytes that claim to be a handover: they are refused, or what was read can be
// written and read again. The number of the boundary, which they begin with, is put there, so that
// the corpus outlives it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "daemon/shared/handover.hpp"

namespace {

using namespace brine;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const std::string& bytes) {
  const auto handover = daemon::decode(bytes);
  if (!handover) return;
  require(handover->abi == engine::kAbi);
  require(daemon::encode(*handover) == bytes);
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2}) {
    require(!daemon::decode(std::string_view(bytes).substr(0, size)));
  }
  require(!daemon::decode(bytes + '\0'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(data, data + size);
  require(bytes.size() >= sizeof(engine::kAbi) || !daemon::decode(bytes));
  std::memcpy(bytes.data(), &engine::kAbi, std::min(bytes.size(), sizeof(engine::kAbi)));
  check(bytes);
  return 0;
}
