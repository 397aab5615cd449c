"""Aliases that meet: the first in the file wins, a vhost's come before the main server's."""

CONFIG = """
WSGIScriptAlias /a/special {apps}/where.wsgi callable-object=other
WSGIScriptAlias /a {apps}/where.wsgi
WSGIScriptAlias /shared {apps}/where.wsgi
WSGIScriptAlias / {apps}/where.wsgi
<VirtualHost 127.0.0.1:{port}>
  ServerName one.example
  WSGIScriptAlias /shared {apps}/where.wsgi callable-object=other
</VirtualHost>
<VirtualHost 127.0.0.1:{port}>
  ServerName two.example
  Alias /static {htdocs}
</VirtualHost>
"""
SHADOWED = """
WSGIScriptAlias / {apps}/where.wsgi
WSGIScriptAlias /api {apps}/where.wsgi callable-object=other
"""


def ask(httpd, path, host="two.example"):
    return httpd.get(path, Host=host).json()


def test_first_match_wins(httpd):
    assert ask(httpd, "/a/special/x")["callable"] == "other"
    assert ask(httpd, "/a/else")["callable"] == "application"


def test_root_mount(httpd):
    seen = ask(httpd, "/")
    assert (seen["script_name"], seen["path_info"]) == ("", "/")
    seen = ask(httpd, "/any/thing")
    assert (seen["script_name"], seen["path_info"]) == ("", "/any/thing")


def test_vhosts_aliases_come_first(httpd):
    assert ask(httpd, "/shared", "one.example")["callable"] == "other"
    assert ask(httpd, "/shared", "two.example")["callable"] == "application"


def test_main_servers_aliases_hold_in_every_vhost(httpd):
    assert ask(httpd, "/a/special", "one.example")["callable"] == "other"


def test_alias_of_httpd_beats_the_root_mount(httpd):
    (httpd.folder / "htdocs" / "x.txt").write_text("static")
    assert httpd.get("/static/x.txt", Host="two.example").body == b"static"


def test_a_shadowed_alias_is_named_at_start(start_httpd):
    server = start_httpd(SHADOWED)
    record, *_ = server.expect_log("BRINE0006")
    assert "/api" in record.text
    assert server.get("/api").json()["callable"] == "application"


def test_no_warning_where_nothing_is_shadowed(start_httpd):
    server = start_httpd("WSGIScriptAlias /api {apps}/where.wsgi\nWSGIScriptAlias / {apps}/where.wsgi\n")
    assert server.get("/").status == 200
    assert not server.log.texts("BRINE0006")
