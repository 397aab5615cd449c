"""Sends the body back as it comes in, however small the pieces."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    stream = environ["wsgi.input"]
    return iter(lambda: stream.read1(65536), b"")
