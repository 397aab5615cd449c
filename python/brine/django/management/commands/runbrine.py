"""`manage.py runbrine`."""

from brine.django.command import Command

__all__ = ["Command"]
