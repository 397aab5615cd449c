// From the path of a WSGI script to its application object, loaded and reloaded as needed.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/script_file.hpp"
#include "boundary/log.hpp"
#include "boundary/script_settings.hpp"
#include "cpython/error.hpp"
#include "script/bootstrap.hpp"
#include "script/generation.hpp"
#include "script/source.hpp"
#include "script/verdict.hpp"

namespace brine::script {

/// Which application is wanted, and how its script is to be treated.
struct Wanted {
  std::string path;
  std::string_view callable;
  std::string_view resource;   ///< argument of the script's reload_required()
  base::FileSeen seen;         ///< the file as it was before the GIL was taken ...
  std::optional<Stamp> stamp;  ///< ... and its stamp, where that does not tell enough
  wsgi::ScriptSettings settings;
};

/// Thrown when there is no application; the reason has been logged.
struct Unavailable {
  bool missing_callable = false;  ///< the script loaded, but does not define it
  bool is_refused = false;        ///< it is not owned as the process's scripts have to be
};

/// What one request runs in. While it lives its generation is not retired; it must die on a thread
/// that holds the GIL.
struct Lease {
  GenerationPtr generation;
  bool changed = false;  ///< by_another_process(): the generation is no longer up to date
};

/// The WSGI scripts of one interpreter. Its modules are in no other registry.
class Loader {
 public:
  /// `owner`: whose scripts the process runs.
  Loader(const Bootstrap& bootstrap, std::string interpreter, base::ScriptOwner owner)
      : bootstrap_(bootstrap), interpreter_(std::move(interpreter)), owner_(owner) {}

  /// The current generation; loads or reloads the script first if it has to. One thread loads, and
  /// those that noticed the same change wait for it. Requests in flight keep the generation they
  /// started in. Throws Unavailable.
  Lease lease(cpython::GilLock& gil, const Wanted& wanted, base::LogSink& log);

  /// The application that is wanted of a generation. Throws Unavailable.
  static cpython::Ref application(const cpython::GilLock& gil, Generation& generation,
                                  const Wanted& wanted, base::LogSink& log);

 private:
  struct Script {
    std::string path;
    // Guarded by the GIL:
    GenerationPtr current;
    std::optional<FailedAttempt> failed;
    unsigned loads = 0;
    unsigned attempts = 0;
    // Held while the script is read and executed; taken with the GIL released.
    std::mutex loading;
  };

  Script& find(const std::string& path);
  Verdict judge(const Script& script, const Wanted& wanted, const std::optional<Stamp>& seen) const;
  bool reload_demanded(cpython::GilLock& gil, const Script& script, const Wanted& wanted,
                       base::LogSink& log) const;
  static std::optional<Stamp> look(cpython::GilLock& gil, const Script& script,
                                   const Wanted& wanted);
  bool bring_up_to_date(cpython::GilLock& gil, Script& script, const Wanted& wanted,
                        base::LogSink& log);
  bool refresh(cpython::GilLock& gil, Script& script, const Wanted& wanted, bool demanded,
               base::LogSink& log);
  void reload(cpython::GilLock& gil, Script& script, const Source& source, const Wanted& wanted,
              base::LogSink& log);
  GenerationPtr execute(cpython::GilLock& gil, Script& script, const Source& source,
                        const Wanted& wanted);
  void failed(Script& script, const Source& source, const Wanted& wanted,
              const cpython::ErrorText& error, base::LogSink& log) const;
  void retire(const std::string& path, Generation* generation) noexcept;
  void sweep(cpython::GilLock& gil, base::LogSink& log);

  const Bootstrap& bootstrap_;
  const std::string interpreter_;
  const base::ScriptOwner owner_;
  // Guarded by the GIL:
  std::unordered_map<std::string, std::unique_ptr<Script>> scripts_;
  unsigned retired_ = 0;  ///< generations since the last sweep
};

}  // namespace brine::script
