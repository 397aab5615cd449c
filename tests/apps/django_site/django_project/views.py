"""A view for each kind of answer."""

import json
import tempfile

from django import forms
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render


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
