"""10 MiB by wsgi.file_wrapper: DocumentRoot/file.bin, which the benchmark makes."""

import os


def application(environ, start_response):
    file = open(os.path.join(environ["DOCUMENT_ROOT"], "file.bin"), "rb")
    size = os.fstat(file.fileno()).st_size
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(size))])
    return environ["wsgi.file_wrapper"](file)
