// Includes httpd's headers, with what has to come before and after them. Every file of src/apache
// that uses httpd includes this one.
#pragma once

// With this macro a directive's setter is a member of a union by its type, so the compiler checks
// each row.
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

// The only symbol that mod_brine.so exports.
extern "C" __attribute__((visibility("default"))) module wsgi_module;

// This sets the module that `LogLevel wsgi:debug` and the "[wsgi:error]" of a record refer to.
APLOG_USE_MODULE(wsgi);
