"""An application for INSTALLED_APPS that gives a Django project the command `runbrine`."""
