// The names that the configuration gives scripts: checks them, and says which processes know them.
#pragma once

#include <string_view>
#include <vector>

#include "boundary/named_script.hpp"

namespace brine::apache {

/// Registers the hook check_config, which refuses names that do not fit each other, and for `httpd
/// -t` those that a module has.
void register_script_name_hooks();

/// Returns the named scripts that processes of this group (empty: httpd's own) may load: those
/// named by servers whose requests may run there.
std::vector<engine::NamedScript> named_scripts(std::string_view process_group);

}  // namespace brine::apache
