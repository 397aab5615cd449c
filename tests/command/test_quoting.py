"""Values in the configuration: what httpd reads is what was meant, or the command refuses."""

import os
import subprocess

import pytest

from brine.installation import find_httpd
from brine.quoting import quoted, quoted_option, quoted_pattern
from brine.refusal import Refusal

AWKWARD = ["plain", "two words", 'a "quoted" one', "it's", "back\\slash", "ends in \\", "$HOME", "100%", "%{GLOBAL}",
           "# not a comment", "a>b<c", "café", "st*r", "wh?t", "[ab]", "[", "]", "a\\*b", "{a,b}", "~", "^$"]


def httpd_reads(word, folder):
    """What httpd takes a quoted word for: it is asked to include a file of that name."""
    httpd = find_httpd()
    [(mpm, file)] = httpd.load_lines("mpm_event")
    configuration = folder / "httpd.conf"
    configuration.write_text(f"LoadModule {mpm} {file}\nInclude {word}\n")
    answer = subprocess.run([httpd.program, "-t", "-f", configuration], capture_output=True, text=True)
    return answer.stderr


@pytest.mark.parametrize("name", [name for name in AWKWARD if not set(name) & set("*?[")])
def test_httpd_reads_back_what_was_quoted(name, folder):
    target = folder / name
    target.write_text("BrineWasHere\n")
    assert "BrineWasHere" in httpd_reads(quoted(target), folder)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_pattern_matches_the_name_itself(name, folder):
    (folder / name).write_text("BrineWasHere\n")
    assert "BrineWasHere" in httpd_reads(quoted_pattern(folder / name), folder)


@pytest.mark.parametrize("name, other", [("st*r", "star"), ("wh?t", "what"), ("[ab]", "a"), ("a\\*b", "a*b")])
def test_a_pattern_matches_nothing_else(name, other, folder):
    (folder / other).write_text("BrineWasHere\n")
    assert "BrineWasHere" not in httpd_reads(quoted_pattern(folder / name), folder)


@pytest.mark.parametrize("name", AWKWARD)
def test_an_option_has_the_value_that_was_meant(name, brine, folder):
    """Options of Brine's directives know no backslash."""
    target, configuration = folder / name, folder / "httpd.conf"
    httpd = find_httpd()
    loads = [f"LoadModule {each} {file}" for each, file in httpd.load_lines("mpm_event", "authz_core", "unixd")]
    user = ["User www-data", "Group www-data"] if os.geteuid() == 0 else []
    module = subprocess.run([brine, "module-location"], capture_output=True, text=True, check=True).stdout.strip()
    configuration.write_text("\n".join([*loads, *user, f"LoadModule wsgi_module {module}", "ErrorLog /dev/null",
                                        f"WSGIDaemonProcess shop {quoted_option('home', target)}", ""]))
    target.mkdir()
    target.chmod(0o755)

    def says():
        done = subprocess.run([httpd.program, "-t", "-f", configuration], capture_output=True, text=True)
        return done.stderr

    assert "is no directory" not in says()
    target.rmdir()
    assert "is no directory" in says()


def test_an_option_that_cannot_be_quoted_is_refused():
    with pytest.raises(Refusal, match="both kinds of quotes"):
        quoted_option("home", "a'b\"c")


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "a\x7fb", "${HOME}", "a${b"])
def test_what_cannot_be_quoted_is_refused(value):
    with pytest.raises(Refusal):
        quoted(value)
