// A response that cannot be completed: its client must be able to tell.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

/// httpd's own sign for a response that broke off (mod_proxy's): the chunk filter then leaves out
/// the last chunk, HTTP/2 resets the stream.
apr_bucket* broken_off_bucket(const request_rec* r, apr_bucket_alloc_t* buckets);

/// The response of `r`, or of the client's request whose sub-request `r` is, is broken off: the
/// connection is not kept, no cache stores the response, and the sign for it stands before whatever
/// still comes out of the content filters. (There are content filters, mod_sed's for one, that drop
/// the sign where it stands in what they are given.)
void mark_broken_off(request_rec* r);

/// Resets the connection where nothing else would tell that the response was broken off.
void reset_if_only_that_tells(request_rec* r);

void register_broken_off_filter();

}  // namespace brine::apache
