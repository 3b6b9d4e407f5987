"""The REST API, version 1 (CONTRACT §4): its own application, mounted at /api beside the pages."""
