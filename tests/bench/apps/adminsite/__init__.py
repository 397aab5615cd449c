"""The Django project behind django_admin.wsgi."""
