// What holds for bytes that claim to be a packet, of the supervisor's control channel, of a log or
// an introduction: they are refused, or what was read can be written and read again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/shared/control.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/shared/log_channel.hpp"

namespace {

using namespace brine;

void require(bool holds) {
  if (!holds) std::abort();
}

// Compares all that travels.
bool same(const daemon::Script& a, const daemon::Script& b) {
  return daemon::pack(a) == daemon::pack(b);
}

void check_control(std::string_view bytes) {
  const auto packet = daemon::decode_packet(bytes);
  require(packet.has_value() ==
          (bytes.size() >= 2 && static_cast<std::uint8_t>(bytes[0]) <
                                    static_cast<std::uint8_t>(daemon::Message::count_)));
  if (!packet) return;
  require(daemon::encode(*packet) == bytes);
  require(!daemon::reason_name(static_cast<daemon::Reason>(packet->number)).empty());
}

void check_texts(std::string_view text) {
  if (const auto script = daemon::unpack_script(text)) {
    const auto again = daemon::unpack_script(daemon::pack(*script));
    require(again && same(*again, *script) && script->learnt);
  }
  if (const auto versions = daemon::unpack_versions(text)) {
    require(daemon::unpack_versions(daemon::pack(*versions)) == versions);
  }
  if (const auto failure = daemon::unpack_failure(text)) {
    const auto again = daemon::unpack_failure(daemon::pack(*failure));
    require(again && again->path == failure->path && again->version == failure->version);
    require(again->records.size() <= failure->records.size());
  }
}

void check_log(std::string_view bytes) {
  if (const auto packet = daemon::parse_log_packet(bytes)) {
    require(packet->text.size() == bytes.size() - 2);
    require(packet->text.empty() || packet->text.data() == bytes.data() + 2);
    require(packet->level >= base::Level::critical && packet->level <= base::Level::debug);
  }
}

// Whatever a process logs: no line of it begins as a record of httpd's side would.
void check_marked(std::string_view text) {
  const std::string result = daemon::marked(text);
  require(result.size() >= text.size());
  if (!daemon::claims_foreign_code(text)) return;
  require(result.starts_with("> "));
  for (std::size_t line = 0; line < result.size();) {
    require(!daemon::claims_foreign_code(std::string_view(result).substr(line)));
    line = std::min(result.find('\n', line), result.size() - 1) + 1;
  }
}

void check_introduction(std::string_view bytes) {
  if (const auto introduction = daemon::decode_introduction(bytes)) {
    const std::string again = daemon::encode(*introduction);
    require(again == bytes);
    const auto second = daemon::decode_introduction(again);
    require(second && second->slot == introduction->slot && second->group == introduction->group &&
            second->script.has_value() == introduction->script.has_value());
    require(!second->script || same(*second->script, *introduction->script));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  check_control(bytes);
  check_texts(bytes);
  check_log(bytes);
  check_marked(bytes);
  check_introduction(bytes);
  return 0;
}
