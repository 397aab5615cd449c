"""Bodies of forms, as a browser sends them."""

from urllib.parse import urlencode

BOUNDARY = "brine-test-boundary"


def form(**fields):
    """(body, headers) of a simple form."""
    return urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def multipart(name, filename, content, **fields):
    """(body, headers) of a form with one file."""
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
             for key, value in fields.items()]
    parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; '
                 f'filename="{filename}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode())
    parts.append(content + f"\r\n--{BOUNDARY}--\r\n".encode())
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def cookies(answer):
    """The Cookie header that a browser would send after an answer."""
    return "; ".join(value.split(";")[0] for value in answer.header_all("Set-Cookie"))
