// Looks at files that a tenant can change at any moment, or that lie on a file system that hangs:
// neither httpd's first process nor the supervisor, which run as root, wait for them.
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

/// What is wrong lies in a tenant's files, and not in the administrator's configuration.
struct FilesFault : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Who looks: a user in whose place root looks, and the folder that is their root.
struct Viewer {
  bool switches = false;  ///< httpd is root's: the user has to be taken on
  uid_t uid = 0;
  gid_t gid = 0;
  std::optional<std::vector<gid_t>> supplementary;  ///< absent: none but `gid`
  std::string chroot;                               ///< absolute, or empty
};

/// Who waits for the end of the process that looks.
enum class Reaper : std::uint8_t { look, caller };

/// A look by a process of its own, which has the user's rights, and a few seconds of time. Nobody
/// waits for the end of one that hangs in the kernel.
class TenantLook {
 public:
  using Texts = std::vector<std::string>;

  /// Begins. `look` may throw std::invalid_argument; what it returns must hold no NUL.
  TenantLook(const Viewer& viewer, const std::function<Texts()>& look,
             Reaper reaper = Reaper::look);

  /// Readable when there is something to read of what it returns.
  int fd() const { return reply_.get(); }
  pid_t process() const { return process_; }
  /// Whether result() does not wait any longer, but for what is on its way.
  bool is_done(Nanos now) const;

  /// Waits for what it returns. Throws FilesFault with what it has thrown, or that it did not
  /// come to its end.
  Texts result();

 private:
  // The process that looks. Whoever has done with it waits until it is gone; if it hangs in the
  // kernel, where no signal reaches it, it is left to httpd, which reaps it when it has ended.
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
