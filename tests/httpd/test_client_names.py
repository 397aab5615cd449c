"""Names that clients make up: URLs, Hosts and header fields take no interpreter and no memory for ever."""

import pytest

COBBLER = "WSGIScriptAliasMatch ^/cblr/svc/([^/]*) {dir}/scripts/services.py"
AUTOMX = 'WSGIScriptAliasMatch "(?i)^/.+/(autodiscover|config-v1.1).xml" {dir}/scripts/automx_wsgi.py'
WHERE = """
import mod_wsgi

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{mod_wsgi.application_group} {environ['SCRIPT_NAME']}".encode()]
"""
HANDLED = WHERE.replace("application(", "handle_request(")
ALL = """
WSGIInterpreterLimit 3
WSGIApplicationGroup %{RESOURCE}
"""
MADE_UP = 100  # requests, each with a name of its own: more than the default limit


def groups(server, path, count=MADE_UP, **headers):
    """The interpreters that serve so many URLs, in each of which `path` has another number."""
    answers = [server.get(path.format(number), **headers) for number in range(count)]
    assert {answer.status for answer in answers} == {200}
    return {answer.text.rpartition(" ")[0] for answer in answers}


@pytest.mark.parametrize("line, path", [
    (COBBLER, "/cblr/svc/op{}/ks/profile/x"),
    (AUTOMX, "/tenant{}/Autodiscover.xml"),
], ids=["cobbler", "automx"])
def test_published_regular_expressions_serve_a_thousand_urls(start_httpd, line, path):
    server = start_httpd(ALL + line)
    name = line.split("/")[-1]
    server.write(f"scripts/{name}", WHERE)
    found = groups(server, path, 1000)
    assert len(found) == 1
    (group,) = found
    assert group.endswith(f"|{server.folder}/scripts/{name}"), "it is named by the configuration"


@pytest.mark.parametrize("line", [
    "WSGIScriptAliasMatch ^/x/([^/]+) {dir}/scripts/app.wsgi",
    "WSGIScriptAliasMatch ^/x/([^/]+) {dir}/scripts/app.wsgi/$1",
    "WSGIScriptAliasMatch ^/(x/[^/]+) {dir}/scripts/app.wsgi/$1 application-group=%{RESOURCE}",
    "RewriteEngine On\nRewriteRule ^/x/ {dir}/scripts/app.wsgi [H=wsgi-script]",
    "RewriteEngine On\nRewriteRule ^/x/(.*) {dir}/scripts/app.wsgi/$1 [H=wsgi-script]",
    "AliasMatch ^/x/([^/]+) {dir}/scripts/app.wsgi\n<Location /x>\nSetHandler wsgi-script\n</Location>",
    "<LocationMatch ^/>\nSetHandler made-up\n</LocationMatch>\n"
    "WSGIHandlerScript made-up {dir}/scripts/handler.wsgi",
], ids=["expression", "path-behind", "option", "rewritten", "rewritten-path", "alias-match", "handler"])
def test_no_url_makes_an_interpreter(start_httpd, line):
    server = start_httpd(ALL + line + "\n<Directory {dir}/scripts>\nOptions +ExecCGI\n</Directory>\n")
    server.write("scripts/app.wsgi", WHERE)
    server.write("scripts/handler.wsgi", HANDLED)
    server.write("htdocs/x/index.html", "")
    assert len(groups(server, "/x/made-up-{}")) == 1
    assert len(groups(server, "/x/made-up-{}/more//path", 10)) == 1


def test_files_that_an_expression_names_stay_apart(start_httpd):
    server = start_httpd(ALL + "WSGIScriptAliasMatch ^/x/([^/]+) {dir}/scripts/$1.wsgi")
    for name in ("one", "two"):
        server.write(f"scripts/{name}.wsgi", WHERE)
    one, two = (groups(server, f"/x/{name}/{{}}", 20) for name in ("one", "two"))
    assert len(one) == len(two) == 1
    assert one != two
    assert server.get("/x/three").status == 404
    server.expect_log("BRINE0102")


def test_plain_aliases_are_named_as_before(start_httpd, workspace):
    server = start_httpd("WSGIApplicationGroup %{RESOURCE}\n"
                         "WSGIScriptAlias /a {dir}/scripts/one.wsgi\n"
                         "WSGIScriptAlias /b {dir}/scripts/one.wsgi\n"
                         "WSGIScriptAlias /s {dir}/scripts\n"
                         "WSGIScriptAlias / {dir}/scripts/one.wsgi\n")
    server.write("scripts/one.wsgi", WHERE)
    host = f"localhost:{server.port}|"
    for path, name in (("/a/x", "/a"), ("//a//x", "/a"), ("/b", "/b"), ("/s/one.wsgi/x", "/s/one.wsgi"),
                       ("/s//one.wsgi", "/s/one.wsgi"), ("/other/x", "")):
        assert server.get(path).text.rpartition(" ")[0] == host + name, path


FOLDERS = "\n<Directory {dir}>\nOptions +ExecCGI\nRequire all granted\n</Directory>\n"
BY_HOST = """
RewriteEngine On
RewriteCond %{HTTP_HOST} ^two
RewriteRule ^/(app.wsgi) {dir}/sites/two.example/$1 [H=wsgi-script]
RewriteRule ^/(app.wsgi) {dir}/sites/one.example/$1 [H=wsgi-script]
"""
BY_FOLDER = """
UseCanonicalName Off
VirtualDocumentRoot {dir}/sites/%0
AddHandler wsgi-script .wsgi
"""


@pytest.mark.parametrize("text", [BY_HOST, BY_FOLDER], ids=["rewritten", "vhost_alias"])
def test_files_of_one_url_stay_apart(start_httpd, text):
    server = start_httpd("WSGIApplicationGroup %{RESOURCE}\n" + text + FOLDERS, modules=("vhost_alias",))
    for host in ("one.example", "two.example"):
        server.write(f"sites/{host}/app.wsgi", WHERE)
        group = server.get("/app.wsgi/x", Host=host).text.rpartition(" ")[0]
        assert group.partition("|")[2] == f"{server.folder}/sites/{host}/app.wsgi"


def test_only_a_file_of_the_document_root_is_named_by_its_url(start_httpd):
    server = start_httpd("WSGIApplicationGroup %{RESOURCE}\nAddHandler wsgi-script .wsgi\n"
                         "Alias /sub {dir}/sites/sub\n" + FOLDERS)
    server.write("htdocs/app.wsgi", WHERE)
    server.write("sites/sub/app.wsgi", WHERE)
    host = f"localhost:{server.port}|"
    assert server.get("/app.wsgi/x").text == f"{host}/app.wsgi /app.wsgi"
    assert server.get("/sub/app.wsgi/x").text == f"{host}{server.folder}/sites/sub/app.wsgi /sub/app.wsgi"


HOSTS = """
WSGIInterpreterLimit 3 2
WSGIApplicationGroup %{HOST}
WSGIScriptAlias /app {dir}/scripts/app.wsgi
<VirtualHost *>
  ServerName first.example
  ServerAlias also.example
</VirtualHost>
<VirtualHost *>
  ServerName second.example
  ServerAlias *.second.example
</VirtualHost>
"""


def ask(server, host):
    return server.get("/app", Host=host)


def test_made_up_hosts_have_places_of_their_own(start_httpd):
    server = start_httpd(HOSTS)
    server.write("scripts/app.wsgi", WHERE)
    for made_up in ("{}.example", "{}.second.example"):
        statuses = [ask(server, made_up.format(number)).status for number in range(20)]
        assert statuses == ([200] * 2 if made_up == "{}.example" else []) + [503] * (
            18 if made_up == "{}.example" else 20)
    for known in ("first.example", "ALSO.example", "second.example"):
        answer = ask(server, known)
        assert (answer.status, answer.text.split()[0]) == (200, known.lower())
    assert ask(server, "0.example").status == 200
    for record in server.expect_log("BRINE0201", count=38):
        assert "Host header" in record.text and "second number" in record.text


@pytest.mark.modes("embedded")
@pytest.mark.parametrize("group, name", [("%{RESOURCE}", "site.example:{}|/app"), ("%{SERVER}", "site.example:{}"),
                                         ("%{HOST}", "site.example:{}")])
def test_ports_make_no_interpreter_where_the_server_s_name_has_one(start_httpd, group, name):
    server = start_httpd(f"WSGIInterpreterLimit 1 0\nWSGIApplicationGroup {group}\n"
                         "WSGIScriptAlias /app {dir}/scripts/app.wsgi\n"
                         "<VirtualHost *>\nServerName site.example:{port}\n</VirtualHost>\n")
    server.write("scripts/app.wsgi", WHERE)
    for port in ("", ":80", ":443", ":8081", f":{server.port}"):
        answer = ask(server, "site.example" + port)
        assert (answer.status, answer.text.split()[0]) == (200, name.format(server.port)), port


def test_variables_have_places_of_their_own(start_httpd):
    server = start_httpd("WSGIInterpreterLimit 2 1\nSetEnvIf X-Name (.+) NAME=$1\n"
                         "WSGIScriptAlias /open {dir}/scripts/app.wsgi application-group=%{ENV:NAME}\n"
                         "WSGIScriptAlias /a {dir}/scripts/app.wsgi application-group=a\n"
                         "WSGIScriptAlias /b {dir}/scripts/app.wsgi application-group=b\n"
                         "WSGIScriptAlias /c {dir}/scripts/app.wsgi application-group=c\n")
    server.write("scripts/app.wsgi", WHERE)
    statuses = [server.get("/open", **{"X-Name": f"n{number}"}).status for number in range(5)]
    assert statuses == [200, 503, 503, 503, 503]
    assert {"variable" in record.text for record in server.expect_log("BRINE0201", count=4)} == {True}
    assert [server.get(path).status for path in ("/a", "/b", "/c")] == [200, 200, 503]
    server.expect_log("BRINE0201: .*the configuration names more than the 2 ")


def test_by_default_a_stranger_takes_no_place_that_is_named(start_httpd):
    """The default limits, and more made-up Hosts than both together."""
    server = start_httpd("WSGIApplicationGroup %{HOST}\nWSGIScriptAlias /app {dir}/scripts/app.wsgi\n")
    server.write("scripts/app.wsgi", WHERE)
    statuses = [ask(server, f"h{number}.example").status for number in range(40)]
    assert statuses.count(200) == 16
    assert ask(server, "localhost").status == 200
    server.expect_log("BRINE0201", count=24)


@pytest.mark.modes("embedded")
def test_configtest_tells_who_lets_clients_name_interpreters(configtest):
    virtual = "<VirtualHost *>\nServerName {}.example\n{}\n</VirtualHost>\n"
    alias = "WSGIScriptAlias /{} {{apps}}/hello.wsgi application-group={}"
    text = (virtual.format("first", alias.format("first", "%{HOST}"))
            + virtual.format("named", alias.format("named", "%{HOST}"))
            + virtual.format("wild", "ServerAlias *.example\n" + alias.format("wild", "%{HOST}"))
            + alias.format("variable", "%{ENV:NAME}") + "\n" + alias.format("fixed", "%{RESOURCE}") + "\n"
            + "WSGIScriptAliasMatch ^/x/(.*) {apps}/hello.wsgi application-group=%{SERVER}\n")
    passed, said = configtest(text)
    assert passed
    lines = [line for line in said.splitlines() if "BRINE0018" in line]
    assert len(lines) == 3, said
    assert sum("%{HOST}" in line for line in lines) == 2
    assert sum("%{ENV:NAME}" in line for line in lines) == 1
    assert all("WSGIScriptAlias (" in line for line in lines)
    passed, said = configtest("WSGIInterpreterLimit 64 16\n" + text)
    assert passed and "BRINE0018" not in said, "the number has been given"


KEYS = """
import sys

def interned(key):
    fresh = "".join(list(key))
    return sys.intern(fresh) is not fresh

def application(environ, start_response):
    start_response("200 OK", [])
    made_up = [key for key in environ if key.startswith("HTTP_MADE_UP")]
    return [f"{len(made_up)} {sum(map(interned, made_up))} {interned('HTTP_HOST')}".encode()]
"""


def test_no_made_up_field_is_interned(start_httpd):
    server = start_httpd("WSGIScriptAlias /app {dir}/scripts/app.wsgi\n")
    server.write("scripts/app.wsgi", KEYS)
    for number in range(60):
        fields = {f"Made-Up-{number}-{field}": "x" for field in range(20)}
        assert server.get("/app", **fields).text == "20 0 True"
