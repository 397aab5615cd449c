"""WSGIAuthUserScript, WSGIAuthGroupScript: who a client is, and to which groups the user belongs."""

import base64
import hashlib
import json
import re
from urllib.parse import urlencode

import pytest

MODULES = ("auth_digest", "authn_socache", "socache_shmcb")
SCRIPT = "{apps}/decides.wsgi process-group={process_group}"
BASIC = f"AuthType Basic\nAuthName site\nAuthBasicProvider %s\nWSGIAuthUserScript {SCRIPT}\n"
CONFIG = f"""
AuthnCacheSOCache shmcb
<Directory {{htdocs}}/basic>
  {BASIC % "wsgi"}
  Require valid-user
</Directory>
<Directory {{htdocs}}/with-file>
  {BASIC % "wsgi file"}
  AuthUserFile {{dir}}/users
  Require valid-user
</Directory>
<Directory {{htdocs}}/behind-file>
  {BASIC % "file wsgi"}
  AuthUserFile {{dir}}/users
  Require valid-user
</Directory>
<Directory {{htdocs}}/cached>
  {BASIC % "socache wsgi"}
  AuthnCacheProvideFor wsgi
  AuthnCacheTimeout 300
  Require valid-user
</Directory>
<Directory {{htdocs}}/digest>
  AuthType Digest
  AuthName realm
  AuthDigestProvider wsgi
  WSGIAuthUserScript {SCRIPT}
  Require valid-user
</Directory>
<Directory {{htdocs}}/no-script>
  AuthType Basic
  AuthName site
  AuthBasicProvider wsgi
  Require valid-user
</Directory>
<Directory {{htdocs}}/groups>
  {BASIC % "wsgi"}
  WSGIAuthGroupScript {SCRIPT}
  Require wsgi-group editors "büro"
</Directory>
<Directory {{htdocs}}/all>
  {BASIC % "wsgi"}
  WSGIAuthGroupScript {SCRIPT}
  <RequireAll>
    Require wsgi-group staff
    Require not wsgi-group barred
  </RequireAll>
</Directory>
<Directory {{htdocs}}/any>
  {BASIC % "wsgi"}
  WSGIAuthGroupScript {SCRIPT}
  Require wsgi-group barred
  Require user jürgen
</Directory>
<Directory {{htdocs}}/open>
  WSGIAuthGroupScript {SCRIPT}
  Require wsgi-group staff
</Directory>
<Directory {{htdocs}}/by-htaccess>
  AllowOverride AuthConfig
</Directory>
<Directory {{htdocs}}/no-group-script>
  {BASIC % "wsgi"}
  Require wsgi-group staff
</Directory>
WSGIScriptAlias /app {{apps}}/where.wsgi
<Location /app>
  {BASIC % "wsgi"}
  Require valid-user
</Location>
"""
FOLDERS = ("basic", "with-file", "behind-file", "cached", "digest", "no-script", "groups", "all", "any", "open",
           "no-group-script", "by-htaccess")
ANNA, JUERGEN = ("anna", "secret"), ("jürgen", "pässwort")


@pytest.fixture(autouse=True)
def pages(httpd):
    httpd.write("users", "otto:{SHA}" + base64.b64encode(hashlib.sha1(b"offen").digest()).decode() + "\n")
    for folder in FOLDERS:
        httpd.write(f"htdocs/{folder}/page.txt", "in")


def basic(user, password, encoding="utf-8"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode(encoding)).decode()}


def ask(httpd, folder, user=None, encoding="utf-8", **query):
    path = f"/{folder}" if folder == "app" else f"/{folder}/page.txt"
    return httpd.request("GET", f"{path}?{urlencode(query)}", headers=basic(*user, encoding) if user else {})


def seen(httpd, folder, user, encoding="utf-8", **query):
    file = httpd.folder / "writable" / "seen"
    file.unlink(missing_ok=True)
    answer = ask(httpd, folder, user, encoding, seen=file, **query)
    return answer, json.loads(file.read_text()) if file.exists() else None


# --- Basic -------------------------------------------------------------------------------------


def test_the_right_password_lets_in(httpd):
    assert ask(httpd, "basic", ANNA).status == 200


def test_nobody_is_asked_without_a_password(httpd):
    answer, given = seen(httpd, "basic", None)
    assert (answer.status, given) == (401, None)


def test_a_wrong_password_is_refused(httpd):
    assert ask(httpd, "basic", ("anna", "wrong")).status == 401
    httpd.expect_log("AH01617: user anna: authentication failure")


def test_an_unknown_user_is_refused(httpd):
    assert ask(httpd, "basic", ("nemo", "x")).status == 401
    httpd.expect_log("AH01618: user nemo not found")


def test_an_unknown_user_is_left_to_the_next_provider(httpd):
    assert ask(httpd, "with-file", ("otto", "offen")).status == 200
    assert ask(httpd, "with-file", ANNA).status == 200
    assert ask(httpd, "behind-file", ANNA).status == 200
    assert ask(httpd, "behind-file", ("otto", "offen")).status == 200


def test_a_wrong_password_is_not_left_to_the_next_provider(httpd):
    assert ask(httpd, "with-file", ("otto", "offen"), answer=False).status == 401
    httpd.expect_log("AH01617")


def test_an_error_is_not_left_to_the_next_provider(httpd):
    assert ask(httpd, "with-file", ("otto", "offen"), **{"raise": "out of order"}).status == 500
    httpd.expect_log(r"BRINE0415: check_password\(\)")
    httpd.allow_log("BRINE0415")


def test_what_it_is_given(httpd):
    _, given = seen(httpd, "basic", ANNA)
    assert (given["function"], given["arguments"]) == ("check_password", ["anna", "secret"])
    assert "HTTP_AUTHORIZATION" not in given["environ"]
    assert given["environ"]["REQUEST_URI"].startswith("/basic/page.txt?")
    assert given["environ"]["REMOTE_ADDR"] == "127.0.0.1"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_and_passwords_are_utf8_or_latin1(httpd, encoding):
    answer, given = seen(httpd, "basic", JUERGEN, encoding)
    assert (answer.status, given["arguments"]) == (200, ["jürgen", "pässwort"])


def test_a_password_may_have_colons(httpd):
    assert seen(httpd, "basic", ("x", "a:b:c"), answer=True)[1]["arguments"] == ["x", "a:b:c"]


def test_a_name_in_the_answer_is_the_users_from_then_on(httpd):
    assert ask(httpd, "app", ANNA).json()["user"] == "anna"
    assert ask(httpd, "app", ANNA, answer=repr("anna@example")).json()["user"] == "anna@example"
    name = ask(httpd, "app", ANNA, answer=repr("größe")).json()["user"]
    assert name.encode("latin-1").decode() == "größe"  # an environ's text is bytes shown as latin-1 (PEP 3333)


@pytest.mark.parametrize("answer", ["1", "''", "b'x'", "'two\\nlines'", "'nul\\0'", f"'{'x' * 5000}'", "['anna']"])
def test_nonsense_denies(httpd, answer):
    assert ask(httpd, "basic", ANNA, answer=answer).status == 500
    httpd.expect_log(r"BRINE0416: check_password\(\) .* returned .*; it has to return True, False, None, or a str")


def test_a_str_that_no_bytes_can_be_made_of_denies(httpd):
    assert ask(httpd, "basic", ANNA, answer="'\\ud800'").status == 500
    httpd.expect_log(r"BRINE0415: check_password\(\) .* UnicodeEncodeError")
    httpd.allow_log("BRINE0415")


def test_a_provider_without_a_script_denies(httpd):
    assert ask(httpd, "no-script", ANNA).status == 500
    httpd.expect_log("BRINE0125: the provider 'wsgi' is to authenticate users for '/no-script/page.txt', and no WSGIAuth")


# --- Digest ------------------------------------------------------------------------------------


def digest(httpd, user, password, uri, encoding="utf-8"):
    def md5(text):
        return hashlib.md5(text if isinstance(text, bytes) else text.encode(encoding)).hexdigest()

    challenge = httpd.get(uri)
    assert challenge.status == 401
    nonce = re.search(r'nonce="([^"]*)"', challenge.header("WWW-Authenticate"))[1]
    response = md5(f"{md5(f'{user}:realm:{password}')}:{nonce}:00000001:c:auth:{md5(f'GET:{uri}')}")
    field = (f'Digest username="{user}", realm="realm", nonce="{nonce}", uri="{uri}", response="{response}", '
             f'qop=auth, nc=00000001, cnonce="c", algorithm=MD5')
    return httpd.request("GET", uri, headers={"Authorization": field.encode(encoding)})


@pytest.mark.parametrize("user", [ANNA, JUERGEN])
def test_digest_lets_the_right_password_in(httpd, user):
    assert digest(httpd, *user, "/digest/page.txt").status == 200


def test_digest_refuses_a_wrong_password(httpd):
    assert digest(httpd, "anna", "wrong", "/digest/page.txt").status == 401
    httpd.expect_log("AH01794: user anna: password mismatch")


def test_digest_refuses_an_unknown_user(httpd):
    assert digest(httpd, "nemo", "x", "/digest/page.txt").status == 401
    httpd.expect_log("AH01790: user .nemo. in realm .realm. not found")


@pytest.mark.parametrize("answer", ["True", "''", "'no hash'", "1", repr("A" * 32)])
def test_nonsense_in_place_of_a_hash_denies(httpd, answer):
    assert digest(httpd, *ANNA, f"/digest/page.txt?{urlencode({'answer': answer})}").status == 500
    httpd.expect_log(r"BRINE0416: get_realm_hash\(\) .* returned .*; it has to return None, or the MD5")
    httpd.allow_log("AH017")


# --- groups ------------------------------------------------------------------------------------


def test_a_member_comes_in(httpd):
    assert ask(httpd, "groups", ANNA).status == 200
    assert ask(httpd, "groups", JUERGEN).status == 200
    assert ask(httpd, "groups", JUERGEN, encoding="latin-1").status == 200


def test_who_is_no_member_does_not(httpd):
    assert ask(httpd, "groups", ANNA, groups="['others', 'editor', 'editors ']").status == 401
    httpd.expect_log("AH01631: user anna: authorization failure")


def test_what_the_group_script_is_given(httpd):
    _, given = seen(httpd, "groups", JUERGEN)
    assert (given["function"], given["arguments"]) == ("groups_for_user", ["jürgen"])


def test_groups_go_together_as_httpds_sections_say(httpd):
    assert ask(httpd, "all", ANNA).status == 200
    assert ask(httpd, "all", ANNA, groups="['staff', 'barred']").status == 401
    assert ask(httpd, "all", ANNA, groups="()").status == 401
    assert ask(httpd, "any", JUERGEN).status == 200
    assert ask(httpd, "any", ANNA).status == 401
    httpd.expect_log("AH01631", 3)


@pytest.mark.parametrize("groups", ["None", "'staff'", "b'staff'", "5", "[1]", "['staff', None]", "True"])
@pytest.mark.parametrize("folder", ["all", "any"])
def test_nonsense_in_place_of_groups_denies(httpd, folder, groups):
    assert ask(httpd, folder, JUERGEN, groups=groups).status == 500
    httpd.expect_log(r"BRINE0416: groups_for_user\(\) .* returned a value of type .*; it has to return an iterable")
    httpd.allow_log("AH01632")


def test_groups_without_end_deny(httpd):
    assert ask(httpd, "groups", ANNA, groups="endless").status == 500
    httpd.expect_log("BRINE0416: .* returned more than 100000 groups")


def test_an_exception_in_place_of_groups_denies(httpd):
    """The users are known; `raise` would concern the password too."""
    assert ask(httpd, "groups", ANNA, groups="no literal").status == 500
    httpd.expect_log(r"BRINE0415: groups_for_user\(\) .* raised SyntaxError")
    httpd.allow_log("BRINE0415")


def test_a_group_needs_a_user(httpd):
    """httpd asks no password where there is no AuthType, and lets nobody in."""
    assert ask(httpd, "open", ANNA).status in (401, 403, 500)
    httpd.allow_log("AH")


def test_groups_without_a_script_deny(httpd):
    assert ask(httpd, "no-group-script", ANNA).status == 500
    httpd.expect_log("BRINE0126: 'Require wsgi-group' holds for '/no-group-script/page.txt', and no WSGIAuthGroupScript")


# --- the cache ---------------------------------------------------------------------------------


def test_the_cache_spares_the_script_a_question(httpd):
    user = ("cached-user", "x" * 72)
    assert seen(httpd, "cached", user, answer=True)[1]["arguments"] == list(user)
    answer, given = seen(httpd, "cached", user, answer=False)
    assert (answer.status, given) == (200, None)
    assert ask(httpd, "cached", ("cached-user", "another")).status == 401
    httpd.expect_log("AH01617")


@pytest.mark.parametrize("case, answer", [("a password of more bytes than its hash reads", True),
                                          ("an answer that gives another name", "'name'")])
def test_the_cache_is_not_given_what_it_cannot_hold(httpd, case, answer):
    user = (f"user of {case}", "x" * 73 if answer is True else "x")
    for _ in range(2):
        assert seen(httpd, "cached", user, answer=answer)[1] is not None


def test_the_cache_is_not_given_a_refusal(httpd):
    user = ("late-user", "x")
    assert ask(httpd, "cached", user, answer=False).status == 401
    assert ask(httpd, "cached", user, answer=True).status == 200
    httpd.expect_log("AH01617")


# --- .htaccess -----------------------------------------------------------------------------------


@pytest.mark.modes("embedded")  # test_deciding_places.py has the daemon groups that .htaccess files may name
def test_htaccess_has_all_of_it(httpd):
    """With AllowOverride AuthConfig: both scripts, the provider, its cache, and the groups."""
    script = f"{httpd.workspace.folder}/apps/decides.wsgi"
    httpd.write("htdocs/by-htaccess/.htaccess", "AuthType Basic\nAuthName site\nAuthBasicProvider socache wsgi\n"
                f"AuthnCacheProvideFor wsgi\nWSGIAuthUserScript {script}\nWSGIAuthGroupScript {script}\n"
                "Require wsgi-group editors\n")
    assert ask(httpd, "by-htaccess").status == 401
    answer, given = seen(httpd, "by-htaccess", ANNA)
    assert (answer.status, answer.text, given["function"]) == (200, "in", "groups_for_user")
    assert ask(httpd, "by-htaccess", ("anna", "wrong")).status == 401
    httpd.expect_log("AH01617: user anna")
    assert ask(httpd, "by-htaccess", JUERGEN).status == 401  # in no such group
    httpd.expect_log("AH01631")
    assert ask(httpd, "by-htaccess", ANNA, answer=False).status == 200, "the cache is asked, not the script"
