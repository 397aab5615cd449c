"""A certificate of the test's own."""

import subprocess


def make_certificate(folder):
    """A file with a key and its certificate for localhost, in `folder`."""
    path, certificate = folder / "certificate.pem", folder / "certificate.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", path, "-out", certificate], check=True, capture_output=True)
    with path.open("a") as file:
        file.write(certificate.read_text())
    return path


HARMLESS = "AH01882|AH01873|AH01906"
"""What mod_ssl says of httpd's own packaging, and of a server without a session cache."""
