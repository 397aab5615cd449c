"""docs/examples/pickle.wsgi, which docs/pickle.md goes through."""

import json
import re
import urllib.request

import pytest

from serving import REPOSITORY, poll

PICKLE = REPOSITORY / "docs/examples/pickle.wsgi"


@pytest.fixture
def shop(serve, folder):
    """The example's server, from a copy that httpd's user can read."""
    script = folder / "shop.wsgi"
    script.write_bytes(PICKLE.read_bytes())
    script.chmod(0o644)
    return serve(script)


def test_a_session_of_the_script_s_classes(shop, folder):
    status, text = shop.get("/session")
    assert status == 500
    assert re.fullmatch(r"PicklingError: Can't pickle <class '_mod_wsgi_\w+\.Cart'>: import of module '\w+' failed\n", text)
    shop.wait_for(rf"warn +BRINE0501: pickle hazard naming-script: session\['cart'\] is an instance of class Cart, defined in "
                  rf"the WSGI script {folder}/shop.wsgi \(generation 1\)\.")
    shop.wait_for(r"pickle hazard naming-script: session\['cart'\]\.items\[0\] is an instance of class Item, ")
    shop.wait_for(rf"at {folder}/shop.wsgi:\d+ in session$")


def test_an_object_that_outlives_a_reload(shop):
    assert shop.get("/keep") == (200, "kept\n")
    assert shop.get("/reload") == (200, "reloaded\n")
    assert shop.get("/kept")[0] == 500
    shop.wait_for(r"reload-stale: kept is an instance of class Fraction, but the name fractions.Fraction is bound to another "
                  r"object now: ")


def test_the_other_pages(shop):
    assert shop.get("/lambda")[0] == 500
    shop.wait_for(r"naming-local: tasks\[1\] is a lambda ")
    status, text = shop.get("/restore")
    assert status == 500 and "Brine: the pickle names shop.models.Cart, and there is no module shop.models" in text
    assert shop.get("/counters")[1] == json.dumps({"naming-local": 1, "restore-no-module": 1}) + "\n"


def test_values_are_nothing_to_speak_of(shop):
    with urllib.request.urlopen(f"{shop.url}/values", timeout=30) as answer:  # binary, so not by get()
        assert answer.status == 200 and b"milk" in answer.read()
    assert shop.get("/counters")[1] == "{}\n"
    poll(lambda: "loaded WSGI script" in shop.output, "the log")
    assert "BRINE0501" not in shop.output
