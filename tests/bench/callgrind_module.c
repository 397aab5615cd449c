/* Lets a request start and end what callgrind counts: loaded by tests/bench/callgrind only.
 * (callgrind_control does the same by ptrace, which containers forbid.) */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "http_request.h"

#include <valgrind/callgrind.h>

static int handle(request_rec *r)
{
    if (strcmp(r->handler, "callgrind-start") == 0) {
        CALLGRIND_START_INSTRUMENTATION;
        CALLGRIND_ZERO_STATS;
    } else if (strcmp(r->handler, "callgrind-dump") == 0) {
        CALLGRIND_DUMP_STATS;
        CALLGRIND_STOP_INSTRUMENTATION;
    } else {
        return DECLINED;
    }
    ap_rputs("done", r);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(bench_callgrind) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL,
                                      register_hooks};
