"""``albert-ask``: asks a running service from the terminal. Knows nothing of the service but its
HTTP interface.
"""
