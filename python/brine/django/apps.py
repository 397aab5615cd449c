"""The name by which Django knows the application."""

from django.apps import AppConfig


class BrineConfig(AppConfig):  # type: ignore[misc]
    """Without models, and without effect on requests."""

    name = "brine.django"
    label = "brine_django"
    verbose_name = "Brine"
