"""Sends the body back, block by block, as it comes in."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    stream = environ["wsgi.input"]
    return iter(lambda: stream.read(65536), b"")
