"""The image's health check: exit status 0 when the service in this container is ready, else 1."""

import http.client
import os
import sys

TIMEOUT_SECONDS = 3


def main() -> int:
    """Ask ``/health/ready`` on the port that the service was told to listen on, and print what it
    answered.
    """
    port = int(float(os.environ.get("ALBERT_PORT") or 8000))  # 8000.0 is a port to the service
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        print(response.read().decode())
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer on port {port}: {error}")
        return 1
    return 0 if response.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
