"""httpd's own filters around an application: mod_deflate, mod_include, error documents."""

import gzip
import os

CONFIG = """
WSGIScriptAlias /shape {apps}/response.wsgi
WSGIScriptAlias /status {apps}/status.wsgi
WSGIScriptAlias /digest {apps}/digest.wsgi
<LocationMatch "^/(shape|status)/z">
  SetOutputFilter DEFLATE
</LocationMatch>
<Location /digest/z>
  SetInputFilter DEFLATE
</Location>
<Location /shape/headers>
  Header set X-From-Httpd yes
  Header edit X-None a b
</Location>
"""


def test_deflated(httpd):
    answer = httpd.get("/shape/z?many", Accept_Encoding="gzip")
    assert answer.header("Content-Encoding") == "gzip"
    assert gzip.decompress(answer.body) == httpd.get("/shape?many").body


def test_deflated_generator(httpd):
    answer = httpd.get("/shape/z?many-generator", Accept_Encoding="gzip")
    assert gzip.decompress(answer.body) == httpd.get("/shape?many-generator").body


def test_head_tells_what_get_would(httpd):
    get = httpd.get("/shape/z?many", Accept_Encoding="gzip")
    head = httpd.request("HEAD", "/shape/z?many", headers={"Accept-Encoding": "gzip"})
    assert head.body == b""
    assert head.header("Content-Encoding") == get.header("Content-Encoding") == "gzip"
    assert head.header("Vary") == get.header("Vary")


def test_compressed_upload(httpd):
    body = gzip.compress(bytes(range(256)) * 40 + os.urandom(89_760))
    answer = httpd.post("/digest/z", body, Content_Encoding="gzip")
    assert answer.text.startswith("100000 ")


def test_mod_headers(httpd):
    assert httpd.get("/shape/headers?list").header("X-From-Httpd") == "yes"
