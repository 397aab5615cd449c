"""A Django site in one file: ROOT_URLCONF is the script's own name."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path, reverse

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[])
django.setup()


def hello(request):
    return HttpResponse("Hello from " + reverse("hello"))


urlpatterns = [path("", hello, name="hello")]
application = get_wsgi_application()
