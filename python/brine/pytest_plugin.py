"""A pytest plugin: the fixture `brine_pickle_guard` fails a test in which something unsafe is pickled.

    pytest_plugins = ["brine.pytest_plugin"]        # in the uppermost conftest.py, or: pytest -p brine.pytest_plugin

    def test_checkout(client, brine_pickle_guard):
        client.post("/checkout")

Loading the plugin puts the pickle guard into the place of `pickle`, switched off: the application under
test, which may say `from pickle import dumps`, is imported after that. The fixture switches it on.
"""

import os
from typing import Any, ContextManager, Iterator

import pytest

from brine import _guard
from brine.pickle import CheckError, Hazard, Report, _react, collect, install
from brine.pickle._hazards import SEVERITIES
from brine.pickle._round_trip import check_pickle
from brine.pytest_workers import MOST_ROUND_TRIPS, Mailbox, Posted, post, starting_guarded

install("Off")


class PickleFindings(list[Report]):
    """A report for each dump and each load with a hazard so far. What is in it when the test ends fails it."""

    def __init__(self) -> None:
        super().__init__()
        self._allowed: set[str] = set()
        self._told = 0
        self._pickles: dict[bytes, None] = {}
        self.unchecked: list[str] = []
        """Why the round trip of a pickle could not be made."""
        self._owner = os.getpid()
        self._mailbox = Mailbox()
        self._posted = Posted(self._mailbox.path)

    def append(self, report: Report) -> None:
        """Adds a report; in a process that the test has forked, to those of the test's process."""
        if os.getpid() == self._owner:
            super().append(report)
        else:
            post(self._mailbox.path, report)

    def gather(self) -> None:
        """Adds what processes that the test has started have found, and have pickled."""
        for posted in self._mailbox.take():
            if isinstance(posted, bytes):
                self._keep(posted)
            elif isinstance(posted, str):
                self.unchecked.append(posted)
            else:
                self.append(posted)

    def guarding_workers(self) -> ContextManager[None]:
        """Within it, what multiprocessing starts anew is guarded too."""
        return starting_guarded(self._mailbox.path, lambda: self._keep in _react.samplers)

    def close(self) -> None:
        self._mailbox.close()

    def __call__(self, *, round_trip: bool) -> "PickleFindings":
        """`round_trip`: what is pickled from now on is loaded in a fresh process when the test ends.

        Each pickle once, and 1,000 of them at most.
        """
        if round_trip and self._keep not in _react.samplers:
            _react.samplers.append(self._keep)
        if not round_trip:
            self._stop()
        _guard.set_sampling(bool(round_trip))
        return self

    def _keep(self, stream: bytes) -> None:
        if os.getpid() != self._owner:
            self._posted.add(stream)
        elif len(self._pickles) < MOST_ROUND_TRIPS:
            self._pickles[stream] = None

    def _stop(self) -> None:
        _react.samplers[:] = [each for each in _react.samplers if each != self._keep]
        _guard.set_sampling(bool(_react.samplers))

    def make_round_trips(self) -> None:
        """Of what has been pickled since the last call; a pickle with a hazard does not get so far."""
        self.gather()
        pickles, self._pickles = self._pickles, {}
        for stream in pickles:
            try:
                report = check_pickle(stream, "the object")
            except CheckError as error:
                self.unchecked.append(str(error))
                continue
            if report:
                self.append(report)

    def allow(self, *ids: str) -> None:
        """Hazards with these ids are no failure: allow("naming-main")."""
        unknown = set(ids) - SEVERITIES.keys()
        if unknown:
            raise ValueError(f"there is no pickle hazard {', '.join(sorted(unknown))}")
        self._allowed |= set(ids)

    @property
    def hazards(self) -> list[Hazard]:
        """All hazards that are not allowed, each once for each path."""
        return list({(hazard.key, hazard.path): hazard for report in self for hazard in report
                     if hazard.id not in self._allowed}.values())

    def clear(self) -> None:
        """Forgets what there is: a test has seen what it expected."""
        self.gather()
        super().clear()
        self._told = 0

    def tell(self) -> str | None:
        """What is new since the last call, as a text for a person; None if nothing is."""
        self.gather()
        hazards = self.hazards[self._told:]
        self._told += len(hazards)
        if not hazards:
            return None
        title = "a pickle hazard" if len(hazards) == 1 else f"{len(hazards)} pickle hazards"
        return "\n\n".join([f"the test came upon {title}", *map(str, hazards)])


_findings = pytest.StashKey[PickleFindings]()


@pytest.fixture
def brine_pickle_guard(request: pytest.FixtureRequest) -> Iterator[PickleFindings]:
    """Fails the test if a pickle hazard is met while it runs, in any thread; see docs/pickle.md.

    Pickle itself does what it always does, so the application behaves as it will in production. The value
    is a list of `brine.pickle.Report`: `clear()` it after a hazard that the test expects, or `allow()` ids. Called with
    `round_trip=True` it has each pickle loaded in a fresh process too.
    """
    findings = request.node.stash[_findings] = PickleFindings()
    former = _guard.policy()
    _guard.set_policy("Report")
    try:
        with collect(findings), findings.guarding_workers():
            yield findings
    finally:
        _guard.set_policy(former)
        findings._stop()
    findings.make_round_trips()
    text = findings.tell()  # since the test's own end, in the ends of other fixtures
    findings.close()
    if text:
        pytest.fail(text, pytrace=False)


@pytest.hookimpl(trylast=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """After a test that has passed so far."""
    findings = item.stash.get(_findings, None)
    if findings is None:
        return
    findings.make_round_trips()
    if text := findings.tell():
        pytest.fail(text, pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """A test that has failed by itself: the hazards may be why."""
    findings = item.stash.get(_findings, None)
    if findings is not None and call.when == "call" and call.excinfo is not None and (text := findings.tell()):
        item.add_report_section("call", "pickle hazards", text)
