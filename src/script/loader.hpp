// Loader turns the path of a WSGI script into its application object, and loads or reloads the
// script as needed.
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

/// The application that is wanted, and how its script is to be treated.
struct Wanted {
  std::string path;
  std::string_view callable;
  bool is_question = false;    ///< the callable is a function that answers one
  std::string_view resource;   ///< argument of the script's reload_required()
  base::FileSeen seen;         ///< the file as it was before the GIL was taken ...
  std::optional<Stamp> stamp;  ///< ... and its stamp, if that was not enough
  wsgi::ScriptSettings settings;
};

/// Thrown if there is no application; the reason has been logged.
struct Unavailable {
  bool missing_callable = false;  ///< the script loaded, but does not define the application
  bool is_refused = false;        ///< the script has not the wanted owner
};

/// The generation that one request runs in, which is not retired while the lease lives. A lease
/// must be destroyed on a thread that holds the GIL.
struct Lease {
  GenerationPtr generation;
  bool changed = false;  ///< the file has changed, and is not loaded here (by_another_process())
};

/// The WSGI scripts of one interpreter. Their modules are not in sys.modules.
class Loader {
 public:
  /// Makes a loader of scripts that have this owner, if one is wanted.
  Loader(const Bootstrap& bootstrap, std::string interpreter, base::ScriptOwner owner)
      : bootstrap_(bootstrap), interpreter_(std::move(interpreter)), owner_(owner) {}

  /// Returns a lease on the current generation, after loading or reloading the script if it has to.
  /// One thread loads, and those that noticed the same change wait for it. Requests in flight keep
  /// their generation. Throws Unavailable.
  Lease lease(cpython::GilLock& gil, const Wanted& wanted, base::LogSink& log);

  /// Returns the wanted application of a generation. Throws Unavailable.
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
    // Held while the script is read and executed; locked with the GIL released.
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
  static cpython::Ref find_application(const cpython::GilLock& gil, Generation& generation,
                                       const Wanted& wanted);
  static bool has_application(const cpython::GilLock& gil, Generation& generation,
                              const Wanted& wanted);
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
