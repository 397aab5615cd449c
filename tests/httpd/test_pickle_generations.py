"""reload-other-class: a registered script's class is another one when its pickle is loaded after a reload."""

import pytest

pytestmark = pytest.mark.modes("embedded")  # daemon processes do not reload a script

CONFIG = """
WSGIPythonPath {apps}/pickling
WSGIApplicationGroup %{GLOBAL}
WSGIScriptModules Registered
WSGIScriptAlias /s {dir}/scripts
<LocationMatch enforce$>
  WSGIPickleGuard Enforce
</LocationMatch>
"""
SCRIPT = """
import pickle, ordinary
from attempts import tells, watch
VERSION = %d
class Item: pass
class Other: pass

@tells
def application(query):
    if "keep" in query:
        ordinary.kept = pickle.dumps([Item(), 1])
        ordinary.plain = pickle.dumps([1, "two"])
        return VERSION
    data = ordinary.plain if "plain" in query else ordinary.kept
    went = watch(pickle.loads, data)
    return {**went, "version": VERSION, "is": "value" in went and type(pickle.loads(data)[0]) is Item}
"""


@pytest.fixture
def ask(start_httpd):
    server = start_httpd(CONFIG)
    server.allow_log(r"BRINE0501[:|] |BRINE0307")

    versions = []

    def ask(version, query):
        if versions[-1:] != [version]:
            server.write("scripts/pickle.wsgi", SCRIPT % version)
            versions.append(version)
        answer = server.get(f"/s/pickle.wsgi{query}")
        assert answer.status == 200, server.log.tail()
        return answer.json()

    ask.server = server
    return ask


def test_what_an_earlier_generation_has_pickled_is_told(ask):
    assert ask(1, "?keep=1") == 1
    assert ask(1, "?load=1")["hazards"] == []
    went = ask(2, "?load=1")
    hazard, = went["hazards"]
    assert (went["version"], went["is"]) == (2, True)
    assert (hazard["id"], hazard["severity"], hazard["qualname"]) == ("reload-other-class", "warning", "Item")
    assert (hazard["generation"], hazard["current_generation"]) == (1, 2)
    assert "no other" not in hazard["message"]
    ask.server.expect_log("BRINE0501: pickle hazard reload-other-class: the pickle was made of class Item of generation")


def test_enforce_refuses_it(ask):
    ask(1, "?keep=1")
    went = ask(2, "/enforce")
    assert went["raised"] == "UnsafePickleError"
    assert [hazard["id"] for hazard in went["report"]["hazards"]] == ["reload-other-class"]


def test_what_this_generation_has_pickled_anew_is_fine(ask):
    ask(1, "?keep=1")
    ask(2, "?keep=1")
    assert ask(2, "?load=1")["hazards"] == []


def test_values_are_fine(ask):
    ask(1, "?keep=1")
    assert ask(2, "?plain=1")["hazards"] == []
