"""The Django project behind django_view.wsgi."""
