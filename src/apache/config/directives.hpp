// The directives: their names, contexts and arguments.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

extern const command_rec directive_table[];

}  // namespace brine::apache
