"""Callers who keep a service's queue full."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def crowd(url: str, body: dict[str, Any], callers: int = 8) -> Iterator[None]:
    """So many callers, who post ``body`` again and again without waiting, for as long as the block
    lasts.
    """
    over = threading.Event()

    def insist() -> None:
        with httpx.Client(timeout=60) as client:
            while not over.is_set():
                client.post(url, json=body)

    threads = [threading.Thread(target=insist) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
