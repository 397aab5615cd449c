"""WSGIScriptAlias and WSGIScriptAliasMatch: which URL reaches which script."""


CONFIG = """
WSGIScriptAlias /file {apps}/where.wsgi
WSGIScriptAlias /folder {apps}
WSGIScriptAlias /slashed/ {apps}/
WSGIScriptAlias /deep/er {apps}/where.wsgi
WSGIScriptAlias /named {apps}/where.wsgi callable-object=other
WSGIScriptAlias /quoted "{apps}/where.wsgi" callable-object="other" application-group='%{GLOBAL}'
WSGIScriptAlias /group {apps}/where.wsgi application-group=my-group
WSGIScriptAlias /auth {apps}/where.wsgi pass-authorization=On
WSGIScriptAlias /global {apps}/where.wsgi application-group=%{GLOBAL} process-group={process_group}
WSGIScriptAlias /missing {apps}/no-such.wsgi
WSGIScriptAlias /verbatim {apps}/where.wsgi callable-object=%{ENV:CHOSEN}
SetEnv CHOSEN other
WSGIScriptAliasMatch ^/m/([a-z]+)/v\\d+ {apps}/$1.wsgi
WSGIScriptAliasMatch /anywhere {apps}/where.wsgi
<Directory {apps}>
  <Files "forbidden.wsgi">
    Require all denied
  </Files>
</Directory>
<Location /file/nopathinfo>
  AcceptPathInfo Off
</Location>
"""


def test_file_target(httpd):
    seen = httpd.get("/file").json()
    assert (seen["script_name"], seen["path_info"]) == ("/file", "")
    assert seen["file"] == str(httpd.folder.parent / "apps" / "where.wsgi")
    assert seen["handler"] == "wsgi-script"


def test_rest_of_the_url_is_path_info(httpd):
    seen = httpd.get("/file/a/b?q").json()
    assert (seen["script_name"], seen["path_info"]) == ("/file", "/a/b")


def test_trailing_slash_is_path_info(httpd):
    assert httpd.get("/file/").json()["path_info"] == "/"


def test_no_redirect_to_a_trailing_slash(httpd):
    assert httpd.get("/file").status == 200


def test_matches_whole_segments_only(httpd):
    assert httpd.get("/filet").status == 404
    assert httpd.get("/fil").status == 404
    assert httpd.get("/deep").status == 404


def test_a_slash_of_the_alias_matches_several(httpd):
    seen = httpd.get("/deep//er///x").json()
    assert (seen["script_name"], seen["path_info"]) == ("/deep/er", "/x")


def test_directory_target_names_the_script_in_the_url(httpd):
    seen = httpd.get("/folder/where.wsgi/p").json()
    assert (seen["script_name"], seen["path_info"]) == ("/folder/where.wsgi", "/p")


def test_directory_target_with_balanced_slashes(httpd):
    seen = httpd.get("/slashed/where.wsgi/p").json()
    assert (seen["script_name"], seen["path_info"]) == ("/slashed/where.wsgi", "/p")


def test_an_alias_that_ends_with_a_slash_wants_it(httpd):
    assert httpd.get("/slashed").status == 404


def test_directory_itself_is_forbidden(httpd):
    assert httpd.get("/folder/").status == 403
    httpd.expect_log("BRINE0103")


def test_script_that_does_not_exist(httpd):
    assert httpd.get("/folder/no-such.wsgi").status == 404
    assert httpd.get("/missing").status == 404
    httpd.expect_log("BRINE0102", count=2)


def test_access_rules_of_the_target_directory_hold(httpd):
    assert httpd.get("/folder/forbidden.wsgi").status == 403
    httpd.expect_log("AH01630")


def test_accept_path_info_off(httpd):
    assert httpd.get("/file/nopathinfo").status == 404
    httpd.expect_log("BRINE0104")


def test_callable_option(httpd):
    assert httpd.get("/named").json()["callable"] == "other"


def test_quoted_options(httpd):
    seen = httpd.get("/quoted").json()
    assert (seen["callable"], seen["group"]) == ("other", "")


def test_application_group_option(httpd):
    assert httpd.get("/group").json()["group"] == "my-group"
    assert httpd.get("/global").json()["group"] == ""


def test_pass_authorization_option(httpd):
    assert httpd.get("/auth", Authorization="Basic eDp5").json()["authorization"] == "Basic eDp5"
    assert httpd.get("/file", Authorization="Basic eDp5").json()["authorization"] is None


def test_callable_option_is_taken_verbatim(httpd):
    assert httpd.get("/verbatim").status == 404
    httpd.expect_log("BRINE0304")


def test_match_substitutes_groups(httpd):
    seen = httpd.get("/m/where/v12/rest").json()
    assert (seen["script_name"], seen["path_info"]) == ("/m/where/v12", "/rest")


def test_match_need_not_start_at_the_beginning(httpd):
    seen = httpd.get("/some/anywhere/x").json()
    assert (seen["script_name"], seen["path_info"]) == ("/some/anywhere", "/x")


def test_what_no_alias_names_is_httpds(httpd):
    (httpd.folder / "htdocs" / "plain.txt").write_text("static")
    assert httpd.get("/plain.txt").body == b"static"
