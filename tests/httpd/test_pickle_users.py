"""Libraries that pickle for an application: Django's caches and sessions, shelve, multiprocessing and others.

With Debian's Python, which has these packages. Each gets the hazard told with the application's own place,
and nothing of theirs is taken for a hazard.
"""

import pytest

pytest.importorskip("django")
for package in ("flask", "cloudpickle", "joblib", "numpy", "sqlalchemy"):
    pytest.importorskip(package)

CONFIG = """
WSGIPythonPath {apps}/pickling
WSGIApplicationGroup %{GLOBAL}
WSGIScriptAlias /django {apps}/pickle_django.wsgi
WSGIScriptAlias /users {apps}/pickle_users.wsgi
WSGIScriptAlias /registered {dir}/scripts/pickle_users.wsgi
<Location /registered>
  WSGIScriptModules Registered
</Location>
<LocationMatch /enforce$>
  WSGIPickleGuard Enforce
</LocationMatch>
"""


@pytest.fixture(autouse=True)
def noise(httpd):
    httpd.allow_log(r"BRINE0501[:|] ")


@pytest.fixture(scope="module", autouse=True)
def registered(server, workspace):
    """The same script under another name: numpy wants to be in one interpreter only."""
    server.write("scripts/pickle_users.wsgi", (workspace.folder / "apps/pickle_users.wsgi").read_text())


def ask(httpd, path, **query):
    answer = httpd.get(path + "?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


# --- Django ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("into", ["locmem", "files", "session"])
@pytest.mark.parametrize("what", ["values", "model"])
def test_django_values_and_models_are_fine(httpd, into, what):
    went = ask(httpd, "/django/enforce", into=into, what=what)
    assert (went.get("value"), went["hazards"]) == ("True", []), went


@pytest.mark.parametrize("into", ["locmem", "files", "session"])
def test_django_stores_an_item_of_the_script(httpd, workspace, into):
    went = ask(httpd, "/django", into=into, what="item")
    assert went["raised"] == "PicklingError"
    hazard, = went["hazards"]
    assert (hazard["id"], hazard["qualname"]) == ("naming-script", "Item")
    path = {"session": "session_data['value']['cart'][0]"}.get(into, "value['cart'][0]")
    assert hazard["path"] == path
    assert hazard["where"].startswith(f"{workspace.folder}/apps/pickle_django.wsgi:")
    assert hazard["where"].endswith({"session": " in through_session"}.get(into, " in application"))


@pytest.mark.parametrize("into", ["locmem", "files", "session"])
def test_django_is_refused_an_item_of_the_script(httpd, into):
    went = ask(httpd, "/django/enforce", into=into, what="item")
    assert went["raised"] == "UnsafePickleError"
    assert [hazard["id"] for hazard in went["report"]["hazards"]] == ["naming-script"]


def test_django_stores_a_lambda(httpd):
    hazard, = ask(httpd, "/django", into="locmem", what="lambda")["hazards"]
    assert (hazard["id"], hazard["path"]) == ("naming-local", "value['total']")


# --- others ---------------------------------------------------------------------------------------------

BY_PICKLE = ["shelve", "forking-pickler", "sqlalchemy"]


@pytest.mark.parametrize("by", ["deepcopy", "cloudpickle", "joblib", "flask", "logging", *BY_PICKLE])
def test_values_are_fine_by_way_of(httpd, by):
    what = "plain" if by in ("flask", "logging") else "value"
    went = ask(httpd, "/users/enforce", by=by, what=what)
    assert "value" in went and went["hazards"] == [], went


@pytest.mark.parametrize("by", BY_PICKLE)
@pytest.mark.parametrize("way", ["/users", "/registered"])
def test_an_item_of_the_script_is_found_by_way_of(httpd, workspace, by, way):
    went = ask(httpd, way, by=by, what="item")
    assert ("value" in went) == (way == "/registered"), went
    hazard, = went["hazards"]
    assert (hazard["id"], hazard["qualname"]) == ("naming-script", "Item")
    assert hazard["path"].endswith("['cart'][1]")
    script = workspace.folder / "apps" if way == "/users" else httpd.folder / "scripts"
    assert hazard["where"].startswith(f"{script}/pickle_users.wsgi:")


@pytest.mark.parametrize("by", BY_PICKLE)
def test_an_item_of_the_script_is_refused_by_way_of(httpd, by):
    went = ask(httpd, "/registered/enforce", by=by, what="item")
    assert went["raised"] == "UnsafePickleError" or "UnsafePickleError) pickle hazard" in went["text"], went
    assert [hazard["id"] for hazard in went["hazards"]] == ["naming-script"]


@pytest.mark.parametrize("way", ["/users", "/registered"])
def test_an_item_in_an_array(httpd, way):
    hazard, = ask(httpd, way, by="forking-pickler", what="array")["hazards"]
    assert (hazard["id"], hazard["qualname"]) == ("naming-script", "Item")


def test_deepcopy_does_not_pickle(httpd):
    went = ask(httpd, "/users/enforce", by="deepcopy", what="item")
    assert "value" in went and went["hazards"] == []


def test_cloudpickle_writes_the_scripts_classes_by_value(httpd):
    went = ask(httpd, "/users/enforce", by="cloudpickle", what="item")
    assert "value" in went and went["hazards"] == [], went


def test_cloudpickle_writes_them_by_name_where_the_script_is_registered(httpd):
    went = ask(httpd, "/registered/enforce", by="cloudpickle", what="item")
    assert went["raised"] == "UnsafePickleError"


def test_joblib_is_out_of_reach(httpd):
    """It derives from the pure Python Pickler, which the guard leaves alone."""
    assert ask(httpd, "/users", by="joblib", what="item")["raised"] == "PicklingError"
    assert "value" in ask(httpd, "/registered", by="joblib", what="item")


@pytest.mark.parametrize("way", ["/users", "/registered"])
def test_no_false_alarm_for_what_libraries_define(httpd, way):
    assert ask(httpd, way, clean=1) == []
    told = httpd.log.texts("pickle hazard ")
    assert not [text for text in told if "refuses-pickle" not in text]  # is_right() looks at those
