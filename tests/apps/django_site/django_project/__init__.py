"""A small Django project: one template, one form, uploads, streams, downloads."""
