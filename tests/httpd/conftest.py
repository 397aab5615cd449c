"""Fixtures for the tests against a real httpd.

A test file says which configuration it needs (`CONFIG`, and `MODULES` for httpd's further modules)
and uses the fixture `httpd`: one server for all tests of the file, in each variant that the file is
run in. That is the default way of each mode, for most code is the same in all of them. What depends on
more says on what: `@pytest.mark.axes("mpm", "python", "interpreter")` runs a test, or a file by its
`pytestmark`, over these axes too. `start_httpd(CONFIG)` gives a test a server of its own.

After each test, what httpd logged at warning level or above, and what an application printed, must
have been declared by the test (`httpd.expect_log(...)`).
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness.build import REPOSITORY, find_build, stage
from harness.errorlog import assert_none
from harness.server import Server, Workspace
from harness.variant import MODES, variants


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true",
                     help="run every file in the default variant only")


def pytest_configure(config):
    config.addinivalue_line("markers", "axes(name, ...): run over all values of mpm, python, interpreter")
    config.addinivalue_line("markers", "modes(name, ...): run in these modes only")
    config.build = find_build()


def pytest_report_header(config):
    build = config.build
    return (f"module under test: {build.module} ({build.sanitizer or 'no sanitizer'}), "
            f"Python {', '.join(build.pythons)}")


def pytest_generate_tests(metafunc):
    if "variant" in metafunc.fixturenames:
        modes = metafunc.definition.get_closest_marker("modes")
        axes = None if metafunc.config.getoption("quick") else metafunc.definition.get_closest_marker("axes")
        ways = variants(metafunc.config.build, frozenset(axes.args if axes else ()), modes.args if modes else MODES)
        metafunc.parametrize("variant", ways, ids=str, scope="module", indirect=True)


def pytest_collection_modifyitems(config, items):
    """For `--dist loadgroup`: the tests that share a server stay together; each other one goes where there is time."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if "server" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{item.callspec.params['variant']}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


def has_failed(item):
    """A test that failed or was interrupted: what it left in the log is of no interest."""
    return getattr(item, "failed", True)


@pytest.fixture(scope="session")
def workspace(request):
    """The folder of this session, where httpd's user can read: build, apps, servers."""
    folder = Path(tempfile.mkdtemp(prefix="brine-test-", dir="/tmp"))
    folder.chmod(0o755)
    build = stage(request.config.build, folder / "lib")
    shutil.copytree(REPOSITORY / "tests" / "apps", folder / "apps",
                    ignore=shutil.ignore_patterns("__pycache__"))
    _make_readable(folder / "apps")
    yield Workspace(folder, build)
    if request.session.testsfailed and os.environ.get("BRINE_TEST_KEEP"):
        print(f"\nkept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _make_readable(folder):
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.fixture(scope="module")
def variant(request):
    """The way in which the test is run."""
    return request.param


@pytest.fixture(scope="module")
def server(request, workspace, variant):
    """The server of the test file; tests use `httpd`."""
    module = request.module
    server = Server(workspace, variant, module.CONFIG, getattr(module, "MODULES", ()),
                    daemon=getattr(module, "DAEMON", ""))
    request.addfinalizer(server.stop)  # also where the tests are interrupted
    start_up = server.log.complaints()
    yield server
    server.log.start_test()
    problems = start_up + server.stop() + server.log.complaints()
    assert_none(problems)


@pytest.fixture
def httpd(request, server):
    """The file's server, for one test: its log must be clean afterwards."""
    server.log.start_test()
    yield server
    server.take_stock()  # after the file's first test
    if not has_failed(request.node):
        _assert_clean(server)


@pytest.fixture
def start_httpd(request, workspace, variant):
    """Starts servers that live as long as the test: `start_httpd(config, modules=(...))`.

    With `user` it is that user who starts httpd, where the tests are run by root.
    """
    servers = []

    def start(text, modules=(), **options):
        servers.append(Server(workspace, variant, text, modules, **options))
        return servers[-1]

    yield start
    problems = [problem for server in servers for problem in server.stop()]
    if has_failed(request.node):
        return
    for server in servers:
        _assert_clean(server)
    assert_none(problems)


@pytest.fixture
def configtest(workspace, variant):
    """`configtest(config)` runs `httpd -t`: (passed, what it said)."""
    return lambda text, **options: workspace.configtest(variant, text, **options)


def _assert_clean(server):
    assert server.process.poll() is None or server.process.returncode == 0, "httpd died"
    assert_none([f"undeclared in the error log: {line}" for line in server.log.complaints()])
