"""The wire: routes, schemas, limits, errors.

Knows HTTP and JSON, and nothing of arrays or threads.
"""
