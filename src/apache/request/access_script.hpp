// Lets a script decide which clients may come in (WSGIAccessScript), in the hook access_checker.
#pragma once

namespace brine::apache {

void register_access_script_hooks();

}  // namespace brine::apache
