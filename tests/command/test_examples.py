"""docs/examples/hello.wsgi: the first page that a newcomer sees."""

import html.parser

import pytest

from serving import REPOSITORY

HELLO = REPOSITORY / "docs/examples/hello.wsgi"


class Page(html.parser.HTMLParser):
    """Collects a page's text, tags, and addresses that it refers to."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.references, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def hello(serve, folder):
    """The page's server, from a copy that httpd's user can read."""
    script = folder / "hello.wsgi"
    script.write_bytes(HELLO.read_bytes())
    script.chmod(0o644)
    return serve(script)


def test_it_says_who_serves_it(hello):
    status, text = hello.get("/some/where?x=1")
    page = Page(text)
    assert status == 200
    assert {"Python", "Apache httpd", "Brine", "Process", "Script loaded", "_mod_wsgi_", "PATH_INFO", "/some/where",
            "QUERY_STRING", "x=1", "wsgi.version"} <= {word.rstrip("…")[:10] if word.startswith("_mod_wsgi_") else word
                                                      for word in page.words}
    assert any(word.endswith("hello.wsgi") for word in page.words)


def test_it_needs_nothing_from_elsewhere(hello):
    assert Page(hello.get()[1]).references == ["data:,"]


def test_what_comes_from_outside_is_escaped(hello):
    ordinary = Page(hello.get("/?x=1")[1]).tags
    text = hello.get("/%3Cscript%3Ealert(1)%3C/script%3E?<img%20src=x>=\"'")[1]
    assert sorted(set(Page(text).tags)) == sorted(set(ordinary))
    assert "<script" not in text


def test_the_greeting_changes_with_the_file(hello, folder):
    assert "Hello from Brine" in hello.get()[1]
    new = folder / "new"
    new.write_text(HELLO.read_text().replace("Hello from Brine", "Good morning"))
    new.chmod(0o644)
    new.replace(folder / "hello.wsgi")
    assert "<h1>Good morning</h1>" in hello.get()[1]
