"""What server roots and Django projects import that were made for mod_wsgi-express."""
