"""A Django project in one file: the framework's own way to every kind of answer.

Branches: a template with the session and a CSRF form, its POST, a file upload (in memory and on
disk), a streaming response, a FileResponse, JSON, a redirect, 404, an exception, the URL of a static file.
"""

import json
import os
import tempfile

import django
from django import forms
from django.conf import settings

FOLDER = os.path.dirname(__file__)
settings.configure(
    DEBUG=False,
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    STATIC_URL="/static/",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware"],
    INSTALLED_APPS=["django.contrib.staticfiles"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [os.path.join(FOLDER, "templates")]}],
    FILE_UPLOAD_MAX_MEMORY_SIZE=100_000,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
    LOGGING_CONFIG=None,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 (needs the settings)
from django.http import (FileResponse, HttpResponse, JsonResponse,  # noqa: E402
                         StreamingHttpResponse)
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import path  # noqa: E402


class Name(forms.Form):
    name = forms.CharField(max_length=50)


def index(request):
    visits = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    return render(request, "index.html", {"visits": visits, "form": Name()})


def greet(request):
    form = Name(request.POST)
    if not form.is_valid():
        return HttpResponse(form.errors.as_json(), status=400)
    return HttpResponse(f"Hello {form.cleaned_data['name']}")


def upload(request):
    file = request.FILES["file"]
    size = sum(len(chunk) for chunk in file.chunks())
    return JsonResponse({"name": file.name, "size": size, "kind": type(file).__name__})


def stream(request):
    return StreamingHttpResponse(f"line {i}\n" for i in range(1000))


def download(request):
    file = tempfile.TemporaryFile()
    file.write(b"download " * 10000)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="d.txt")


def echo(request, word):
    return JsonResponse({"word": word, "path": request.path, "query": request.GET.dict(),
                         "body": json.loads(request.body) if request.body else None,
                         "secure": request.is_secure(), "host": request.get_host()})


def fail(request):
    raise ValueError("Django's view failed")


urlpatterns = [path("", index), path("greet", greet), path("upload", upload), path("stream", stream),
               path("download", download), path("echo/<str:word>", echo), path("fail", fail),
               path("away", lambda request: redirect("/elsewhere"))]
application = get_wsgi_application()
