"""wsgi.file_wrapper around a file that is open as text: told once, in words that help."""

CONFIG = "WSGIScriptAlias /send {apps}/file_wrapper.wsgi\n"


def test_it_is_told_once_and_names_the_file(httpd):
    path = httpd.write("writable/text", "some text")
    for way in ("text", "text-memory", "text"):
        assert httpd.get(f"/send{path}?{way}").status == 200
    assert httpd.get("/send/proc/version?whole").status == 200
    record, = httpd.expect_log("BRINE0414")
    assert str(path) in record.text and '"rb"' in record.text
