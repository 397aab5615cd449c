"""The benchmark's own arithmetic, on made-up rounds: shares, goals, verdicts, table, chart, /proc, peers."""

import importlib.machinery
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent / "bench"
sys.path.insert(0, str(BENCH))

import chart  # noqa: E402
import growth  # noqa: E402
import load  # noqa: E402
import measure  # noqa: E402
import mixed  # noqa: E402
import own_gil  # noqa: E402
import peer  # noqa: E402
import peers  # noqa: E402
import peers_chart  # noqa: E402
import peers_report  # noqa: E402
import peers_rows  # noqa: E402
import preload  # noqa: E402
import procfs  # noqa: E402
import report  # noqa: E402
import rolling  # noqa: E402
import rows  # noqa: E402
from servers import Kind, ServerError, Work  # noqa: E402

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


@pytest.mark.parametrize("mixture", mixed.MIXTURES, ids=lambda each: each.key)
def test_a_page_beside_one_that_computes_is_compared_within_a_round(mixture):
    def beside(p99):
        return {**sample(1000), "p99": p99, "heavy_rate": 1.5, "heavy_p50": 0.6, "heavy_p99": 0.7}

    brine, other = ("brine-daemon", 1), ("gunicorn", 1)
    made = mixed.MixedResult(mixture,
                             [{brine: beside(5000 * scale), other: beside(15000 * scale)} for scale in (1, 2, 4)],
                             {"brine-daemon": "Brine, daemon", "gunicorn": "gunicorn"})
    assert made.share(other, brine, "p99") == 3
    assert math.isnan(made.share(other, ("brine-daemon", 2), "p99"))
    said = report.text([], [], FACTS, beside=[made])
    assert all(words in said for words in ("gunicorn, 1 x 5 threads", "30.00", "3.00", "600", mixture.title, mixture.path))
    assert report.as_json([], [], FACTS, {}, beside=[made])[mixture.key]["rounds"][0]["gunicorn x 1"]["p99"] == 15000


@pytest.mark.parametrize("mixture", mixed.MIXTURES, ids=lambda each: each.key)
def test_gunicorn_has_the_pages_where_the_others_have_them(mixture, tmp_path):
    for name in mixture.scripts:
        (tmp_path / f"{name}.wsgi").write_text(
            "def application(environ, start_response):\n    return environ['SCRIPT_NAME'], environ['PATH_INFO']\n")
    module = {}
    exec(mixed.DISPATCHER.format(apps=tmp_path, names=mixture.scripts), module)  # noqa: S102
    for path in (mixture.path, mixed.HEAVY):
        script, place = module["application"]({"PATH_INFO": path}, None)
        assert script + place == path and script == "/" + path.split("/")[1]


def test_figures_of_an_open_loop_have_the_units_of_a_closed_one(monkeypatch, tmp_path):
    monkeypatch.setattr(peers_rows, "open_times", lambda url, seconds, folder: [1.5] * 98 + [9, math.inf])
    assert mixed.paced("http://localhost/", 0.5, tmp_path) == {"rate": 99, "failed": 1, "p50": 1500, "p99": 9000}


def rolled(p99, quiet=10_000, failed=0):
    return {"quiet_p99": quiet, "quiet_slowest": quiet, "pause": 300_000, "p99": p99, "failed": failed}


def test_a_deployment_is_compared_with_the_quiet_of_its_round():
    with_, without, peer_ = (way.key for way in rolling.WAYS)
    made = rolling.RollingResult([{with_: rolled(12_000 * scale, 10_000 * scale), without: rolled(20_000), peer_: rolled(None)}
                                  for scale in (1, 2, 4)])
    assert [line[1:] for line in made.cells()] == [
        ("20.0", "24.0", "1.20", "300", "0", "<= 1.3", "met"), ("10.0", "20.0", "2.00", "300", "0", "", ""),
        ("10.0", "-", "-", "300", "0", "", "")]
    assert "1.20" in report.text([], [], FACTS, rolled=made)
    assert report.as_json([], [], FACTS, {}, rolled=made)["rolling"]["goals"][0]["verdict"] == "met"


@pytest.mark.parametrize(("figures", "verdict"), [
    (rolled(13_000), "met"), (rolled(13_100), "MISSED"), (rolled(None), "MISSED"), (rolled(1, failed=1), "INVALID: failed requests")])
def test_the_verdict_on_a_deployment(figures, verdict):
    assert rolling.RollingResult([{rolling.WAYS[0].key: figures}]).verdict() == verdict
    assert rolling.RollingResult([{rolling.WAYS[1].key: figures}]).verdict() == "-", "the one with the goal was not there"


def test_preloading_is_compared_with_processes_that_import():
    def seen(pss, p99):
        return {"pss": pss * 1024, "all_serve": 3.04, "crash": 0.5, "pause": 632_000, "p99": p99, "quiet_p99": 20_000, "failed": 0}

    made = preload.PreloadResult({"without": seen(280, 40_000), "preload": seen(140, None)})
    assert made.cells() == [("Brine", "280", "1.00", "3.0", "500", "632", "40.0", "2.00", "0"),
                            ("Brine, preload=On", "140", "0.50", "3.0", "500", "632", "-", "-", "0")]
    assert preload.PreloadResult({"preload": seen(140, 1)}).cells()[0][2] == "-", "nothing to compare with"
    assert all(word in report.text([], [], FACTS, preloaded=made) for word in ("Brine, preload=On", "0.50"))
    assert report.as_json([], [], FACTS, {}, preloaded=made)["preload"]["ways"]["preload"]["p99"] is None


def test_a_pause_that_outlasts_the_load_is_told():
    quiet = load.Sample(100, 2, 10, 20, 30, 40, {})
    deployed = load.Sample(100, 2, 10, 20, 33, 50, {"status": 1})
    within, beyond = (preload.deployment(quiet, deployed, waited, 2) for waited in (45.0, 4_000_000.0))
    assert (within["pause"], within["p99"], within["failed"]) == (50, 33, 3)
    assert (beyond["pause"], beyond["p99"]) == (4_000_000, None)


def test_what_is_waited_for_in_vain_is_named():
    with pytest.raises(ServerError, match="in vain until it rains"):
        preload.until(lambda: False, "it rains", 0)
    child = subprocess.Popen(["sleep", "60"])
    assert preload.alive(child.pid)
    child.kill()
    preload.until(lambda: not preload.alive(child.pid), "it is dead")  # and not yet waited for
    child.wait()
    assert not preload.alive(child.pid)


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


def bench():
    """tests/bench/run as a module."""
    loader = importlib.machinery.SourceFileLoader("bench_run", str(BENCH / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("row_", [own_gil.KEY, *(each.key for each in mixed.MIXTURES), preload.KEY, rolling.KEY, growth.KEY])
def test_a_row_that_fails_costs_no_other_row_its_figures(row_, monkeypatch, capsys, tmp_path):
    run = bench()

    def fails(*_):
        raise ServerError("httpd does not answer")

    names = {own_gil.KEY: "gils", preload.KEY: "preloading", rolling.KEY: "rollings", growth.KEY: "many_sites"}
    for key, name in names.items():
        monkeypatch.setattr(run, name, fails if key == row_ else lambda *_: None)
    monkeypatch.setattr(run, "mixture", lambda mixture, *_: fails() if mixture.key == row_ else None)
    monkeypatch.setattr(run, "find_kinds", lambda *_: [])
    monkeypatch.setattr(run, "machine_facts", lambda *_: FACTS)
    monkeypatch.setattr(run.measure, "measure", lambda *_: result())
    monkeypatch.setattr(sys, "argv", ["run", "--only", "hello", row_, "--json", str(tmp_path / "json")])
    assert run.main() == 1
    assert f"{row_} has no figures: httpd does not answer" in capsys.readouterr().out
    told = json.loads((tmp_path / "json").read_text())
    assert told["broken"] == {row_: "httpd does not answer"} and len(told["rows"]) == 1


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


# --- the peers ---


def of_peers(key="hello", rounds=(("brine-daemon", (200, 220)), ("uwsgi", (100, 110)))):
    each = next(each for each in peers_rows.ROWS if each.key == key)
    made = peers_rows.PeerResult(each)
    for which, values in rounds:
        made.values.setdefault(each.figures[0].key, {})[which] = list(map(float, values))
        made.failed[which] = 0
    return made


PEER_FACTS = peers_report.facts_of(peers_rows.PeerPlan(), {"httpd": "2.4", "uwsgi": "2.0"}, 2, "0.1")


def test_the_table_of_peers():
    assert peers_report.table([of_peers()]).splitlines() == [
        "|  | Brine, daemon | httpd + uwsgi |", "| --- | --: | --: |", "| hello world | **210/s** | 105/s |"]


def test_each_cell_that_is_lost_is_told_with_its_reason(monkeypatch):
    made = of_peers(rounds=(("brine-daemon", (100,)), ("brine-embedded", (130,)), ("uwsgi", (120,)), ("waitress", (102,))))
    assert peers_report.lost([made])[0].startswith("- **hello world**: Brine, daemon 100/s (httpd + uwsgi 120/s). ")
    assert len(peers_report.lost([made])) == 1, "waitress is no more than noise ahead"
    monkeypatch.setitem(peers_report.REASONS, ("hello", "brine-daemon"), "It is far.")
    assert peers_report.lost([made])[0].endswith(" It is far.")
    assert "It is far." in peers_report.text([made], PEER_FACTS, [])


def test_who_gives_no_answer_loses_to_who_does():
    made = of_peers("slow", (("brine-daemon", (math.nan, 3)), ("uwsgi", (math.nan, math.nan)), ("waitress", (7, 9))))
    p99 = peers_rows.FIGURES["slow-p99"]
    assert math.isnan(made.value("slow-rate", "brine-daemon")), "it answered in one round of two"
    assert peers_report.better(p99, 8, math.nan) and not peers_report.better(p99, math.nan, 8)
    assert p99.text(math.nan) == "no answer"


def test_the_text_tells_what_bold_means_and_whether_the_machine_was_busy():
    quiet, busy = (peers_report.text([of_peers()], {**PEER_FACTS, "load": load_}, []) for load_ in ("0.1", "18.2"))
    assert "in *Django page, 100 a second: p99*, by more than 2 ms" in quiet
    assert all(f"*{peers_rows.FIGURES[key].title}*" in quiet for key in peers_report.LEAST)
    assert "load average was 0.1 before the run. " in quiet
    assert "load average was 18.2 before the run: it had other work to do." in busy


def test_only_the_families_that_are_wanted_are_looked_for(monkeypatch, tmp_path):
    looked = []
    for family in ("brine", "mod_wsgi"):
        monkeypatch.setattr(peer, family, lambda *_, family=family: looked.append(family) or tmp_path / family)
    with Work() as work:
        there, modules, _ = peers.find(tmp_path, work, ["brine-daemon"])
        assert ([each.key for each in there], set(modules), looked) == (["brine-daemon"], {"brine"}, ["brine"])
        peers.find(tmp_path, work, ["mod_wsgi-daemon", "brine-embedded"])
    assert looked == ["brine", "brine", "mod_wsgi"]


def test_every_reason_is_of_a_figure_and_a_column():
    for figure, which in peers_report.REASONS:
        assert figure in ("", *peers_rows.FIGURES) and which in ("", *(each.key for each in peers.PEERS if each.ours))
    assert set(peers_report.BRIEF) | set(peers_report.LEAST) <= set(peers_rows.FIGURES)
    assert set(peers_chart.THROUGHPUT) | set(peers_chart.DEPLOYMENT) <= set(peers_rows.FIGURES)


def test_what_failed_and_who_is_left_out_is_told():
    made = of_peers()
    made.failed["uwsgi"] = 3
    made.broken["waitress"] = "it gives no page\nand more"
    said = peers_report.text([made], PEER_FACTS, ["nginx + uwsgi is left out: no package"])
    assert "and more" not in said
    for words in ("nginx + uwsgi is left out", "httpd + uwsgi: 3 requests of the row hello failed",
                  "httpd + waitress has no figures in the row hello: it gives no page", "httpd 2.4, uwsgi 2.0"):
        assert words in said


def test_the_peers_as_json():
    made = of_peers(rounds=(("brine-daemon", (1, math.nan)),))
    row_, = json.loads(json.dumps(peers_report.as_json([made], PEER_FACTS, []), allow_nan=False))["rows"]
    assert row_["figures"]["hello"]["rounds"] == {"brine-daemon": [1.0, None]}
    assert (row_["processes"], row_["threads"]) == (2, 5)
    told = peers_report.from_json(peers_report.as_json([made], PEER_FACTS, ["one"]))
    assert told[1:] == (PEER_FACTS, ["one"])
    assert peers_report.table(told[0]) == peers_report.table([made])


def test_the_pictures_of_peers():
    made = of_peers(rounds=(("brine-daemon", (100,)), ("uwsgi", (50,))))
    tree = xml.etree.ElementTree.fromstring(peers_chart.throughput([made], "foot"))
    bars_ = {rect.get("class"): float(rect.get("width")) for rect in tree.iter("{http://www.w3.org/2000/svg}rect")}
    assert bars_["brine"] == peers_chart.BARS and bars_["mod_wsgi"] == peers_chart.BARS / 2
    assert "prefers-color-scheme: dark" in peers_chart.throughput([made], "foot")
    assert peers_chart.deployment([made], "foot") == "", "nothing of it was measured"


def test_a_page_is_changed_between_its_marks_alone():
    page = "a\n<!-- x: tests/bench/run writes this -->\nold\n<!-- end of x -->\nb\n"
    fresh = peers_report.marked(page, "x", "new \\1")
    assert fresh == "a\n<!-- x: tests/bench/run writes this -->\n\nnew \\1\n\n<!-- end of x -->\nb\n"
    assert peers_report.marked(fresh, "x", "new \\1") == fresh
    with pytest.raises(ValueError):
        peers_report.marked(page, "y", "new")


def test_the_pages_have_their_marks():
    assert peers_report.marked((BENCH.parents[1] / "README.md").read_text(), peers_report.TABLE, "")
    for name in (peers_report.TABLE, peers_report.GROWTH, peers_report.MEMORY):
        assert peers_report.marked((BENCH.parents[1] / "docs/benchmark.md").read_text(), name, "")


def test_h2load_s_log():
    lines = ["1000000\t200\t1500", "1999999\t200\t99000", "2000000\t200\t2500", "2500000\t503\t100", "2600000\t200\t4000"]
    times = peers_rows.read_open_log("\n".join(lines))
    assert times == [2.5, math.inf, 4.0], "without the first second"
    assert peers_rows.percentile(times, 50) == 4.0 and peers_rows.percentile(times, 99) == math.inf
    assert peers_rows.percentile(list(map(float, range(1, 101))), 99) == 99
    assert math.isnan(peers_rows.percentile([], 99)) and peers_rows.read_open_log("") == []


def test_what_a_client_sees_of_a_deployment():
    watch = peers_rows.Watch(10.0)
    for asked, answered, good, new in ((10.0, 10.1, True, False), (10.2, 10.5, True, True), (10.6, 10.7, True, False)):
        watch.saw(asked, answered, good, new)
    assert watch.new == 0, "an old answer after the first new one"
    assert watch.pause == pytest.approx(0.3), "the longest request"
    for asked, answered, good, new in ((10.8, 10.9, False, False), (11.0, 11.1, True, True), (11.2, 11.3, True, True)):
        watch.saw(asked, answered, good, new)
    assert watch.new == 11.1 and watch.pause == pytest.approx(0.4), "from good to good, over a failed one"


def test_growth_that_is_linear_has_the_exponent_one():
    made = growth.Growth({100: dict.fromkeys((measure.key for measure in growth.MEASURES), 2.0),
                          1000: dict.fromkeys((measure.key for measure in growth.MEASURES), 20.0)})
    made.sizes[1000]["child"] = 200.0
    assert made.exponent("start") == pytest.approx(1) and made.exponent("child") == pytest.approx(2)
    assert made.headings() == ["hosts / groups", "100 / 20", "1,000 / 200", "exponent"]
    assert made.table()[0] == ["`httpd -t`", "2.00 s", "20.00 s", "1.00"]
    assert peers_report.grown(made).splitlines()[2] == "| `httpd -t` | 2.00 s | 20.00 s | 1.00 |"


@pytest.mark.skipif(not shutil.which("apxs"), reason="apache2-dev is not there")
def test_the_hosts_without_a_module_answer():
    with Work() as work, growth.Sites(work, 5, None) as sites:
        sites.until(lambda: sites.ask(4))
        assert sites.restart() > 0
        assert not (work.folder / "htdocs/hello").exists(), "the C handler's URLs have no file behind them"


def test_memory_is_told_by_the_mode():
    made = measure.Result(row("memory-new"))
    made.facts = {name: {"growth": 0.25 * number, "steps": [{"requests": 1_000_000}]} for number, name in enumerate(SERVERS)}
    assert peers_report.flat([made, result()]).splitlines()[2:] == [
        "| memory growth, names that clients make up, 1,000,000 requests | embedded | 0.00 B | 0.25 B | 0.50 B |",
        "| memory growth, names that clients make up, 1,000,000 requests | daemon | 0.00 B | 0.75 B | 1.00 B |"]
    assert peers_report.flat([result()]) == ""


def test_a_peer_that_is_silent_costs_brine_no_figures(monkeypatch):
    """Memory is measured on one server after the other."""
    class Stub:
        pid = 1

        def __init__(self, name):
            self.kind = Kind(name, name, Path())

        def url(self, path):
            return f"http://{self.kind.name}{path}"

    asked = []

    def run(url, *_):
        asked.append(url)
        fits = "brine" in url and len(asked) % 2  # every other second without its turn
        return load.Sample(60_000 if fits else 0, 1, 0, 0, 0, 0, {})

    monkeypatch.setattr(measure.load, "run", run)
    monkeypatch.setattr(measure.procfs, "memory_kib", lambda _: {"pss": 1000, "anonymous": 500})
    made = measure.Result(row("memory"))
    measure.run_memory([Stub("mod_wsgi"), Stub("brine")], made.row, measure.Plan(requests=200_000), made)
    assert made.broken == {"mod_wsgi": "mod_wsgi answers no requests"} and made.growth("brine") == 0


def test_the_list_of_peers_needs_no_server():
    listed = subprocess.run([BENCH / "run", "--peers", "--list"], check=True, capture_output=True, text=True).stdout
    assert all(word in listed for word in ("hello world", "gunicorn-gthread", "nginx + uwsgi"))
    done = subprocess.run([BENCH / "run", "--peers", "nonesuch"], check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "nonesuch" in done.stderr


@pytest.mark.parametrize("part", [["--only", "hello"], ["uwsgi"]], ids=["a row", "a peer"])
def test_the_pages_get_no_part_of_the_table(part):
    done = subprocess.run([BENCH / "run", "--update-docs", "--peers", *part], check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "needs all rows" in done.stderr


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not there")
def test_brine_among_its_peers(tmp_path):
    """One row of one server, for a second, on a real httpd."""
    build = os.environ.get("BRINE_BUILD", BENCH.parents[1] / "build")
    done = subprocess.run([BENCH / "run", "--peers", "brine-daemon", "--quick", "--only", "hello", "--build", build,
                           "--json", tmp_path / "peers.json", "--svg", tmp_path / "peers.svg"],
                          env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
                          check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "cache").exists(), "nothing is downloaded for Brine alone"
    row_, = json.loads((tmp_path / "peers.json").read_text())["rows"]
    assert row_["figures"]["hello"]["rounds"]["brine-daemon"][0] > 0 and row_["failed"] == {"brine-daemon": 0}
    assert "| hello world | **" in done.stdout and "Brine, daemon" in (tmp_path / "peers.svg").read_text()
