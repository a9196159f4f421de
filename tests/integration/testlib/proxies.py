# SPDX-License-Identifier: MIT
"""Reverse proxies, with the configurations in docker/, and what speaks HTTP/2 to them."""

from __future__ import annotations

import contextlib
import http.client
import math
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import IO

import pytest
from testlib.build import ROOT
from testlib.certificates import Certificate
from testlib.http import Address, TlsAddress, UnixAddress
from testlib.link import FarAddress
from testlib.mjpeg import MultipartParser, Part
from testlib.ports import free_port
from testlib.waiting import SOON_S, wait_until

CONFIGURATIONS = ROOT / "docker"

_RECEIVE_BUFFER = 32 * 1024

_NGINX = """
pid {directory}/nginx.pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    include {directory}/headcam.conf;
}}
"""


class Proxy:
    """A proxy's process. What it is given comes from outside of its configuration's file.

    In a `namespace` it reaches an upstream on a unix socket only, and is reached through `connect`.
    """

    #: How it writes the path of a unix socket.
    unix_prefix = "unix:"

    def __init__(
        self,
        directory: pathlib.Path,
        upstream: Address,
        certificate: Certificate,
        namespace: str | None = None,
    ) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=directory))
        self.port = free_port()
        self.address = TlsAddress("127.0.0.1", self.port, certificate.context())
        self._namespace = namespace
        self.certificate = certificate
        self._log = self.directory / "log"
        if isinstance(upstream, UnixAddress):
            self.upstream = f"{self.unix_prefix}{upstream.path}"
        else:
            self.upstream = f"{upstream.host}:{upstream.port}"
        with self._log.open("wb") as log:
            inside = ["ip", "netns", "exec", namespace] if namespace else []
            self.process = subprocess.Popen(
                [*inside, *self.command()],
                env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_up, what=f"{type(self).__name__} listens")

    @property
    def url(self) -> str:
        """Where headcam is, with a slash at its end."""
        return f"https://127.0.0.1:{self.port}/cam/"

    def connect(self, receive_buffer: int | None = None) -> socket.socket:
        """A connection with TLS and HTTP/1.1, from where the proxy is."""
        if not self._namespace:
            return self.address.connect(receive_buffer)
        path = pathlib.Path("/run/netns") / self._namespace
        return FarAddress("127.0.0.1", self.port, path, self.address).connect(receive_buffer)

    def command(self) -> list[str]:
        """Starts it in the foreground."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """The variables that its configuration names."""
        raise NotImplementedError

    def log(self) -> str:
        """All that it wrote."""
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """Ends it, connections and all."""
        self.process.terminate()
        try:
            self.process.wait(timeout=SOON_S)
        finally:
            self.process.kill()
            self.process.wait()

    def memory_bytes(self) -> int:
        """What it and its children hold of memory that they share with nobody."""
        return sum(_private_bytes(pid) for pid in _family(self.process.pid))

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError), self.connect():
            return True
        return False


class Nginx(Proxy):
    """With TLS and HTTP/2."""

    def command(self) -> list[str]:
        names = " ".join(f"${name}" for name in self.environment())
        filled_in = subprocess.run(
            ["envsubst", names],
            stdin=(CONFIGURATIONS / "nginx.conf").open("rb"),
            capture_output=True,
            env=os.environ | self.environment(),
            check=True,
        ).stdout
        (self.directory / "headcam.conf").write_bytes(filled_in)
        user = "user root;" if os.geteuid() == 0 else ""  # as the owner of the unix socket
        main = self.directory / "nginx.conf"
        main.write_text(_NGINX.format(directory=self.directory, user=user))
        here = ["-p", f"{self.directory}/", "-c", str(main)]
        return ["nginx", "-e", "stderr", *here, "-g", "daemon off;"]

    def environment(self) -> dict[str, str]:
        return {
            "HEADCAM_LISTEN": f"127.0.0.1:{self.port}",
            "HEADCAM_UPSTREAM": self.upstream,
            "HEADCAM_CERT": str(self.certificate.path),
            "HEADCAM_KEY": str(self.certificate.key_path),
        }


class Haproxy(Proxy):
    """With TLS and HTTP/2."""

    unix_prefix = "unix@"

    def command(self) -> list[str]:
        return ["haproxy", "-db", "-f", str(CONFIGURATIONS / "haproxy.cfg")]

    def environment(self) -> dict[str, str]:
        pem = self.directory / "headcam.pem"
        pem.write_bytes(self.certificate.path.read_bytes() + self.certificate.key_path.read_bytes())
        return {
            "HEADCAM_LISTEN": f"127.0.0.1:{self.port}",
            "HEADCAM_UPSTREAM": self.upstream,
            "HEADCAM_PEM": str(pem),
        }


class Caddy(Proxy):
    """With TLS and HTTP/2."""

    unix_prefix = "unix/"

    def command(self) -> list[str]:
        return ["caddy", "run", "--config", str(CONFIGURATIONS / "Caddyfile")]

    def environment(self) -> dict[str, str]:
        return {
            "HEADCAM_SITE": f"https://127.0.0.1:{self.port}",
            "HEADCAM_UPSTREAM": self.upstream,
            "HEADCAM_HTTP_PORT": str(free_port()),
            "HEADCAM_TLS": f"{self.certificate.path} {self.certificate.key_path}",
            "XDG_CONFIG_HOME": str(self.directory),
            "XDG_DATA_HOME": str(self.directory),
        }


class PlainViewer:
    """HTTP/1.1 on a connection whose kernel buffer is small, read at any pace, in this thread."""

    def __init__(self, proxy: Proxy, path: str = "stream", *headers: str) -> None:
        self._parser = MultipartParser()
        self.read_bytes = 0
        self._socket = proxy.connect(_RECEIVE_BUFFER)
        lines = [f"GET /cam/{path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self.answer = http.client.HTTPResponse(self._socket, method="GET")
        self.answer.begin()

    def __enter__(self) -> PlainViewer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.answer.close()
        self._socket.close()

    def read(self, duration_s: float, bytes_per_s: float = math.inf) -> list[Part]:
        """What comes in that time, at that pace at most."""
        parts: list[Part] = []
        began_s, count = time.monotonic(), 0
        while (since_s := time.monotonic() - began_s) < duration_s:
            data = self.answer.read1(8192)
            assert data, "the stream ended"
            parts += self._parser.feed(data)
            count += len(data)
            time.sleep(max(0.0, count / bytes_per_s - since_s))
        self.read_bytes += count
        return parts


class CurlViewer:
    """curl on a stream: it speaks HTTP/2, and takes chunks apart."""

    def __init__(self, proxy: Proxy, path: str = "stream", *options: str) -> None:
        self.parts: list[Part] = []
        self._head = proxy.directory / f"head-{id(self)}"
        self._errors = self._head.with_suffix(".err")
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                ["curl", "-sSN", "--cacert", str(proxy.certificate.root), "-D", str(self._head),
                 *options, proxy.url + path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )  # fmt: skip
        self._cursor = 0
        self._flaw: Exception | None = None
        assert self.process.stdout
        self._thread = threading.Thread(target=self._run, args=[self.process.stdout])
        self._thread.start()

    def __enter__(self) -> CurlViewer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self._thread.join()
        self.process.wait()

    @property
    def head(self) -> list[str]:
        """The answer's status line and headers, in lower case."""
        return self._head.read_text().lower().splitlines()

    def wait_more(self, count: int, timeout_s: float = SOON_S) -> list[Part]:
        """The next so many parts."""
        wanted = self._cursor + count
        wait_until(lambda: len(self.parts) >= wanted or self._is_over, timeout_s, "parts")
        if self._flaw:
            raise self._flaw
        found = self.parts[self._cursor:self._cursor + count]
        assert len(found) == count, f"the stream ended: {self._errors.read_text()}"
        self._cursor += count
        return found

    def skip(self) -> CurlViewer:
        """What came so far is not looked at any more."""
        self._cursor = len(self.parts)
        return self

    @property
    def _is_over(self) -> bool:
        return not self._thread.is_alive()

    def _run(self, body: IO[bytes]) -> None:
        parser = MultipartParser()
        try:
            while data := os.read(body.fileno(), 1 << 18):
                self.parts += parser.feed(data)
        except AssertionError as flaw:
            self._flaw = flaw


@contextlib.contextmanager
def namespace(**settings: str) -> Iterator[str]:
    """A network namespace with these sysctls below net.ipv4; skips the test where there is none."""
    name = f"headcam-proxy-{os.getpid()}"
    if os.geteuid() != 0 or subprocess.run(["ip", "netns", "add", name]).returncode != 0:
        pytest.skip("only root makes network namespaces")
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        for key, value in settings.items():
            setting = f"net.ipv4.{key}={value}"
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", setting], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    for child in children.split():
        yield from _family(int(child))


def _private_bytes(pid: int) -> int:
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = re.findall(r"^Private_\w+:\s+(\d+)", rollup, re.MULTILINE)
    return 1024 * sum(int(size) for size in sizes)
