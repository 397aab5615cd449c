"""What the tests against a real httpd stand on: one module for each concept."""
