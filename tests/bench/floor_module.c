/* The floor of the benchmark: httpd handlers in plain C that answer the same bytes as the Python
 * applications in apps/. No Python module can be faster than these.
 *
 * `SetHandler bench-NAME` picks one; a number comes in as the query string (/bytes?1048576). */
#include <stdlib.h>

#include "apr_strings.h"
#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"

#define MAX_BYTES (1024 * 1024)
#define BLOCK_BYTES 1024
#define READ_BYTES (64 * 1024)

static char filler[MAX_BYTES];

static long argument(const request_rec *r)
{
    long number = r->args ? strtol(r->args, NULL, 10) : 0;
    return number < 0 ? 0 : number > MAX_BYTES ? MAX_BYTES : number;
}

/* apps/hello.wsgi */
static int hello(request_rec *r)
{
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, 12);
    ap_rwrite("Hello World!", 12, r);
    return OK;
}

/* apps/download.wsgi, and the size of a page for the frameworks' rows */
static int bytes(request_rec *r)
{
    long size = argument(r);
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, size);
    ap_rwrite(filler, (int)size, r);
    return OK;
}

/* apps/upload.wsgi: reads the whole body, answers its length */
static int upload(request_rec *r)
{
    char buffer[READ_BYTES];
    long count, total = 0;
    const char *answer;
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    if (status != OK) return status;
    if (ap_should_client_block(r))
        while ((count = ap_get_client_block(r, buffer, sizeof buffer)) > 0) total += count;
    answer = apr_ltoa(r->pool, total);
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, (apr_off_t)strlen(answer));
    ap_rputs(answer, r);
    return OK;
}

/* apps/blocks.wsgi: a block is sent before the next one is made, as PEP 3333 demands */
static int blocks(request_rec *r)
{
    ap_set_content_type(r, "text/plain");
    for (long left = argument(r); left > 0; left--) {
        ap_rwrite(filler, BLOCK_BYTES, r);
        ap_rflush(r);
    }
    return OK;
}

/* apps/file.wsgi: sends DocumentRoot/file.bin by sendfile */
static int file(request_rec *r)
{
    apr_file_t *open_file;
    apr_size_t sent;
    apr_int32_t flags = APR_READ | APR_BINARY | APR_SENDFILE_ENABLED;
    const char *path = apr_pstrcat(r->pool, ap_context_document_root(r), "/file.bin", NULL);
    apr_finfo_t info;
    if (apr_file_open(&open_file, path, flags, 0, r->pool) != APR_SUCCESS) return HTTP_NOT_FOUND;
    if (apr_file_info_get(&info, APR_FINFO_SIZE, open_file) != APR_SUCCESS) return HTTP_NOT_FOUND;
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, info.size);
    ap_send_fd(open_file, r, 0, (apr_size_t)info.size, &sent);
    return OK;
}

static int handle(request_rec *r)
{
    static const struct {
        const char *name;
        int (*run)(request_rec *);
    } handlers[] = {{"bench-hello", hello},
                    {"bench-bytes", bytes},
                    {"bench-upload", upload},
                    {"bench-blocks", blocks},
                    {"bench-file", file}};
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (strcmp(r->handler, handlers[i].name) == 0) return handlers[i].run(r);
    return DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    memset(filler, 'x', sizeof filler);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(bench_floor) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL,
                                  register_hooks};
