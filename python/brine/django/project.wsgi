"""The application of a Django project, as `manage.py runserver` would find it. `runbrine` has it served."""

import os

from django.core.servers.basehttp import get_internal_wsgi_application

application = get_internal_wsgi_application()

if os.environ.get("BRINE_DJANGO_STATIC") == "finders":
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.contrib.staticfiles.views import serve
    from django.urls import set_script_prefix

    mount = os.environ["BRINE_DJANGO_MOUNT"].rstrip("/")
    # Django keeps what it makes of a relative STATIC_URL when somebody first asks for it.
    set_script_prefix(f"{mount}/")

    class Files(StaticFilesHandler):
        """Also where the project is mounted below another URL than /."""

        def get_base_url(self):
            url = super().get_base_url()
            return url[len(mount):] if url.startswith(f"{mount}/") else url

        def serve(self, request):
            return serve(request, self.file_path(request.path_info), insecure=True)

    application = Files(application)
