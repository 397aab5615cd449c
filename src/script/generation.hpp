// One loaded version of a script.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/stamp.hpp"
#include "cpython/ref.hpp"

namespace brine::script {

/// What one execution of a script file made. Every member is guarded by the GIL.
struct Generation {
  unsigned number = 0;  ///< 1 for the first that was loaded in this interpreter
  base::Stamp stamp;
  bool settled = false;  ///< see Loaded::settled
  base::Nanos loaded_at = 0;
  std::size_t source_hash = 0;  ///< tells whether a file of almost the same stamp has other bytes
  cpython::Ref module;
  cpython::Ref mark;             ///< lives as long as the module's globals
  cpython::Ref reload_required;  ///< the script's function of that name, or empty
  std::string callable;          ///< the application's name that was asked for last ...
  cpython::Ref callable_name;    ///< ... and the same in Python
};

/// Shared by the loader, while it is the current one, and by the requests that run in it. Its
/// use count is the number of those; with the last of them it is retired.
using GenerationPtr = std::shared_ptr<Generation>;

}  // namespace brine::script
