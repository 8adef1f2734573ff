"""Serves one exported model with this service and with its peers, and measures them in turns."""
