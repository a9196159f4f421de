# SPDX-License-Identifier: MIT
"""A certificate authority for a test: a root that clients know, and an issuer below it."""

from __future__ import annotations

import dataclasses
import pathlib
import ssl
import subprocess

_CONFIGURATION = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1, IP:192.0.2.1
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate with its issuer's, as servers want it, and its key; `root` vouches for it."""

    path: pathlib.Path
    key_path: pathlib.Path
    root: pathlib.Path

    @property
    def flags(self) -> list[str]:
        """What the server is to be given."""
        return ["--tls-cert", str(self.path), "--tls-key", str(self.key_path)]

    def context(self) -> ssl.SSLContext:
        """What a client is to be given; it takes nothing but a certificate of this root's."""
        return ssl.create_default_context(cafile=str(self.root))

    def replace(self, other: Certificate) -> None:
        """Puts another one's bytes into these files."""
        self.path.write_bytes(other.path.read_bytes())
        self.key_path.write_bytes(other.key_path.read_bytes())


class Authority:
    """Keeps its files in a directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._configuration = directory / "openssl.cnf"
        self._configuration.write_text(_CONFIGURATION)
        self.root = self._file("root.pem")
        command = ["req", "-x509", *_NEW_KEY, "-keyout", self._file("root.key"), "-out", self.root]
        self._openssl(*command, "-subj", "/CN=root", "-extensions", "authority")
        self._sign("issuer", by="root", extensions="authority", days=1)

    def issue(self, name: str, days: int = 1) -> Certificate:
        """A certificate with a new key in NAME.pem and NAME.key, for all addresses of the tests."""
        path = self._sign(name, by="issuer", extensions="server", days=days)
        chain = path.read_text() + self._file("issuer.pem").read_text()
        path.write_text(chain)
        return Certificate(path, self._file(f"{name}.key"), self.root)

    def _file(self, name: str) -> pathlib.Path:
        return self._directory / name

    def _sign(self, name: str, by: str, extensions: str, days: int) -> pathlib.Path:
        path, request = self._file(f"{name}.pem"), self._file(f"{name}.csr")
        command = ["req", *_NEW_KEY, "-keyout", self._file(f"{name}.key"), "-out", request]
        self._openssl(*command, "-subj", f"/CN={name}")
        command = ["x509", "-req", "-in", request, "-out", path, "-days", days, "-CAcreateserial"]
        command += ["-CA", self._file(f"{by}.pem"), "-CAkey", self._file(f"{by}.key")]
        self._openssl(*command, "-extfile", self._configuration, "-extensions", extensions)
        return path

    def _openssl(self, command: str, *arguments: object) -> None:
        words = ["openssl", command, *map(str, arguments)]
        if command == "req":
            words += ["-config", str(self._configuration)]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
