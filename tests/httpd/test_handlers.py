"""Scripts reached by httpd's own means: AddHandler, SetHandler, MIME types, Action, .htaccess."""

CONFIG = """
<Directory {htdocs}>
  AllowOverride FileInfo
  Options FollowSymLinks
  AddHandler wsgi-script .wsgi
</Directory>
<Directory {htdocs}/exec>
  Options +ExecCGI
</Directory>
<Directory {htdocs}/set>
  Options +ExecCGI
  SetHandler wsgi-script
</Directory>
<Directory {htdocs}/typed>
  Options +ExecCGI
  AddType application/x-httpd-wsgi .typed
</Directory>
WSGIHandlerScript my-handler {apps}/where.wsgi
WSGIHandlerScript my-group {apps}/where.wsgi application-group=handlers
<Directory {htdocs}/handled>
  AddHandler my-handler .doc
  AddHandler my-group .grouped
</Directory>
WSGIScriptAlias /app {apps}/where.wsgi
Action acted /app virtual
Action text/acted /app
<Directory {htdocs}/action>
  AddHandler acted .act
  AddType text/acted .typ
</Directory>
RewriteEngine On
RewriteRule ^/rewritten/(.*) {htdocs}/handled/rewritten.txt [H=my-handler]
<Location /documented>
  ErrorDocument 404 /app/not-found
  ErrorDocument 403 /app/rejected
</Location>
<Location /documented/rejected>
  Require all denied
</Location>
"""


def put(httpd, path, text=None):
    """A copy of the script `where` (or a text) below htdocs/."""
    where = (httpd.folder.parent / "apps" / "where.wsgi").read_text()
    httpd.write(f"htdocs/{path}", where if text is None else text)


def test_add_handler_with_exec_cgi(httpd):
    put(httpd, "exec/app.wsgi")
    seen = httpd.get("/exec/app.wsgi/p").json()
    assert (seen["script_name"], seen["path_info"]) == ("/exec/app.wsgi", "/p")
    assert seen["file"] == str(httpd.folder / "htdocs/exec/app.wsgi")


def test_add_handler_without_exec_cgi(httpd):
    put(httpd, "app.wsgi")
    assert httpd.get("/app.wsgi").status == 403
    httpd.expect_log("BRINE0101")


def test_set_handler(httpd):
    put(httpd, "set/anything.txt")
    assert httpd.get("/set/anything.txt").json()["handler"] == "wsgi-script"


def test_set_handler_on_a_file_that_does_not_exist(httpd):
    put(httpd, "set/anything.txt")
    assert httpd.get("/set/none.txt").status == 404
    httpd.expect_log("BRINE0102")


def test_set_handler_on_a_directory(httpd):
    put(httpd, "set/folder/x.txt")
    assert httpd.get("/set/folder/").status == 403
    httpd.expect_log("BRINE0103")


def test_legacy_mime_type(httpd):
    put(httpd, "typed/app.typed")
    assert httpd.get("/typed/app.typed").json()["file"].endswith("typed/app.typed")


def test_handler_script_serves_other_files(httpd):
    put(httpd, "handled/page.doc", "not Python at all: (")
    seen = httpd.get("/handled/page.doc/more").json()
    assert seen["callable"] == "handle_request"
    assert seen["script_filename"] == str(httpd.folder / "htdocs/handled/page.doc")
    assert seen["handler"] == "my-handler"
    assert seen["handler_script"] == str(httpd.folder.parent / "apps" / "where.wsgi")
    assert (seen["script_name"], seen["path_info"]) == ("/handled/page.doc", "/more")


def test_handler_script_with_application_group(httpd):
    put(httpd, "handled/page.grouped", "")
    assert httpd.get("/handled/page.grouped").json()["group"] == "handlers"


def test_handler_script_through_rewrite(httpd):
    put(httpd, "handled/rewritten.txt", "")
    assert httpd.get("/rewritten/x").json()["handler"] == "my-handler"


def test_action_for_a_handler(httpd):
    put(httpd, "action/page.typ", "x")
    seen = httpd.get("/action/none.act").json()
    assert seen["path_info"] == "/action/none.act"
    assert seen["script_name"] == "/app"
    assert seen["redirect_url"] == "/action/none.act"


def test_action_for_a_type(httpd):
    put(httpd, "action/page.typ", "x")
    assert httpd.get("/action/page.typ").json()["path_info"] == "/action/page.typ"


def test_error_document_served_by_a_script(httpd):
    answer = httpd.get("/documented/here")
    assert answer.status == 200, "the status is what the script says"
    assert answer.json()["path_info"] == "/not-found"
    assert answer.json()["redirect_url"] == "/documented/here"


def test_error_document_for_a_denied_request(httpd):
    answer = httpd.get("/documented/rejected")
    assert answer.json()["path_info"] == "/rejected"
    httpd.expect_log("AH01630")


def test_htaccess_adds_a_handler(httpd):
    put(httpd, "exec/ht/app.python")
    httpd.write("htdocs/exec/ht/.htaccess", "AddHandler wsgi-script .python\n")
    assert httpd.get("/exec/ht/app.python").json()["callable"] == "application"


def test_htaccess_chooses_the_callable(httpd):
    put(httpd, "exec/call/app.wsgi")
    httpd.write("htdocs/exec/call/.htaccess", "WSGICallableObject other\n")
    assert httpd.get("/exec/call/app.wsgi").json()["callable"] == "other"


def test_htaccess_passes_authorization(httpd):
    put(httpd, "exec/auth/app.wsgi")
    httpd.write("htdocs/exec/auth/.htaccess", "WSGIPassAuthorization On\n")
    seen = httpd.get("/exec/auth/app.wsgi", Authorization="Basic eDp5").json()
    assert seen["authorization"] == "Basic eDp5"


def test_htaccess_may_not_choose_the_application_group(httpd):
    put(httpd, "exec/group/app.wsgi")
    httpd.write("htdocs/exec/group/.htaccess", "WSGIApplicationGroup mine\n")
    assert httpd.get("/exec/group/app.wsgi").status == 500
    httpd.expect_log("WSGIApplicationGroup not allowed here")
