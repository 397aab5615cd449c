"""Routes of the project."""

from django.urls import path

from benchsite import views

urlpatterns = [path("page/<str:name>", views.page)]
