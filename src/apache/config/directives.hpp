// The table of directives: their names, contexts and setters.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

extern const command_rec directive_table[];

}  // namespace brine::apache
