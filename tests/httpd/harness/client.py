"""HTTP seen from the client: whole responses, and bytes on a socket for what http.client refuses."""

import http.client
import io
import json
import socket
from dataclasses import dataclass, field

from .deadline import SCALE

TIMEOUT = 20 * SCALE


@dataclass
class Response:
    """An answer; `complete` is False where the connection ended before the body did."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    complete: bool = True
    version: int = 11
    extra: dict = field(default_factory=dict)

    def header(self, name, default=None):
        """The first field of that name."""
        return next(iter(self.header_all(name)), default)

    def header_all(self, name):
        """All fields of that name, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return json.loads(self.body)


def read_response(answer):
    """Turns http.client's response into ours, also where the body is cut off."""
    complete = True
    try:
        body = answer.read()
    except http.client.IncompleteRead as error:
        body, complete = error.partial, False
    except (ConnectionResetError, ValueError):
        body, complete = b"", False
    return Response(answer.status, answer.reason, answer.getheaders(), body, complete,
                    answer.version)


class Raw:
    """A connection on which the test writes its own bytes."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(("127.0.0.1", port))
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection as a crashed client does: with RST, not FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read_until(self, mark):
        """Reads until `mark` has come; returns all up to and with it, keeps the rest."""
        while mark not in self.received:
            more = self.socket.recv(65536)
            if not more:
                raise AssertionError(f"closed before {mark!r}; got {self.received!r}")
            self.received += more
        head, mark, self.received = self.received.partition(mark)
        return head + mark

    def read_to_end(self):
        """Reads until the server closes; returns all that had not been read."""
        try:
            while more := self.socket.recv(65536):
                self.received += more
        except ConnectionResetError:
            pass
        result, self.received = self.received, b""
        return result


class _Bytes:
    """What http.client needs of a socket, over bytes that are here already."""

    def __init__(self, file):
        self._file = file

    def makefile(self, _mode):
        return self._file


def parse_responses(data, methods=("GET",)):
    """The responses in a byte string, one for each method that was asked with."""
    file = io.BytesIO(data)
    file.close = lambda: None
    answers = []
    for method in methods:
        answer = http.client.HTTPResponse(_Bytes(file), method=method)
        answer.begin()
        answers.append(read_response(answer))
    return answers
