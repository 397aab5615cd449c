"""For all folders of tests: pytest puts this folder on sys.path, for the modules that they share."""
