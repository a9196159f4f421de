# SPDX-License-Identifier: MIT
"""Several machines on one network, each a namespace, and a crowd of viewers in one of them."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import selectors
import shutil
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from testlib.build import SLOWNESS
from testlib.http import Address, get_request
from testlib.link import enter_namespace


@dataclasses.dataclass(frozen=True)
class Node:
    """A namespace with one interface and an address reserved for documentation."""

    namespace: str
    address: str

    @property
    def inside(self) -> tuple[str, ...]:
        """A command that becomes another one in here."""
        return "ip", "netns", "exec", self.namespace

    @property
    def path(self) -> pathlib.Path:
        """The namespace as a file."""
        return pathlib.Path("/run/netns") / self.namespace

    def sent_bytes(self) -> int:
        """What its interface has sent so far, headers of all layers included."""
        done = subprocess.run(
            [*self.inside, "cat", "/sys/class/net/link0/statistics/tx_bytes"],
            capture_output=True,
            check=True,
        )
        return int(done.stdout)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no network: {' '.join(words)}: {done.stderr.strip()}")


@contextlib.contextmanager
def network(*names: str) -> Iterator[dict[str, Node]]:
    """Nodes by their names, on a switch that is a namespace, too; takes them away again."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root, and iproute2")
    switch = f"headcam-test-switch-{os.getpid()}"
    nodes = {
        name: Node(f"headcam-test-{name}-{os.getpid()}", f"192.0.2.{number}")
        for number, name in enumerate(names, 1)
    }
    namespaces = [switch, *(node.namespace for node in nodes.values())]
    try:
        for namespace in namespaces:
            _run("ip", "netns", "add", namespace)
            _run("ip", "-n", namespace, "link", "set", "lo", "up")
        _run("ip", "-n", switch, "link", "add", "switch0", "type", "bridge")
        _run("ip", "-n", switch, "link", "set", "switch0", "up")
        for number, node in enumerate(nodes.values(), 1):
            _run(
                "ip", "-n", node.namespace, "link", "add", "link0", "type", "veth",
                "peer", "name", f"port{number}", "netns", switch,
            )  # fmt: skip
            _run("ip", "-n", switch, "link", "set", f"port{number}", "master", "switch0", "up")
            _run("ip", "-n", node.namespace, "address", "add", f"{node.address}/24", "dev", "link0")
            _run("ip", "-n", node.namespace, "link", "set", "link0", "up")
        yield nodes
    finally:
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)


class Crowd:
    """Viewers in one thread, which read and throw away; one that is cut off comes again."""

    def __init__(self, node: Node, address: Address, path: str, count: int) -> None:
        self._address = address
        self._request = get_request(path)
        self._selector = selectors.DefaultSelector()
        self._seen_s = [0.0] * count  #: when each of them got something last
        self._again: dict[int, float] = {}
        self._waited_s = [0.0] * count  #: the longest time without anything
        self.turned_away = 0  #: how often one of them was, or was cut off
        self._is_over = False
        with concurrent.futures.ThreadPoolExecutor(1) as inside:
            inside.submit(enter_namespace, node.path).result()
            for index in range(count):
                inside.submit(self._connect, index).result()
        self._node = node
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """All leave."""
        self._is_over = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def wait_all(self, since_s: float, timeout_s: float) -> None:
        """Until each of them got something after a monotonic time."""
        deadline_s = time.monotonic() + timeout_s * SLOWNESS
        while missing := sum(seen_s <= since_s for seen_s in self._seen_s):
            assert time.monotonic() < deadline_s, f"{missing} viewers got nothing"
            time.sleep(0.05)

    def gaps(self, since_s: float) -> str:
        """How long they were without a picture at a time, the longest of each."""
        return (
            f"median gap {statistics.median(self._waited_s):.2f} s,"
            f" longest {max(self._waited_s):.2f} s"
        )

    def _connect(self, index: int) -> None:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(10)
        try:
            connection.connect((self._address.host, self._address.port))
            connection.sendall(self._request)
        except OSError:
            self.turned_away += 1
            connection.close()
            self._again[index] = time.monotonic() + 0.5
            return
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, index)

    def _read(self, connection: socket.socket, index: int) -> None:
        try:
            data = connection.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now_s = time.monotonic()
        if data and not data.startswith((b"HTTP/1.1 503", b"HTTP/1.0 503")):
            if self._seen_s[index]:
                self._waited_s[index] = max(self._waited_s[index], now_s - self._seen_s[index])
            self._seen_s[index] = now_s
            return
        self.turned_away += 1
        self._selector.unregister(connection)
        connection.close()
        self._again[index] = now_s + 0.2  # as a browser's script would

    def _run(self) -> None:
        enter_namespace(self._node.path)
        while not self._is_over:
            for key, _ in self._selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                self._read(key.fileobj, key.data)
            now_s = time.monotonic()
            for index in [index for index, at_s in self._again.items() if at_s <= now_s]:
                del self._again[index]
                self._connect(index)
