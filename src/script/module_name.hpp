// The name of a script's module.
#pragma once

#include <string>
#include <string_view>

namespace brine::script {

/// `_mod_wsgi_` and 32 hexadecimal digits: a stable hash of the script's absolute path (FNV-1a, 128
/// bit). Unique, so that two scripts of one base name never meet; programs test for the prefix.
std::string module_name(std::string_view path);

}  // namespace brine::script
