// NamedScript is what the configuration says of a script that has a name of its own.
#pragma once

#include <string>

#include "boundary/script_settings.hpp"

namespace brine::engine {

/// A script whose module has a name that the configuration gives (WSGIScriptName), by which
/// pickles name its classes.
struct NamedScript {
  std::string name;
  std::string path;
  wsgi::ScriptSettings settings;  ///< where a pickle has it loaded, and no request
};

}  // namespace brine::engine
