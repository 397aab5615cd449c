"""The error log as a person sees it."""

import io

import pytest

from brine.log_file import LogFile
from brine.log_record import parse
from brine.log_view import LogView, use_colours


def line(message, level="error", thread="1", time="12:00:00.000001", failure="-"):
    """A line as httpd writes it in the command's log format."""
    return f"2024-05-06 {time}|77|{thread}|{level}|wsgi|{failure}|{message}".encode()


def shown(*lines, colours=False):
    """What is printed for some lines that were read together."""
    stream = io.StringIO()
    LogView(stream, colours).show([parse(each) for each in lines])
    return stream.getvalue()


def test_level_and_message_without_process_and_thread():
    assert shown(line("hello", "warn")) == "12:00:00 warn   hello\n"


def test_an_event_is_joined_and_indented():
    text = shown(line("BRINE0401: application raised"), line("BRINE0401| Traceback (most recent call last):"),
                 line('BRINE0401|   File "x.wsgi", line 1'), line("BRINE0401| ValueError: no"))
    assert text == ("12:00:00 error  BRINE0401: application raised\n"
                    "                Traceback (most recent call last):\n"
                    '                  File "x.wsgi", line 1\n'
                    "                ValueError: no\n")


def test_events_of_two_threads_are_taken_apart():
    text = shown(line("BRINE0401: first", thread="1"), line("BRINE0401: second", thread="2"),
                 line("BRINE0401| of first", thread="1"), line("BRINE0401| of second", thread="2"))
    assert [each[len("12:00:00 error  "):] for each in text.splitlines()] == [
        "BRINE0401: first", "of first", "BRINE0401: second", "of second"]


def test_an_event_that_arrives_in_two_parts_stays_one():
    stream = io.StringIO()
    view = LogView(stream)
    view.show([parse(line("BRINE0301: failed"))])
    view.show([parse(line("BRINE0301| Traceback"))])
    assert stream.getvalue().splitlines()[1].strip() == "Traceback"


def test_two_events_of_one_code_stay_two():
    assert shown(line("BRINE0401: one"), line("BRINE0401: two")).count("12:00:00") == 2


def test_lines_without_code_are_joined_if_written_at_once():
    assert shown(line("Traceback"), line("  more", time="12:00:00.000901")).count("12:00:00") == 1
    assert shown(line("tick"), line("tock", time="12:00:00.500000")).count("12:00:00") == 2


def test_escaped_text_is_readable_again():
    assert "café \\ \"x\"" in shown(line(r'caf\xc3\xa9 \\ "x"'))


def test_nothing_in_the_log_acts_upon_the_terminal():
    text = shown(line(r"\x1b[2J\x07 \xc2\x9b31m \rover"), b"raw \x1b[31m line")
    assert not any(character < " " and character != "\n" or "\x7f" <= character < "\xa0" for character in text)


def test_httpd_says_nothing_of_its_routine():
    assert shown(line("AH00489: Apache/2.4.62 configured -- resuming normal operations", "notice"),
                 line("AH00094: Command line: 'apache2'", "notice")) == ""


def test_a_crash_is_no_routine():
    assert "Segmentation fault" in shown(line("AH00051: child pid 9 exit signal Segmentation fault", "notice"))


def test_the_system_s_error_is_named():
    assert "denied" in shown(line("AH00035: access", failure="(13)Permission denied: "))


def test_a_line_of_another_form_is_shown_as_it_is():
    assert shown(b"malloc(): corrupted") == "malloc(): corrupted\n"


def test_colours_are_for_levels():
    assert "\x1b[31merror " in shown(line("x"), colours=True)


@pytest.mark.parametrize("tty, no_color, wanted", [(True, "", True), (True, "1", False), (False, "", False)])
def test_colours_only_where_they_are_wanted(tty, no_color, wanted, monkeypatch):
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    stream.isatty = lambda: tty
    assert use_colours(stream) is wanted


def test_only_complete_lines_are_read_and_each_once(tmp_path):
    path = tmp_path / "log"
    log = LogFile(path, parse)
    assert log.new_records() == []
    path.write_bytes(b"one\ntw")
    assert [record.text for record in log.new_records()] == ["one"]
    with path.open("ab") as file:
        file.write(b"o\n")
    assert [record.text for record in log.new_records()] == ["two"]
    assert log.new_records() == []
