"""brine.request_id without a server: what an application imports in its own tests."""

import logging

from brine.request_id import RequestIdFilter, current


def formatted(extra=None, **options):
    record = logging.makeLogRecord({"msg": "said", **(extra or {})})
    assert RequestIdFilter(**options).filter(record)
    return logging.Formatter("%(request_id)s %(message)s").format(record)


def test_there_is_no_request():
    assert current() is None
    assert formatted() == "- said"
    assert formatted(default="none") == "none said"


def test_what_the_application_has_given_is_kept():
    assert formatted({"request_id": "mine"}) == "mine said"
