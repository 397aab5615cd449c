"""Settings: sessions in cookies, so that no database is needed."""

from pathlib import Path

DEBUG = False
SECRET_KEY = "for tests only"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "django_project.urls"
STATIC_URL = "/static/"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware",
              "django.contrib.sessions.middleware.SessionMiddleware",
              "django.middleware.csrf.CsrfViewMiddleware"]
INSTALLED_APPS = ["django.contrib.staticfiles"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates",
              "DIRS": [Path(__file__).parent / "templates"]}]
FILE_UPLOAD_MAX_MEMORY_SIZE = 100_000
LOGGING = {"version": 1, "disable_existing_loggers": False,
           "handlers": {"stderr": {"class": "logging.StreamHandler"}},
           "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}}}
