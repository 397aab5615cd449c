"""Directives that change one request: callable, Authorization, HEAD, chunked bodies, contexts."""

import pytest

CONFIG = """
WSGIScriptAlias /app {apps}/where.wsgi
WSGIScriptAlias /count {apps}/body_size.wsgi
<Location /app/other>
  WSGICallableObject other
</Location>
<Location /app/none>
  WSGICallableObject no_such_name
</Location>
<Location /app/number>
  WSGICallableObject not_callable
</Location>
<Location /app/env>
  SetEnvIf X-Callable "(.+)" CALLABLE=$1
  WSGICallableObject %{ENV:CALLABLE}
</Location>
<Location /app/auth>
  WSGIPassAuthorization On
</Location>
<Location /app/auth/off>
  WSGIPassAuthorization Off
</Location>
<Location /app/head/on>
  WSGIMapHEADToGET On
</Location>
<Location /app/head/off>
  WSGIMapHEADToGET Off
  SetOutputFilter DEFLATE
</Location>
<Location /app/head/auto>
  WSGIMapHEADToGET Auto
</Location>
<Location /app/head/auto/filtered>
  SetOutputFilter DEFLATE
</Location>
<Location /count/refused>
  WSGIChunkedRequest Off
</Location>
<Location /app/basic>
  AuthType Basic
  AuthName here
  AuthUserFile {dir}/htdocs/users
  Require valid-user
</Location>
"""
LOGIN = "Basic dXNlcjpzZWNyZXQ="  # user:secret


def method(httpd, asked, path):
    """The REQUEST_METHOD that the application saw, by its answer's length (HEAD has no body)."""
    return httpd.request(asked, path).header("X-Method")


@pytest.mark.axes("interpreter")
def test_callable_object(httpd):
    assert httpd.get("/app").json()["callable"] == "application"
    assert httpd.get("/app/other").json()["callable"] == "other"


def test_callable_object_that_is_missing(httpd):
    assert httpd.get("/app/none").status == 404
    record, *_ = httpd.expect_log("BRINE0304")
    assert "no_such_name" in record.text


def test_callable_object_that_is_not_callable(httpd):
    assert httpd.get("/app/number").status == 500
    httpd.expect_log("BRINE0305")


def test_callable_object_from_the_environment(httpd):
    assert httpd.get("/app/env", X_Callable="other").json()["callable"] == "other"
    assert httpd.get("/app/env").json()["callable"] == "application"


def test_pass_authorization(httpd):
    assert httpd.get("/app", Authorization="Bearer x").json()["authorization"] is None
    assert httpd.get("/app/auth", Authorization="Bearer x").json()["authorization"] == "Bearer x"
    assert httpd.get("/app/auth/off", Authorization="Bearer x").json()["authorization"] is None


def test_basic_authentication_by_httpd(httpd):
    httpd.write("htdocs/users", "user:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    assert httpd.get("/app/basic").status == 401
    seen = httpd.get("/app/basic", Authorization=LOGIN).json()
    assert seen["user"] == "user"
    assert seen["authorization"] is None


def test_head_is_passed_on_without_filters(httpd):
    assert method(httpd, "HEAD", "/app/x") == "HEAD"
    assert method(httpd, "HEAD", "/app/head/auto") == "HEAD"


def test_head_becomes_get_where_a_filter_needs_the_body(httpd):
    assert method(httpd, "HEAD", "/app/head/auto/filtered") == "GET"


def test_head_always_get(httpd):
    assert method(httpd, "HEAD", "/app/head/on") == "GET"


def test_head_never_get(httpd):
    assert method(httpd, "HEAD", "/app/head/off") == "HEAD"


def test_head_mapping_leaves_other_methods_alone(httpd):
    assert method(httpd, "GET", "/app/head/on") == "GET"
    assert method(httpd, "POST", "/app/head/on") == "POST"


def test_chunked_bodies_are_welcome(httpd):
    assert httpd.post("/count", iter([b"ab", b"cde"])).body == b"5"


def test_chunked_bodies_can_be_refused(httpd):
    assert httpd.post("/count/refused", iter([b"ab"])).status == 411
    httpd.expect_log("BRINE0106")
    assert httpd.post("/count/refused", b"abc").body == b"3"
