// Looks at files that a tenant can change at any time, or whose file system may hang, in a process
// of its own. httpd's first process and the supervisor run as root and never wait for such files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace brine::base {

/// Thrown for what is wrong in a tenant's files, and not in the administrator's configuration.
struct FilesFault : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// The user with whose rights root looks, and that user's root folder.
struct Viewer {
  bool switches = false;  ///< httpd runs as root: the process takes on the user
  uid_t uid = 0;
  gid_t gid = 0;
  std::optional<std::vector<gid_t>> supplementary;  ///< absent: `gid` alone
  std::string chroot;                               ///< absolute, or empty
};

/// Tells whether TenantLook or its caller waits for the end of the process.
enum class Reaper : std::uint8_t { look, caller };

/// A look by a process with the user's rights, which ends itself after a few seconds. A process
/// that hangs in the kernel is not waited for.
class TenantLook {
 public:
  using Texts = std::vector<std::string>;

  /// Forks the process. `look` may throw std::invalid_argument; the texts that it returns must hold
  /// no NUL. Throws std::system_error.
  TenantLook(const Viewer& viewer, const std::function<Texts()>& look,
             Reaper reaper = Reaper::look);

  /// Returns a descriptor that is readable when the reply comes.
  int fd() const { return reply_.get(); }
  pid_t process() const { return process_; }
  /// Returns true if result() no longer waits, except for the rest of a reply.
  bool is_done(Nanos now) const;

  /// Waits for the reply and returns its texts. Throws FilesFault with what `look` threw, or if the
  /// reply did not come in time.
  Texts result();

 private:
  // The process that looks. The destructor kills it and waits for its end. If it hangs in the
  // kernel, where no signal reaches it, httpd reaps it later.
  class Looker {
   public:
    explicit Looker(pid_t pid) : pid_(pid) {}
    Looker(Looker&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    Looker& operator=(Looker&& other) noexcept {
      std::swap(pid_, other.pid_);
      return *this;
    }
    Looker(const Looker&) = delete;
    Looker& operator=(const Looker&) = delete;
    ~Looker();

   private:
    pid_t pid_;
  };

  UniqueFd reply_;
  pid_t process_ = 0;
  Looker looker_{0};
  Nanos deadline_;
};

}  // namespace brine::base
