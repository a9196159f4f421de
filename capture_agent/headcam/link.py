# SPDX-License-Identifier: MIT
"""The connection to the server: the ZeroMQ socket, its lock, and the thread that attends to it.

It owns when things are sent: an announcement on every change, on every new server, and twice a
second; a frame when told. It knows nothing of pixels. Any thread may call it, no call waits for
the server (close() for a bounded moment), and nothing here raises because of the server.
"""

from __future__ import annotations

import logging
import math
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable

from headcam import endpoint as endpoints
from headcam import sockets, wire
from headcam.demand import Demand
from headcam.pacing import Pacer
from headcam.sockets import Tracker

log = logging.getLogger("headcam")

# The server calls a producer lost after 2 s; half a second forgives three lost heartbeats.
_ANNOUNCE_EVERY_S = 0.5
_RETRY_S = 0.05
# Each announcement that is refused is answered, and the first that is not. Should that get lost:
_FORGIVE_S = 2.5 * _ANNOUNCE_EVERY_S
_GOODBYE_S = 0.2
_COMPLAIN_AFTER_S = 2.0


class Link:
    """One producer's socket.

    `demand` may be read by anybody at any time. `attend` is called by the link's thread, without
    a lock held: soon after wake(), after news from the server, and a few times a second.
    Raises ValueError for an unusable endpoint.
    """

    def __init__(
        self,
        name: str,
        instance: int,
        endpoint: str,
        announcement: bytes,
        attend: Callable[[], None],
    ) -> None:
        self._name = name
        self.demand = Demand(name, instance)
        self._attend = attend
        self.endpoint = endpoint
        self.announcements_published = 0
        self.connects = 0
        self._frames_topic = wire.frame_topic(name)
        self._announcements_topic = wire.announcement_topic(name)
        # Guards the socket, the feeding of demand, and the fields from here to the next blank line.
        self._lock = threading.Lock()
        self._announcement = announcement
        self._announce_at_s = 0.0
        self._refused_at_s = 0.0
        self._closed = False
        self._socket = sockets.connect(endpoint)
        self._sleeps_until_s = 0.0

        # Guards the pacer; notified when the demand changed.
        self._changed = threading.Condition()
        self._pacer = Pacer()

        self._owner_pid = os.getpid()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._silent_since_s: float | None = time.monotonic()
        self._has_complained = False
        self._reported_refusal = ""
        self._thread = threading.Thread(target=self._run, name=f"headcam-{name}", daemon=True)
        self._thread.start()

    def announce(self, announcement: bytes) -> None:
        """Sends an announcement now, and again and again until the next one."""
        with self._lock:
            if self._closed:
                return
            self._announcement = announcement
            self._send_announcement()
            self._listen()

    def send_frame(
        self, header: bytes | bytearray, payload: memoryview | None = None, copy: bool = True
    ) -> Tracker | bool:
        """Sends a frame now or not at all; one in a ring has no payload.

        Without `copy` the payload must stay unchanged until the returned tracker is done. Returns
        False where the socket took nothing.
        """
        with self._lock:
            if self._closed:
                return False
            if time.monotonic() >= self._announce_at_s:
                # First, or a slow server's full socket would have room for frames alone.
                self._send_announcement()
            if payload is None:
                sent = self._socket.send((self._frames_topic, header))
            else:
                sent = self._socket.send((self._frames_topic, header, payload), copy)
            self._listen()
        return sent

    def wake(self) -> None:
        """Has the thread call `attend` now."""
        with self._lock:
            if not self._closed:
                self._wake_thread()

    def wait_wanted(self, timeout_s: float | None) -> bool:
        """Blocks until somebody watches; False after the timeout or close()."""
        with self._changed:
            self._changed.wait_for(lambda: self.demand.wanted or self._closed, timeout_s)
        return self.demand.wanted and not self._closed

    def take_due(self, at_most_fps: float) -> bool:
        """Whether a frame is due now; if so, it counts as taken."""
        with self._changed:
            return self._take_due(at_most_fps) == 0.0

    def wait_due(self, timeout_s: float, at_most_fps: float) -> bool:
        """Blocks until a frame is due, and takes it; False after the timeout or close()."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while not self._closed:
                delay_s = self._take_due(at_most_fps)
                if delay_s == 0.0:
                    return True
                left_s = deadline_s - time.monotonic()
                if left_s <= 0.0:
                    return False
                self._changed.wait(min(delay_s, left_s))
        return False

    def close(self, goodbye: bytes) -> None:
        """Says goodbye and closes; takes at most a moment, whatever the server does."""
        if os.getpid() != self._owner_pid:
            return  # a forked child has a copy of this object, and no right to the socket
        with self._lock:
            if self._closed:
                return
            self._announcement = goodbye
            self._closed = True
        self._wake_waiters()
        self._wake_thread()
        self._thread.join()
        self._send_goodbye()
        self.demand.forget()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()
        self._socket.close(_GOODBYE_S)

    def _take_due(self, at_most_fps: float) -> float:
        """Takes a frame if the delay it returns, in seconds, is 0.0. Under _changed."""
        fps = min(self.demand.wanted_fps, at_most_fps)
        if fps <= 0.0:
            self._pacer.reset()
            return math.inf
        now_s = time.monotonic()
        if self._pacer.take(now_s, fps):
            return 0.0
        return self._pacer.delay(now_s, fps)

    def _send_announcement(self) -> bool:
        """Under _lock."""
        sent = bool(self._socket.send((self._announcements_topic, self._announcement)))
        wait_s = _ANNOUNCE_EVERY_S if sent else _RETRY_S
        self._announce_at_s = time.monotonic() + wait_s
        if sent and self.demand.connected:
            self.announcements_published += 1
        return sent

    def _send_goodbye(self) -> None:
        """A full socket has until the deadline to take it; the thread is gone by now."""
        deadline_s = time.monotonic() + _GOODBYE_S
        while True:
            with self._lock:
                self._drain()
                if not self.demand.connected or self._send_announcement():
                    return
            if time.monotonic() >= deadline_s:
                return
            time.sleep(_RETRY_S / 10)

    def _drain(self) -> bool:
        """Reads what the server said; whether that changed the demand. Under _lock.

        It comes after every send, as sockets.Socket asks for.
        """
        demand = self.demand
        before = self._summary()
        if demand.refusal and time.monotonic() - self._refused_at_s >= _FORGIVE_S:
            demand.forgive()
        connected = demand.connected
        while True:
            self._receive()
            if connected or not demand.connected:
                break
            connected = True
            self.connects += 1
            self._send_announcement()
        return before != self._summary()

    def _summary(self) -> tuple[object, ...]:
        demand = self.demand
        return (
            demand.wanted, demand.wanted_fps, demand.connected, demand.servers, demand.ring,
            demand.refusal,
        )  # fmt: skip

    def _listen(self) -> None:
        """_drain(), for other threads than the link's own. Under _lock."""
        if self._drain():
            self._wake_waiters()
            self._wake_thread()
        elif self._socket.wake_at_s < self._sleeps_until_s:
            self._wake_thread()

    def _receive(self) -> None:
        """Under _lock."""
        while (message := self._socket.receive()) is not None:
            if self.demand.feed(message):
                self._refused_at_s = time.monotonic()

    def _wake_thread(self) -> None:
        """Not once the thread has ended."""
        try:
            self._wake_writer.send(b"\0")
        except BlockingIOError:
            pass  # it has not yet woken from many before

    def _wake_waiters(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._turn()
            except Exception:
                log.exception("headcam: the link to %s failed; going on", self.endpoint)
                time.sleep(_ANNOUNCE_EVERY_S)

    def _turn(self) -> None:
        with self._lock:
            self._sleeps_until_s = min(self._announce_at_s, self._socket.wake_at_s)
        self._selector.select(max(0.0, self._sleeps_until_s - time.monotonic()))
        is_woken = self._forget_wakes()
        with self._lock:
            if self._closed:
                return
            is_time = time.monotonic() >= self._announce_at_s
            if is_time:
                self._send_announcement()
            changed = self._drain()
        if changed:
            self._wake_waiters()
        # The socket's descriptor wakes the thread with almost every frame; most turns end here.
        if changed or is_woken or is_time:
            self._attend()
            self._report_connection()
            self._report_refusal()

    def _forget_wakes(self) -> bool:
        """Whether there were any."""
        try:
            return bool(self._wake_reader.recv(4096))
        except BlockingIOError:
            return False

    def _report_refusal(self) -> None:
        """Logs that the server does not take the stream, or does again; once each."""
        refusal = self.demand.refusal
        if refusal == self._reported_refusal:
            return
        self._reported_refusal = refusal
        if refusal:
            log.warning("stream %s is not shown: %s", self._name, refusal)
        elif self.demand.connected:
            log.info("stream %s is shown now", self._name)

    def _report_connection(self) -> None:
        """Logs that the server is there, or why it may not be; once each."""
        if self.demand.connected:
            if self._silent_since_s is not None:
                log.info("connected to headcam at %s (%s)", self.endpoint, sockets.describe())
            self._silent_since_s = None
            self._has_complained = False
            return
        now_s = time.monotonic()
        if self._silent_since_s is None:
            log.info("headcam at %s is gone", self.endpoint)
            self._silent_since_s = now_s
        if not self._has_complained and now_s - self._silent_since_s >= _COMPLAIN_AFTER_S:
            self._has_complained = True
            reason = self._socket.trouble or endpoints.diagnose(self.endpoint)
            log.warning("no headcam at %s yet, trying on: %s", self.endpoint, reason)
