// Names of application groups that requests fill in: who lets clients name interpreters is told.
#pragma once

namespace brine::apache {

void register_open_name_hooks();

}  // namespace brine::apache
