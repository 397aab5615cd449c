"""What `import mod_wsgi` has in a script."""

API = ("version", "process_group", "application_group", "maximum_processes", "threads_per_process", "FileWrapper",
       "RequestTimeout", "LogHandler", "active_requests", "event_callbacks", "process_metrics", "request_data",
       "request_metrics", "server_metrics", "shutdown_callbacks", "signal_callbacks", "start_recording_metrics",
       "subscribe_events", "subscribe_shutdown", "subscribe_signals")
PARTS = ("express", "server")
"""The names of the module, and its parts; tests/docs_test.py holds it to the module's source."""
