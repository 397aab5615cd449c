// WSGIAccessScript: a script says which clients may come in.
#pragma once

namespace brine::apache {

void register_access_script_hooks();

}  // namespace brine::apache
