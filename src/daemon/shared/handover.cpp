#include "daemon/shared/handover.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "daemon/shared/fields.hpp"

namespace brine::daemon {

template <class Codec, Of<Handover> Value>
void fields(Codec& codec, Value& value) {
  auto& [abi, group, engine, engine_path, process_name, log_level, slot, incarnation, code, scripts,
         is_template] = value;
  codec(abi, group, engine, engine_path, process_name, log_level, slot, incarnation, code, scripts,
        is_template);
}

std::string encode(const Handover& handover) { return encoded(handover); }

std::optional<Handover> decode(std::string_view bytes) {
  std::uint32_t abi = 0;
  Decoder first(bytes);
  first(abi);
  if (!first.ok() || abi != engine::kAbi) return std::nullopt;
  return decoded<Handover>(bytes);
}

base::UniqueFd sealed_memory(std::string_view bytes) {
  base::UniqueFd fd(::memfd_create("brine handover", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) throw std::system_error(errno, std::generic_category(), "memfd_create");
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw std::system_error(errno, std::generic_category(), "memory file");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return fd;
}

std::optional<std::string> read_memory(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0 || info.st_size < 0) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t size = ::pread(fd, bytes.data(), bytes.size(), 0);
  if (size != info.st_size) return std::nullopt;
  return bytes;
}

}  // namespace brine::daemon
