"""Admission, the queue, batches, and the threads that run them.

Knows sequences, costs, deadlines and an executor that it is handed; nothing of labels, answers or
HTTP.
"""
