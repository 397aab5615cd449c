"""The benchmark's own arithmetic, on made-up rounds: shares, goals, verdicts, table, chart, /proc."""

import math
import os
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent / "bench"
sys.path.insert(0, str(BENCH))

import chart  # noqa: E402
import measure  # noqa: E402
import mixed  # noqa: E402
import own_gil  # noqa: E402
import procfs  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
from servers import Kind  # noqa: E402

FACTS = {"httpd": "2.4", "cores": 2, "mod_wsgi": "4.9.4"}
SERVERS = ("floor", "mod_wsgi", "brine", "mod_wsgi-daemon", "brine-daemon")


def row(key):
    return rows.pick([key])[0]


def sample(rate, failed=0, **further):
    return {"rate": rate, "p50": 10, "p95": 20, "p99": 30, "cpu": 5, "slowest": 40, "failed": failed, **further}


def result(key="hello", rates=(100, 30, 85, 25, 65), failed=(0, 0, 0, 0, 0), modes=rows.MODES, rounds=3):
    made = measure.Result(row(key), modes)
    made.rounds = [{name: sample(rate * scale, bad) for name, rate, bad in zip(SERVERS, rates, failed)}
                   for scale in range(1, rounds + 1)]
    made.memory = {name: {"pss": pss} for name, pss in zip(SERVERS, (1000, 5000, 4000, 6000, 5000))}
    made.facts = {name: {"pythons": count} for name, count in zip(SERVERS, (0, 2, 1, 3, 1))}
    return made


def cells(made):
    return [line.cells for line in report.lines([made])]


def verdicts(made):
    data = report.as_json([made], [], FACTS, {})
    return {(goal["mode"], goal["figure"]): goal["verdict"] for goal in data["rows"][0]["goals"]}


def test_own_gils_are_compared_round_by_round():
    made = own_gil.OwnGilResult("3.13", [{"one": sample(100 * scale), "processes": sample(190 * scale),
                                          "interpreters": sample(180 * scale)} for scale in (1, 2, 4)],
                                {"one": 20480, "processes": 30720, "interpreters": 25600})
    assert [made.share(way.key) for way in own_gil.WAYS] == [1, 1.9, 1.8]
    said = report.text([], [], FACTS, made)
    assert all(words in said for words in ("1 process, 2 interpreters, Python 3.13", "1.80", "25.0"))
    assert report.as_json([], [], FACTS, {}, made)["own_gil"]["python"] == "3.13"


def test_hello_beside_a_page_that_computes_is_compared_within_a_round():
    def beside(p99):
        return {**sample(1000), "p99": p99, "heavy_rate": 1.5, "heavy_p50": 0.6, "heavy_p99": 0.7}

    brine, other = ("brine-daemon", 1), ("gunicorn", 1)
    made = mixed.MixedResult([{brine: beside(5000 * scale), other: beside(15000 * scale)} for scale in (1, 2, 4)],
                             {"brine-daemon": "Brine, daemon", "gunicorn": "gunicorn"})
    assert made.share(other, brine, "p99") == 3
    assert math.isnan(made.share(other, ("brine-daemon", 2), "p99"))
    said = report.text([], [], FACTS, beside=made)
    assert all(words in said for words in ("gunicorn, 1 x 5 threads", "30.00", "3.00", "600"))
    assert report.as_json([], [], FACTS, {}, beside=made)["mixed"]["rounds"][0]["gunicorn x 1"]["p99"] == 15000


def test_each_mode_is_compared_with_its_own_peer():
    embedded, daemon = (measure.figures(result(), mode) for mode in rows.MODES)
    assert embedded["rate/floor"] == pytest.approx(0.85)
    assert embedded["rate/mod_wsgi"] == pytest.approx(85 / 30)
    assert daemon["rate/floor"] == pytest.approx(0.65)
    assert daemon["rate/mod_wsgi"] == pytest.approx(65 / 25)
    assert daemon["rate/mod_wsgi embedded"] == pytest.approx(65 / 30)
    assert daemon["pss/mod_wsgi"] == pytest.approx(5 / 6)
    assert daemon["pythons"] == 1


def test_all_goals_met():
    assert set(verdicts(result()).values()) == {"met"}


def test_a_goal_missed_in_one_mode_leaves_the_other_alone():
    seen = verdicts(result(rates=(100, 30, 85, 25, 50)))
    assert seen["daemon", "rate/floor"] == "MISSED"
    assert seen["embedded", "rate/floor"] == "met"


def test_an_aim_that_is_missed_fails_no_run():
    seen = verdicts(result(rates=(100, 70, 85, 25, 65)))
    assert seen["daemon", "rate/mod_wsgi embedded"] == "not yet"
    assert "not yet" in report.HARMLESS and "MISSED" not in report.HARMLESS


def test_a_failed_request_makes_its_mode_invalid():
    seen = verdicts(result(failed=(0, 0, 0, 0, 1)))
    assert seen["daemon", "rate/floor"].startswith("INVALID")
    assert seen["embedded", "rate/floor"] == "met"


def test_a_peer_s_failed_request_is_not_brine_s():
    assert set(verdicts(result(failed=(0, 1, 0, 1, 0))).values()) == {"met"}


def test_a_line_for_each_mode():
    made = cells(result("download"))
    assert [line[:2] for line in made] == [("1 MiB download", "embedded"), ("1 MiB download", "daemon")]
    assert made[1][3:6] == ("0.25", "0.65", "2.60")


def test_one_mode_alone():
    made = result("download", modes=(rows.DAEMON,))
    assert {line[1] for line in cells(made)} == {"daemon"}
    assert set(verdicts(made)) == {("daemon", "rate/floor")}


def test_without_the_peer_its_ratios_are_dashes():
    made = result()
    for rnd in made.rounds:
        del rnd["mod_wsgi"], rnd["mod_wsgi-daemon"]
    assert math.isnan(measure.figures(made, rows.DAEMON)["rate/mod_wsgi"])
    assert verdicts(made)["daemon", "rate/mod_wsgi"] == "-"
    xml.etree.ElementTree.fromstring(chart.svg([made], FACTS))


def test_reload_and_blocked_lines():
    for key in ("reload", "blocked"):
        made = result(key, modes=row(key).modes)
        for rnd in made.rounds:
            for name in rnd:
                rnd[name].update(p99_ratio=1.5, loads=None, crowd_slowest=2000)
        assert set(verdicts(made).values()) == {"met"}
        assert any(line[4] in ("1.5 x", "1.50 x") for line in cells(made))


def test_a_blocked_row_with_a_failed_request_misses():
    assert verdicts(result("blocked", failed=(0, 0, 0, 0, 2), modes=(rows.DAEMON,))) == \
        {("daemon", "failed"): "MISSED"}


def test_who_takes_part():
    kinds = [Kind("floor", "C", Path()), *(Kind(rows.server(family, mode), "", Path(), mode)
                                           for mode in rows.MODES for family in ("mod_wsgi", "brine"))]

    def names(key, modes):
        return [kind.name for kind in measure.compared(row(key), kinds, modes)]

    assert names("hello", rows.MODES) == list(SERVERS)
    assert names("hello", (rows.DAEMON,)) == ["floor", "mod_wsgi-daemon", "brine-daemon"]
    assert names("blocked", (rows.DAEMON,)) == ["mod_wsgi-daemon", "brine-daemon"]


def bars(made):
    tree = xml.etree.ElementTree.fromstring(chart.svg([made], FACTS))
    return [rect.get("class") for rect in tree.iter("{http://www.w3.org/2000/svg}rect")
            if rect.get("x") == str(chart.LABELS)]


def test_the_chart_has_a_bar_for_each_server():
    assert sorted(bars(result())) == sorted(SERVERS[1:])
    assert bars(result(modes=(rows.DAEMON,))) == ["brine-daemon", "mod_wsgi-daemon"]


def test_reload_has_no_bar():
    assert bars(result("reload")) == []


def test_every_goal_has_a_figure_and_words():
    for each in rows.ROWS:
        assert {goal.mode for goal in each.goals} <= set(each.modes)
        for goal in each.goals:
            assert goal.figure in report.GOAL_WORDS
            assert goal.figure in measure.figures(measure.Result(each), goal.mode)


def test_the_list_needs_no_server():
    def listed(*options):
        return subprocess.run([BENCH / "run", "--list", *options], check=True, capture_output=True, text=True).stdout

    assert "blocked" in listed("--mode", "daemon")
    assert "blocked" not in listed("--mode", "embedded")
    assert "hello-subinterpreter" not in listed("--mode", "daemon")


def test_an_unknown_row_is_refused():
    done = subprocess.run([BENCH / "run", "--only", "nonesuch"], check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "nonesuch" in done.stderr


def test_which_processes_are_left():
    child = subprocess.Popen(["sleep", "60"])
    try:
        family = procfs.births(os.getpid())
        assert child.pid in procfs.left(family)
        assert procfs.left({child.pid: "0"}) == []  # another process with the same number
    finally:
        child.kill()
        child.wait()
    assert child.pid not in procfs.left(family)
