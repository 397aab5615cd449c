"""Catches a failing read and answers all the same: the error of a read is an OSError."""


def application(environ, start_response):
    try:
        size = len(environ["wsgi.input"].read())
        body = f"read {size}".encode()
    except OSError as error:
        body = f"OSError: {error}".encode()
    start_response("200 OK", [])
    return [body]
