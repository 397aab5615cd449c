// Breaks off a response that cannot be completed, so that its client can tell.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

/// Makes httpd's error bucket for a response that broke off (as mod_proxy does): the chunk filter
/// then leaves out the last chunk, and HTTP/2 resets the stream.
apr_bucket* broken_off_bucket(const request_rec* r, apr_bucket_alloc_t* buckets);

/// Breaks off the response of `r`, or of the client's request whose sub-request `r` is: the
/// connection is not kept, no cache stores the response, and an error bucket comes before whatever
/// the content filters still put out. It is inserted behind them because some content filters, such
/// as mod_sed's, drop it.
void mark_broken_off(request_rec* r);

/// Resets the connection if the client could not tell otherwise that the response was broken off.
void reset_if_only_that_tells(request_rec* r);

/// Registers the output filter that mark_broken_off() adds (ap_register_output_filter).
void register_broken_off_filter();

}  // namespace brine::apache
