"""The alerts and the dashboard in conf/: Prometheus takes them, each alert fires, and they name metrics that there are."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALERTS = ROOT / "conf" / "prometheus-alerts.yml"
DASHBOARD = ROOT / "conf" / "grafana-dashboard.json"
NAME = re.compile(r"\bbrine_\w+")


def run(*arguments):
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60)


def names_of_metrics():
    """The names of samples of what openmetrics.cpp writes, and of the families in docs/status.md."""
    source = (ROOT / "src/metrics/openmetrics.cpp").read_text()
    families = set(re.findall(r'"(brine_\w+)"', source))
    suffixes = ("", "_total", "_bucket", "_sum", "_count")
    return {family + suffix for family in families for suffix in suffixes}, families


def test_prometheus_takes_the_rules():
    answer = run("check", "rules", str(ALERTS))
    assert answer.returncode == 0, answer.stderr


def test_each_alert_fires_where_it_should_and_not_elsewhere():
    answer = run("test", "rules", str(ROOT / "tests/prometheus/alerts_test.yml"))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    alerts = set(re.findall(r"alert: (\w+)", ALERTS.read_text()))
    tested = set(re.findall(r'alertname="(\w+)"', (ROOT / "tests/prometheus/alerts_test.yml").read_text()))
    assert alerts == tested


@pytest.mark.parametrize("file", [ALERTS, DASHBOARD], ids=lambda file: file.name)
def test_metrics_that_are_named_are_there(file):
    known, _ = names_of_metrics()
    text = "".join(line.partition("#")[0] for line in file.read_text().splitlines(True))
    named = set(NAME.findall(text)) - {"brine_status"}
    assert named and not named - known


def test_each_expression_of_the_dashboard_is_one(tmp_path):
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [{"record": f"x:{number}", "expr": re.sub(r"\$__rate_interval", "5m", expression)}
             for number, expression in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    answer = run("check", "rules", str(tmp_path / "rules.yml"))
    assert answer.returncode == 0, answer.stderr


def test_each_metric_is_on_the_page():
    page = (ROOT / "docs" / "status.md").read_text()
    _, families = names_of_metrics()
    named = set(NAME.findall(page))
    assert not [family for family in families if not {family, f"{family}_total"} & named]
