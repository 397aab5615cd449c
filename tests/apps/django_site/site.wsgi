"""The WSGI script of a Django project, as `django-admin startproject` writes it.

Branches (in django_project/views.py): a template with the session and a CSRF form, its POST, a file
upload in memory and on disk, a streaming response, a FileResponse, JSON, a redirect, 404, an
exception, the URL of a static file.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
application = get_wsgi_application()
