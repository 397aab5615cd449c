"""The one view: a page made from a template."""

from django.shortcuts import render


def page(request, name):
    """A list of ten items under a heading."""
    return render(request, "page.html", {"name": name, "items": range(10)})
