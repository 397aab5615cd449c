"""Clients that keep asking while something happens to the server, and remember every answer."""

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass

from .client import TIMEOUT
from .deadline import until

REUSES = 20  # requests on one connection, then the client opens another


@dataclass(frozen=True)
class Answer:
    """What one request came to; `name` is the end of its path, and no other's."""

    name: str
    began: float  # time.monotonic()
    took: float
    status: int
    body: bytes


class _Client(threading.Thread):
    """Asks on kept-alive connections until told to stop."""

    def __init__(self, load, name):
        super().__init__(name=name)
        self.load = load
        self.answers, self.failures, self.retries = [], [], 0
        self.connection, self.uses = None, 0

    def run(self):
        count = 0
        while not self.load.stopping.wait(self.load.rest):
            count += 1
            name = f"{self.name}-{count}"
            try:
                self.answers.append(self.ask(name))
            except Exception as error:  # every kind of failure is a finding
                self.failures.append(f"{name}: {error!r}")
                self.close()
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection, self.uses = None, 0

    def ask(self, name):
        began = time.monotonic()
        status, body = self.send(f"{self.load.path}/{name}")
        if self.uses >= REUSES:
            self.close()
        return Answer(name, began, time.monotonic() - began, status, body)

    def send(self, target):
        """One request. httpd may close a kept-alive connection between two requests: like a
        browser, the client asks again where it was closed before any byte of an answer."""
        reused = self.connection is not None
        if not reused:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.load.port,
                                                         timeout=TIMEOUT)
        self.uses += 1
        try:
            self.connection.request("GET", target)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not reused:
                raise
            self.retries += 1
            return self.send(target)
        body = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, body


class Load:
    """`with Load(server, "/app") as load:` keeps clients busy; then tells what they saw."""

    def __init__(self, server, path, clients=6, rest=0.005):
        self.port, self.path, self.rest = server.port, path, rest
        self.stopping = threading.Event()
        self.clients = [_Client(self, f"c{number}") for number in range(clients)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.clients:
            client.join()

    @property
    def answers(self):
        return [answer for client in self.clients for answer in list(client.answers)]

    @property
    def failures(self):
        return [failure for client in self.clients for failure in list(client.failures)]

    @property
    def statuses(self):
        return Counter(answer.status for answer in self.answers)

    @property
    def bodies(self):
        return {answer.body for answer in self.answers if answer.status == 200}

    @property
    def slowest(self):
        return max(self.answers, key=lambda answer: answer.took)

    def go_on(self, each=5, seconds=20):
        """Waits until every client has had so many further answers."""
        before = [len(client.answers) for client in self.clients]

        def further():
            return all(len(client.answers) - had >= each
                       for client, had in zip(self.clients, before))

        until(further, f"{each} further answers for each client", seconds)

    def paced(self, seconds, interval):
        """Yields every `interval` seconds, for so many seconds, as long as all is well."""
        start = time.monotonic()
        for step in range(round(seconds / interval)):
            yield step
            self.stopping.wait(max(0, start + (step + 1) * interval - time.monotonic()))

    def nothing_lost(self):
        """Asserts that every request was answered with 200."""
        assert not self.failures, f"{len(self.failures)} failed: {self.failures[:3]}"
        bad = [answer for answer in self.answers if answer.status != 200]
        assert not bad, f"{self.statuses}: {bad[:3]}"
        assert all(client.answers for client in self.clients)
