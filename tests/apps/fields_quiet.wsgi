"""An event stream that says `Connection: keep-alive`, as recipes on the Web do."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/event-stream"), ("Connection", "keep-alive")])
    yield b"data: 1\n\n"
