# SPDX-License-Identifier: MIT
"""Requests, and raw bytes."""

from __future__ import annotations

import dataclasses
import http.client
import json
import pathlib
import socket
import ssl
from collections.abc import Mapping
from typing import Any

#: Longer than a snapshot may be waited for.
TIMEOUT_S = 90.0


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        """A connection; receive_buffer in bytes, the system's own by default."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(TIMEOUT_S)
        connection.connect((self.host, self.port))
        return connection


@dataclasses.dataclass(frozen=True)
class UnixAddress(Address):
    """A unix socket; host and port are what a Host header says."""

    path: pathlib.Path

    @classmethod
    def of(cls, path: pathlib.Path) -> UnixAddress:
        """The address of a socket file."""
        return cls("localhost", 80, path)

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        """A connection. Its receiver has no buffer of its own: what is written is the sender's."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(self.path))
        return connection


@dataclasses.dataclass(frozen=True)
class TlsAddress(Address):
    """Where a server speaks TLS."""

    context: ssl.SSLContext

    def connect(self, receive_buffer: int | None = None) -> ssl.SSLSocket:
        """A connection, after its handshake."""
        return self.context.wrap_socket(
            super().connect(receive_buffer), server_hostname=self.host
        )

    def plain(self) -> Address:
        """The same, for those who do not speak TLS."""
        return Address(self.host, self.port)


@dataclasses.dataclass(frozen=True)
class Response:
    """A whole answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body without its newline."""
        return self.body.decode().rstrip("\n")

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def fetch(
    address: Address,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Response:
    """One request on a connection of its own. A stream's endless body is not read."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    connection.sock = address.connect()
    connection.sock.settimeout(timeout_s)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        is_endless = names.get("content-type", "").startswith("multipart/")
        return Response(answer.status, names, b"" if is_endless else answer.read())
    finally:
        connection.close()


def get_request(path: str, *headers: str) -> bytes:
    """The bytes of a GET request; headers are whole lines."""
    lines = [f"GET {path} HTTP/1.1", "Host: headcam", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def receive_exactly(connection: socket.socket, count: int) -> bytes:
    """The next `count` bytes."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, f"closed after {len(data)} of {count} bytes: {data[-200:]!r}"
        data += more
    return data


def receive_head(connection: socket.socket) -> bytes:
    """A response's head, to the empty line, and not a byte more."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += receive_exactly(connection, 1)
    return data


def receive_all(connection: socket.socket) -> bytes:
    """Everything until the server closes, in whichever way it does."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionError:
        pass
    return data


def exchange(address: Address, request: bytes) -> bytes:
    """Sends bytes; returns everything that comes until the server closes."""
    with address.connect() as connection:
        connection.sendall(request)
        return receive_all(connection)
