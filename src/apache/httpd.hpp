// httpd's headers, with what must be said before and after them. Every file of src/apache that
// needs httpd includes this one.
#pragma once

// Directive setters are then members of a union by their type, and the compiler checks each row.
#define AP_HAVE_DESIGNATED_INITIALIZER

// The other headers need httpd.h before them.
// clang-format off
#include <httpd.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
// clang-format on

// The one symbol that mod_brine.so exports.
extern "C" __attribute__((visibility("default"))) module wsgi_module;

// `LogLevel wsgi:debug` and the "[wsgi:error]" of a record refer to this module.
APLOG_USE_MODULE(wsgi);
