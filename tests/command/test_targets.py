"""What `brine serve` takes for an application: scripts, modules, functions that make one, projects' folders."""

import pytest

from brine.refusal import Refusal
from brine.target import Wish, find_application
from serving import write_script

HEAD = "def answer(environ, start_response):\n    start_response('200 OK', [])\n    return [WORD]\n"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(text)
    path.chmod(0o644)
    return path


@pytest.fixture
def tree(folder):
    """A package with applications of all kinds, and files beside it."""
    write(folder / "shop/__init__.py", "")
    write(folder / "shop/words.py", "WORD = b'shop'\n")
    write(folder / "shop/web.py",
          f"from .words import WORD\n{HEAD}app = answer\nclass Holder:\n    wsgi = staticmethod(answer)\n")
    write(folder / "shop/made.py", f"from shop.words import WORD\n{HEAD}def create_app():\n    return answer\n")
    write(folder / "plain.py", f"WORD = b'plain'\n{HEAD}application = answer\n")
    write(folder / "called_app.py", f"WORD = b'called app'\n{HEAD}if True:\n    app = answer\n")
    write(folder / "makes.py", f"WORD = b'made'\n{HEAD}def make_app():\n    return answer\n")
    write(folder / "other.wsgi", f"WORD = b'other'\n{HEAD}other = answer\n")
    write(folder / "starred.py", "from plain import *\n")
    write(folder / "broken.py", "def application(:\n")
    write(folder / "flask/app.py", f"WORD = b'a folder'\n{HEAD}app = answer\n")
    return folder


def found(tree, target, callable="", factory=False):
    """How the application of a target is had: by its file and the name there, or by the lines of a made script."""
    application = find_application(str(target), Wish(callable, factory), tree)
    return application.source or (application.script.name, application.callable)


@pytest.mark.parametrize("target, expected", [
    ("{}/plain.py", ("plain.py", "application")), ("{}/called_app.py", ("called_app.py", "app")),
    ("{}/other.wsgi:other", ("other.wsgi", "other")), ("{}/starred.py", ("starred.py", "application")),
    ("{}/broken.py", ("broken.py", "application")), ("{}/flask", ("app.py", "app"))])
def test_files_are_served_as_they_are(tree, target, expected):
    assert found(tree, target.format(tree)) == expected


@pytest.mark.parametrize("target, module, expression", [
    ("shop.web:app", "shop.web", "module.app"), ("shop.web:Holder.wsgi", "shop.web", "module.Holder.wsgi"),
    ("shop.made:create_app()", "shop.made", "module.create_app()"),
    ("shop.made:create_app", "shop.made", "module.create_app()"), ("shop.made", "shop.made", "found("),
    ("plain", "plain", "found("), ("installed.somewhere", "installed.somewhere", "found("),
    ("installed:app", "installed", "module.app"), ("{}/shop/web.py", "shop.web", "module.app"),
    ("{}/makes.py", "makes", "module.make_app()"),
    ("{}/shop/made.py:create_app()", "shop.made", "module.create_app()")])
def test_modules_are_imported(tree, target, module, expression):
    source = found(tree, target.format(tree))
    assert f"import_module('{module}')" in source and f"application = {expression}" in source
    compile(source, "made", "exec")


def test_options_say_the_same(tree):
    assert found(tree, f"{tree}/other.wsgi", "other") == ("other.wsgi", "other")
    assert "application = module.answer" in found(tree, "plain", "answer")
    assert "application = module.build()" in found(tree, "plain", "build", factory=True)


@pytest.mark.parametrize("target, wish, words", [
    ("{}/missing.wsgi", {}, "There is no script"), ("missing", {}, "There is no script"),
    ("{}/other.wsg", {}, r"did you mean other.wsgi\?"),
    ("{}/shop", {}, "is a directory, but no Django project"), ("a b:c", {}, "neither a file, nor MODULE:NAME"),
    ("shop.web:app", {"callable": "other"}, "names its application already"),
    ("shop.web", {"factory": True}, "name the function"), ("shop.web:", {}, "neither a file, nor MODULE:NAME"),
    ("{}/other.wsgi:build()", {}, "give it a name such as app.py")])
def test_what_is_refused(tree, target, wish, words):
    with pytest.raises(Refusal, match=words):
        found(tree, target.format(tree), **wish)


def test_a_file_that_is_nearly_there_is_meant_rather_than_a_module(tree, monkeypatch):
    monkeypatch.chdir(tree)
    with pytest.raises(Refusal, match=r"There is no script .*/other.wsg; did you mean other.wsgi\?"):
        found(tree, "other.wsg")
    assert "import_module('shop.elsewhere')" in found(tree, "shop.elsewhere")


def test_a_django_project_names_its_settings(tree):
    write(tree / "site/manage.py", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n")
    assert "'site.settings'" in found(tree, tree / "site")
    write(tree / "site/manage.py", "print('none')\n")
    with pytest.raises(Refusal, match="does not name the project's settings"):
        found(tree, tree / "site")


@pytest.mark.parametrize("arguments, word", [
    (["shop.web:app"], "shop"), (["shop.made"], "shop"), (["{}/shop/web.py"], "shop"), (["{}/flask"], "a folder"),
    (["{}/makes.py"], "made"), (["{}/other.wsgi", "--callable", "other"], "other")])
def test_each_is_served(serve, tree, arguments, word):
    server = serve(*(argument.format(tree) for argument in arguments), "--chdir", tree)
    assert server.get() == (200, word)
    assert server.stop() == 0


def test_a_module_that_cannot_be_imported_says_why(serve, tree):
    server = serve("shop.missing:app", "--chdir", tree)
    assert server.wait() == 1
    assert server.output.startswith("brine: shop.missing:app does not load: ModuleNotFoundError: No module named "
                                    "'shop.missing'")
    assert "brine: shop.missing:app has never loaded" in server.output


def test_a_module_without_an_application_says_what_was_looked_for(serve, tree):
    server = serve("shop.words", "--chdir", tree)
    assert server.wait() == 1
    assert "the module shop.words has none of application, app, create_app(), make_app()" in server.output


def test_a_django_project_is_served(serve, folder):
    pytest.importorskip("django")
    write(folder / "manage.py", "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n")
    write(folder / "site_settings.py",
          "SECRET_KEY = 'x'\nDEBUG = True\nALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'site_urls'\n"
          "INSTALLED_APPS = ['django.contrib.staticfiles', 'part']\nSTATIC_URL = '/static/'\n")
    write(folder / "site_urls.py", "from django.http import HttpResponse\nfrom django.urls import path\n"
          "urlpatterns = [path('', lambda request: HttpResponse('a project'))]\n")
    write(folder / "part/__init__.py", "")
    write(folder / "part/static/style.css", "p {}")
    server = serve(folder)
    assert server.get() == (200, "a project")
    assert server.get("/static/style.css") == (200, "p {}")
    assert server.stop() == 0
    settings = folder / "site_settings.py"
    settings.write_text(settings.read_text().replace("'/static/'", "'static/'"))
    below = serve(folder, "--mount", "/shop")
    assert below.get("/") == (200, "a project")
    assert below.get("/static/style.css") == (200, "p {}")
    assert below.stop() == 0


def test_reload_watches_what_a_module_imports(serve, tree):
    server = serve("shop.web:app", "--chdir", tree, "--reload")
    assert server.get() == (200, "shop")
    write(tree / "shop/words.py", "WORD = b'a new word'\n")
    server.wait_for("^Changed: shop/words.py. ")
    server.wait_for_page("/", "a new word")
    assert server.stop() == 0


def test_several_applications(serve, tree):
    script = write_script(tree / "main.wsgi", "environ['SCRIPT_NAME'].encode()")
    server = serve(script, "--mount", "/api=shop.web:app", "--mount", f"/api/v2={tree}/plain.py", "--chdir", tree)
    assert server.get("/x") == (200, "")
    assert server.get("/api/x") == (200, "shop")
    assert server.get("/api/v2") == (200, "plain")
    assert server.stop() == 0
