"""Requests and results: what users script against. Knows nothing of AWS."""
