# SPDX-License-Identifier: MIT
"""The server's process: on a free port, with an ingest endpoint of its own."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from testlib.build import COMMAND, SLOWNESS
from testlib.certificates import Certificate
from testlib.http import Address, Response, TlsAddress, UnixAddress, fetch
from testlib.metrics import Scrape
from testlib.mjpeg import Viewer
from testlib.status import check_status
from testlib.waiting import SOON_S, wait_until

_SANITIZER_REPORT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|runtime error|WARNING: ThreadSanitizer|Sanitizer:DEADLYSIGNAL"
)
_URL = re.compile(r" serves (\S+) and takes frames at \S+")
_RELOAD = re.compile(r"^(.*(?:read again|stays so).*)\n", re.MULTILINE)
_MORE_URLS = re.compile(r" headcam serves (\S+)$", re.MULTILINE)


def clean_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment, with no setting of headcam's but these."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADCAM_")}
    return kept | {"TZ": "UTC"} | dict(variables or {})


def run_server(
    *flags: str,
    environment: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Runs the server to its end, which is to come by itself; as for wrapper, see Server."""
    return subprocess.run(
        [*wrapper, *COMMAND, *flags],
        pass_fds=pass_fds,
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SOON_S * SLOWNESS,
    )


def address_of(url: str) -> Address:
    """Where to connect for a URL in the log."""
    if url.startswith("unix:"):
        return UnixAddress.of(pathlib.Path(url.removeprefix("unix:")))
    port = int(url.rstrip("/").rpartition(":")[2])
    return Address("::1" if "[" in url else "127.0.0.1", port)


class Server:
    """A running server. Viewers made with watch() stay until it has ended.

    Without `listen` it gets no --listen. With `tls` TCP is served with that certificate. `wrapper`
    is a command that becomes the server, with files that it hands on in `pass_fds`.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        *flags: str,
        listen: str | None = "127.0.0.1:0",
        tls: Certificate | None = None,
        endpoint: str | None = None,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.endpoint = endpoint or f"ipc://{directory}/ingest.sock"
        self.viewers: list[Viewer] = []
        self.login: dict[str, str] = {}  #: headers for what this class asks on its own
        self._was_killed = False
        self._log = directory / f"server-{time.monotonic_ns()}.log"
        with self._log.open("wb") as log:
            listening = [] if listen is None else ["--listen", listen]
            listening += tls.flags if tls else []
            self.process = subprocess.Popen(
                [*wrapper, *COMMAND, *listening, "--ingest", self.endpoint, *flags],
                env=clean_environment(environment),
                stdin=subprocess.DEVNULL,
                stderr=log,
                pass_fds=pass_fds,
            )
        found = wait_until(self._find_url, what="the server's address in its log")
        assert found
        self.url = found[1]
        self.address = address_of(self.url)
        if tls and self.url.startswith("https:"):
            self.address = TlsAddress(self.address.host, self.address.port, tls.context())

    def _find_url(self) -> re.Match[str] | None:
        assert self.process.poll() is None, f"the server did not start:\n{self.log()}"
        return _URL.search(self.log())

    def urls(self) -> list[str]:
        """All that it serves, in the order of its flags."""
        return [self.url, *_MORE_URLS.findall(self.log())]

    @property
    def socket_path(self) -> pathlib.Path:
        """The ingest socket's file."""
        return pathlib.Path(self.endpoint.removeprefix("ipc://"))

    def log(self) -> str:
        """Everything that it wrote to stderr."""
        return self._log.read_text(errors="replace")

    def wait_log(self, text: str) -> None:
        """Waits until that is in the log: what it tells of may be seen a moment earlier."""
        wait_until(lambda: text in self.log(), what=text)

    def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        """One request; `_` in a header's name stands for `-`."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return fetch(self.address, path, method, names)

    def snapshot(self, path: str = "", method: str = "GET", **headers: str) -> Response:
        """A snapshot, which is waited for as long as one may; `path` is what follows /snapshot."""
        mark = "&" if "?" in path else "?"
        return self.get(f"/snapshot{path}{mark}timeout=60000", method, **headers)

    def status(self) -> Any:
        """/status, parsed, and checked against its schema."""
        response = self.get("/status", **self.login)
        assert response.status == 200, response
        return check_status(response.json())

    def scrape(self) -> Scrape:
        """/metrics, parsed."""
        return Scrape(self.get("/metrics", **self.login))

    def stream(self, name: str) -> Any:
        """One stream's entry in /status, or None where it is not listed."""
        return next((s for s in self.status()["streams"] if s["name"] == name), None)

    def rejected(self, counter: str = "total") -> int:
        """One of the counters of dropped messages."""
        count = self.status()["ingest"]["rejected"][counter]
        assert isinstance(count, int)
        return count

    def wait_state(self, name: str, state: str = "live", timeout_s: float = SOON_S) -> Any:
        """A stream's entry, once it is in that state."""

        def is_there() -> Any:
            stream = self.stream(name)
            return stream if stream and stream["state"] == state else None

        return wait_until(is_there, timeout_s, f"stream {name} is {state}")

    def watch(self, path: str = "/stream", *headers: str, **options: Any) -> Viewer:
        """A viewer that stays until the server has ended."""
        viewer = Viewer(self.address, path, *headers, **options)
        self.viewers.append(viewer)
        return viewer

    def reload(self) -> str:
        """SIGHUP; returns the line that it logs about that, whoever comes or leaves meanwhile."""
        before = len(self.log())
        self.process.send_signal(signal.SIGHUP)
        found = wait_until(lambda: _RELOAD.search(self.log()[before:]), what="a line in the log")
        assert found
        return found[1]

    def kill(self) -> None:
        """SIGKILL."""
        self._was_killed = True
        self.process.kill()
        self.process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Asks it to end while somebody watches, cleanly; returns the seconds that it took."""
        began_s = time.monotonic()
        if self.process.poll() is None:
            self.watch().wait_status()
            began_s = time.monotonic()
            self.process.send_signal(number)
            self.process.wait(timeout=SOON_S * SLOWNESS)
        assert self._was_killed or self.process.returncode == 0, self.log()
        return time.monotonic() - began_s

    def close(self) -> None:
        """The end of a test: ends the server, then the viewers, and looks at what both say."""
        try:
            for viewer in self.viewers:
                assert viewer.flaw is None, f"{viewer.path}: {viewer.flaw}"
            self.end()
        finally:
            self.process.kill()
            self.process.wait()
            for viewer in self.viewers:
                viewer.close()
        report = _SANITIZER_REPORT.search(self.log())
        assert not report, self.log()
