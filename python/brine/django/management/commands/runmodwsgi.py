"""`manage.py runmodwsgi`, for scripts that have mod_wsgi's name of it."""

from brine.django.command import ModWsgiCommand as Command

__all__ = ["Command"]
