// A generation is one loaded version of a script.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/stamp.hpp"
#include "cpython/ref.hpp"

namespace brine::script {

/// The result of executing a script's file once. The GIL guards every member.
struct Generation {
  unsigned number = 0;  ///< 1 for the first generation in this interpreter
  base::Stamp stamp;
  bool settled = false;  ///< see Loaded::settled
  base::Nanos loaded_at = 0;
  std::size_t source_hash = 0;  ///< tells whether the file has other bytes when only ctime differs
  cpython::Ref module;
  cpython::Ref mark;             ///< lives as long as the module's globals
  cpython::Ref reload_required;  ///< the script's function of that name, or empty
  std::string callable;          ///< name of the application that was last asked for ...
  cpython::Ref callable_name;    ///< ... and the same as a Python string
};

/// Owned by the loader while the generation is current, and by the requests that run in it. It is
/// retired when the last owner lets go of it.
using GenerationPtr = std::shared_ptr<Generation>;

}  // namespace brine::script
