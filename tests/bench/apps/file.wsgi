"""10 MiB by wsgi.file_wrapper: htdocs/file.bin beside this folder, which the benchmark makes."""

import os

FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "htdocs", "file.bin")


def application(environ, start_response):
    file = open(FILE, "rb")
    size = os.fstat(file.fileno()).st_size
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(size))])
    return environ["wsgi.file_wrapper"](file)
