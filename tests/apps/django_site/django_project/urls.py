"""Which URL is which view's."""

from django.shortcuts import redirect
from django.urls import path

from . import views

urlpatterns = [
    path("", views.index),
    path("greet", views.greet),
    path("upload", views.upload),
    path("stream", views.stream),
    path("download", views.download),
    path("echo/<str:word>", views.echo),
    path("fail", views.fail),
    path("away", lambda request: redirect("/elsewhere")),
]
