# SPDX-License-Identifier: MIT
"""A bound XSUB socket that plays the server: it asks, and keeps what it is sent.

A thread of its own drives the socket, for a ZeroMQ socket that nobody calls does not even accept.
"""

import os
import queue
import struct
import threading
import time

import zmq

from headcam import endpoint as endpoints
from headcam import ring, wire
from headcam.wire import Location, Place, RingVerdict

DEADLINE_S = 60.0
_TURN_MS = 5


class Frame:
    """A frame message, taken apart and checked.

    `payload` is None for a frame in a ring that was overwritten before it was read.
    """

    def __init__(self, parts, rings):
        self.topic, raw_header, *pixels = parts
        self.header = wire.unpack_header(raw_header, len(pixels[0]) if pixels else None)
        if self.header.location is Location.INLINE:
            assert len(pixels) == 1
            self.payload = pixels[0]
        else:
            assert not pixels
            self.payload = rings[self.header.instance, self.header.ring].read(self.header)


class ReadRing:
    """A ring as docs/api.md describes it, read as the server does."""

    def __init__(self, path, instance, number):
        self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        self.header = wire.unpack_ring_header(os.pread(self._fd, wire.RING_PAGE, 0))
        assert (self.header.instance, self.header.number) == (instance, number)
        size = wire.RING_PAGE + self.header.slots * self.header.slot_bytes
        assert os.fstat(self._fd).st_size == size

    def sequence(self, slot):
        return struct.unpack("<Q", os.pread(self._fd, 8, 64 + 64 * slot))[0]

    def pixels(self, slot, count):
        return os.pread(self._fd, count, 4096 + slot * self.header.slot_bytes)

    def read(self, header):
        payload = self.pixels(header.slot, header.payload_bytes)
        return payload if self.sequence(header.slot) == header.slot_sequence else None

    def close(self):
        os.close(self._fd)


class FakeServer:
    """Every wait has a deadline and fails loudly.

    `endpoint` is where it is, also if the one that was given leaves its port to the system.
    `announcements` and `frames` hold all that came, `others` the messages that are neither.
    `ring_verdict` is what it thinks of rings: None gives no answer, "" reads them, and any other
    text is the reason why it does not.
    """

    def __init__(self, endpoint, high_water_mark=1000, ring_verdict=None):
        self.ring_verdict = ring_verdict
        self.rings = {}
        self.announcements = []
        self.frames = []
        self.others = []
        self._outbox = queue.SimpleQueue()
        self._is_reading = True
        self._is_closed = False
        # A context of its own: ending it waits until the socket is really closed.
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XSUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, high_water_mark)
        self._socket.bind(endpoint)
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)  # with the port for "*"
        self.send(b"\x01@")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Goes away, as by SIGKILL: nothing is said."""
        self._is_closed = True
        self._thread.join()
        self._socket.close()
        self._context.term()
        for read_ring in self.rings.values():
            read_ring.close()

    def pause(self):
        """Reads nothing from now on, as a server that is slow."""
        self._is_reading = False

    def go_on(self):
        self._is_reading = True

    def watch(self, name):
        self.send(b"\x01" + wire.frame_topic(name))

    def leave(self, name):
        self.send(b"\x00" + wire.frame_topic(name))

    def ask_rate(self, name, fps):
        """To the producers that are connected; new ones have to be told anew."""
        self.send(wire.pack_rate(wire.RateRequest(name, fps)))

    def send(self, message):
        self._outbox.put(message)

    def wait_announcement(self, predicate=lambda announcement: True, since=None):
        """The next announcement like that, from now on or from the one of that index."""
        return self._wait(self.announcements, predicate, since)

    def wait_frame(self, predicate=lambda frame: True, since=None):
        """The next frame like that, from now on or from the frame of that index."""
        return self._wait(self.frames, predicate, since)

    def _wait(self, received, predicate, since=None):
        seen = len(received) if since is None else since
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            while seen < len(received):
                seen += 1
                if predicate(received[seen - 1]):
                    return received[seen - 1]
            time.sleep(_TURN_MS / 1000)
        raise AssertionError(f"nothing like that came; {received}")

    def _run(self):
        while not self._is_closed:
            while not self._outbox.empty():
                self._socket.send(self._outbox.get())
            if not self._socket.poll(_TURN_MS) or not self._is_reading:
                time.sleep(_TURN_MS / 1000)
                continue
            self._take(self._socket.recv_multipart())

    def _take(self, parts):
        if parts[0].startswith(b"@") and len(parts) == 2:
            said = wire.unpack_announcement(parts[1])
            self.announcements.append(said)
            if said.ring and not said.ring.confirmed and self.ring_verdict is not None:
                self._judge(parts[0][1:-1].decode(), said.instance, said.ring)
        elif parts[-1] and len(parts) in (2, 3):
            self.frames.append(Frame(parts, self.rings))
        else:
            self.others.append(parts)

    def _judge(self, name, instance, offer):
        reason = self.ring_verdict
        if not reason and (instance, offer.number) not in self.rings:
            path = f"{self._directory(offer.place)}/headcam-{instance:016x}-{offer.number}.ring"
            try:
                self.rings[instance, offer.number] = ReadRing(path, instance, offer.number)
            except OSError as error:
                reason = str(error)
        verdict = RingVerdict(name, instance, offer.number, not reason, reason)
        self.send(wire.pack_ring_verdict(verdict))

    def _directory(self, place):
        if place is Place.SHM:
            return ring.SHM
        return os.path.dirname(endpoints.socket_path(self.endpoint))


def wait_until(predicate, what="the condition"):
    """Waits until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not predicate():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.002)
