"""Settings of a small project: no database, templates compiled once."""

DEBUG = False
SECRET_KEY = "only for the benchmark"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "benchsite.urls"
USE_TZ = True
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "OPTIONS": {
        "loaders": [("django.template.loaders.cached.Loader", [
            ("django.template.loaders.locmem.Loader", {
                "page.html": "<h1>{{ name }}</h1><ul>{% for i in items %}<li>{{ i }}</li>"
                             "{% endfor %}</ul>",
            }),
        ])],
    },
}]
