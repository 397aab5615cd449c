// Warns of names of application groups that requests fill in, by which clients may name
// interpreters.
#pragma once

namespace brine::apache {

void register_open_name_hooks();

}  // namespace brine::apache
