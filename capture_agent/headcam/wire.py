# SPDX-License-Identifier: MIT
"""What a producer and the server say to each other: the mirror of include/headcam/wire.h.

Pure functions over bytes. Nothing here owns a socket, reads a clock or keeps state.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import re
import struct
from collections.abc import Set
from typing import Any

WIRE_VERSION = 1
MAGIC = b"HCAM"
HEADER_BYTES = 88
HEADER_BYTES_LEAST = 80
NAME_MAX = 64
ANNOUNCEMENT_MAX = 4096
DIMENSION_MAX = 65500
NO_SIM_TIME = -(2**63)
NO_UPDATE = 0
VIA_MAX = 8
#: The receiver says that the frame has come: between headcams, not for agents.
FLAG_ACKNOWLEDGE = 1

# Magic, version, header bytes, instance, sequence, capture, sim time, width, height, stride,
# pixel format, location, flags, slot, ring number, slot sequence, payload bytes, update.
_HEADER = struct.Struct("<4sHHQQQqIIIBBHIIQQQ")
assert _HEADER.size == HEADER_BYTES

RING_MAGIC = b"HCRING01"
RING_PAGE = 4096
RING_SLOTS_MAX = 32
# Where the slots' sequences are: a u64 in each of so many bytes.
RING_AT_SEQUENCES = 64
RING_SEQUENCE_STRIDE = 64
# Magic, instance, number, slots, bytes from one slot to the next.
_RING_HEADER = struct.Struct("<8sQIIQ")
# After the name: instance, number, whether the server reads the ring.
_RING_VERDICT = struct.Struct("<QIB")
_VERDICT = struct.Struct("<QB")
_REASON_MAX = 255

_NAME = re.compile(r"[A-Za-z0-9._-]{1,%d}" % NAME_MAX)
_INSTANCE = re.compile(r"[0-9a-fA-F]{16}")
_RATE_UNITS_PER_FPS = 1000
_U32_MAX = 2**32 - 1


class PixelFormat(enum.IntEnum):
    """How the bytes of a payload make a picture."""

    RGBA = 1  #: 4 bytes a pixel, alpha ignored
    BGRA = 2  #: 4 bytes a pixel, alpha ignored
    RGB = 3  #: 3 bytes a pixel
    BGR = 4  #: 3 bytes a pixel
    GRAY8 = 5  #: 1 byte a pixel
    JPEG = 16  #: a whole JPEG, passed through unchanged

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes a pixel; 0 for JPEG, which has no pixels."""
        return _BYTES_PER_PIXEL[self]


_BYTES_PER_PIXEL = {
    PixelFormat.RGBA: 4,
    PixelFormat.BGRA: 4,
    PixelFormat.RGB: 3,
    PixelFormat.BGR: 3,
    PixelFormat.GRAY8: 1,
    PixelFormat.JPEG: 0,
}


class Place(str, enum.Enum):
    """Where a ring's file is."""

    SOCKET = "socket"  #: in the directory of the server's ipc:// socket
    SHM = "shm"  #: in /dev/shm


class Location(enum.IntEnum):
    """Where a frame's pixels are."""

    INLINE = 0  #: in the message's third part
    RING = 1  #: in a slot of the announced ring; there is no third part


class Upstream(enum.IntEnum):
    """First byte of a message from the server; 0 and 1 are ZeroMQ's own."""

    UNSUBSCRIBE = 0
    SUBSCRIBE = 1
    RATE = 2
    RING = 3
    VERDICT = 5


class State(str, enum.Enum):
    """How a stream is, as its producer announces it."""

    STARTING = "starting"  #: the producer runs and has no frame yet
    LIVE = "live"  #: frames come whenever somebody watches
    STALLED = "stalled"  #: there were frames, and now there are none
    ENDED = "ended"  #: goodbye; the name is free


class WireError(ValueError):
    """Bytes that are not what they claim to be.

    `kind` is the server's counter for the same fault: "magic", "version", "header", "field",
    "size", "announcement" or "ring".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclasses.dataclass(frozen=True)
class Stamps:
    """When a picture was taken, by each clock there is; times in nanoseconds.

    `capture_time_ns` is CLOCK_REALTIME, None for the moment at which it is sent; `update` is the
    simulator's update, the same for all pictures taken in it.
    """

    capture_time_ns: int | None = None
    sim_time_ns: int | None = None
    update: int | None = None


@dataclasses.dataclass(frozen=True)
class FrameHeader:
    """A frame's header. Times in nanoseconds, sizes in pixels, stride and payload in bytes."""

    instance: int
    sequence: int
    capture_time_ns: int
    width: int
    height: int
    stride: int
    format: PixelFormat
    payload_bytes: int
    sim_time_ns: int | None = None
    location: Location = Location.INLINE
    ring: int = 0
    slot: int = 0
    slot_sequence: int = 0
    update: int | None = None


@dataclasses.dataclass(frozen=True)
class RingOffer:
    """The ring that a producer offers; `confirmed` once the server has said that it reads it."""

    number: int
    place: Place
    confirmed: bool = False


@dataclasses.dataclass(frozen=True)
class Announcement:
    """What a producer says about its stream, at least once a second.

    `ring_reason` is why it offers no ring.
    """

    instance: int
    state: State
    reason: str = ""
    width: int | None = None
    height: int | None = None
    format: PixelFormat | None = None
    fps: float | None = None
    agent: str = ""
    version: str = ""
    ring: RingOffer | None = None
    ring_reason: str = ""


@dataclasses.dataclass(frozen=True)
class Subscription:
    """The server wants (or no longer wants) every topic that begins with `topic`."""

    topic: bytes
    wanted: bool


@dataclasses.dataclass(frozen=True)
class RateRequest:
    """The highest frame rate that anyone wants of stream `name`; math.inf for every frame."""

    name: str
    fps: float


@dataclasses.dataclass(frozen=True)
class RingVerdict:
    """Whether the server reads the ring that stream `name`'s producer offered, or why not."""

    name: str
    instance: int
    number: int
    is_read: bool
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether the server takes what producer `instance` announces as stream `name`, or why not."""

    name: str
    instance: int
    is_taken: bool
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class RingHeader:
    """What a ring's file begins with; `slot_bytes` from one slot to the next."""

    instance: int
    number: int
    slots: int
    slot_bytes: int


def check_name(name: str) -> str:
    """Returns `name`; raises ValueError where it cannot name a stream."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot name a stream: use 1 to {NAME_MAX} characters of A-Z a-z 0-9 . _ -"
        )
    return name


def frame_topic(name: str) -> bytes:
    """The topic of stream `name`'s frames."""
    return name.encode("ascii") + b"/"


def is_subscribed(topics: Set[bytes], topic: bytes) -> bool:
    """Whether one of the subscribed topics, which are prefixes, covers this one.

    A topic has few prefixes; of subscriptions there may be thousands.
    """
    return any(topic[:end] in topics for end in range(len(topic) + 1))


def announcement_topic(name: str) -> bytes:
    """The topic of stream `name`'s announcements."""
    return b"@" + name.encode("ascii") + b"/"


def pack_header(header: FrameHeader) -> bytes:
    """The header's bytes; struct.error where a field does not fit its own."""
    buffer = bytearray(HEADER_BYTES)
    pack_header_into(buffer, header)
    return bytes(buffer)


def pack_header_into(buffer: bytearray, header: FrameHeader) -> None:
    """pack_header() into the first HEADER_BYTES of a buffer that is kept."""
    sim_time_ns = NO_SIM_TIME if header.sim_time_ns is None else header.sim_time_ns
    update = NO_UPDATE if header.update is None else header.update
    _HEADER.pack_into(
        buffer,
        0,
        MAGIC,
        WIRE_VERSION,
        HEADER_BYTES,
        header.instance,
        header.sequence,
        header.capture_time_ns,
        sim_time_ns,
        header.width,
        header.height,
        header.stride,
        header.format,
        header.location,
        0,
        header.slot,
        header.ring,
        header.slot_sequence,
        header.payload_bytes,
        update,
    )


def unpack_header(data: bytes, payload_bytes: int | None = None) -> FrameHeader:
    """Reads and checks a header: 80 bytes, as the first producers sent it, or 88 and longer.

    `payload_bytes` is the size of the message's third part; None leaves it unchecked, as for a
    frame in a ring. Raises WireError.
    """
    if len(data) < HEADER_BYTES_LEAST:
        raise WireError("header", f"header of {len(data)} bytes, not {HEADER_BYTES}")
    (
        magic, version, header_bytes, instance, sequence, capture_time_ns, sim_time_ns,
        width, height, stride, pixel_format, location, flags, slot, ring, slot_sequence,
        payload, update,
    ) = _HEADER.unpack_from(data.ljust(HEADER_BYTES, b"\0"))  # fmt: skip
    if magic != MAGIC:
        raise WireError("magic", f"header begins with {magic!r}, not {MAGIC!r}")
    if version != WIRE_VERSION:
        raise WireError("version", f"wire version {version}, not {WIRE_VERSION}")
    if header_bytes != len(data):
        raise WireError("header", f"header of {len(data)} bytes says it has {header_bytes}")
    if HEADER_BYTES_LEAST < len(data) < HEADER_BYTES:
        raise WireError("header", f"header of {len(data)} bytes ends inside a field")
    if instance == 0:
        raise WireError("field", "instance is 0")
    if flags & ~FLAG_ACKNOWLEDGE:
        raise WireError("field", f"flags {flags:#x} are not known")
    try:
        pixel_format = PixelFormat(pixel_format)
        location = Location(location)
    except ValueError as error:
        raise WireError("field", str(error)) from None
    if not 1 <= width <= DIMENSION_MAX or not 1 <= height <= DIMENSION_MAX:
        raise WireError("field", f"size {width}x{height} is outside 1 to {DIMENSION_MAX}")
    if location is Location.INLINE and (ring or slot or slot_sequence):
        raise WireError("field", "an inline frame names a ring slot")
    if location is Location.RING and (ring == 0 or slot_sequence == 0 or slot_sequence % 2):
        raise WireError("field", f"sequence {slot_sequence} of ring {ring} is no written slot's")
    if location is Location.RING and pixel_format is PixelFormat.JPEG:
        raise WireError("field", "a JPEG is sent inline, not in a ring")
    row_bytes = width * pixel_format.bytes_per_pixel
    if stride < row_bytes or (pixel_format is PixelFormat.JPEG and stride):
        raise WireError("field", f"stride {stride} does not fit a width of {width}")
    check_payload(payload, height, stride, row_bytes)
    if location is Location.INLINE and payload_bytes not in (None, payload):
        raise WireError("size", f"payload of {payload_bytes} bytes, header says {payload}")
    return FrameHeader(
        instance=instance,
        sequence=sequence,
        capture_time_ns=capture_time_ns,
        width=width,
        height=height,
        stride=stride,
        format=pixel_format,
        payload_bytes=payload,
        sim_time_ns=None if sim_time_ns == NO_SIM_TIME else sim_time_ns,
        location=location,
        ring=ring,
        slot=slot,
        slot_sequence=slot_sequence,
        update=None if update == NO_UPDATE else update,
    )


def check_payload(payload_bytes: int, height: int, stride: int, row_bytes: int) -> None:
    """Raises WireError("size") unless `payload_bytes` can hold the frame; stride 0 for JPEG."""
    if stride == 0:
        if payload_bytes < 1:
            raise WireError("size", "an empty JPEG")
        return
    least = stride * (height - 1) + row_bytes
    most = stride * height
    if not least <= payload_bytes <= most:
        asked = f"{most}" if least == most else f"{least} to {most}"
        raise WireError("size", f"payload of {payload_bytes} bytes, its frame needs {asked}")


def pack_announcement(announcement: Announcement) -> bytes:
    """The announcement's JSON; raises WireError over ANNOUNCEMENT_MAX bytes."""
    members: dict[str, Any] = {
        "headcam": WIRE_VERSION,
        "instance": f"{announcement.instance:016x}",
        "state": announcement.state.value,
        "reason": announcement.reason,
    }
    if announcement.width is not None and announcement.height is not None:
        members["width"] = announcement.width
        members["height"] = announcement.height
    if announcement.format is not None:
        members["format"] = announcement.format.name
    if announcement.fps is not None:
        members["fps"] = announcement.fps
    members["agent"] = announcement.agent
    members["version"] = announcement.version
    ring = announcement.ring
    if ring is not None:
        members["ring"] = {
            "number": ring.number, "place": ring.place.value, "confirmed": ring.confirmed
        }  # fmt: skip
    if announcement.ring_reason:
        members.setdefault("ring", {})["reason"] = announcement.ring_reason
    text = json.dumps(members, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate, as in a file name that is not UTF-8, has no encoding.
    data = text.encode("utf-8", errors="replace")
    if len(data) > ANNOUNCEMENT_MAX:
        raise WireError("announcement", f"announcement of {len(data)} bytes")
    return data


def unpack_announcement(data: bytes) -> Announcement:
    """Reads and checks an announcement. Raises WireError."""
    if len(data) > ANNOUNCEMENT_MAX:
        raise WireError("announcement", f"announcement of {len(data)} bytes")
    try:
        members = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("announcement", f"announcement is not JSON: {error}") from None
    if not isinstance(members, dict):
        raise WireError("announcement", "announcement is not a JSON object")
    try:
        return _announcement_of(members)
    except (KeyError, TypeError, ValueError) as error:
        raise WireError("announcement", f"announcement: {error!r}") from None


def _announcement_of(members: dict[str, Any]) -> Announcement:
    if members["headcam"] != WIRE_VERSION or isinstance(members["headcam"], bool):
        raise ValueError("headcam is not 1")
    instance = members["instance"]
    if not _INSTANCE.fullmatch(instance) or int(instance, 16) == 0:
        raise ValueError("instance is not 16 hexadecimal digits")
    texts: dict[str, Any] = {key: members.get(key, "") for key in ("reason", "agent", "version")}
    if not all(isinstance(text, str) and "\0" not in text for text in texts.values()):
        raise TypeError("a text is not a string, or has a zero character in it")
    sizes: dict[str, Any] = {key: members.get(key) for key in ("width", "height")}
    if not all(size is None or type(size) is int for size in sizes.values()):
        raise TypeError("a size is not an integer")
    fps = members.get("fps")
    if not (fps is None or (isinstance(fps, (int, float)) and not isinstance(fps, bool))):
        raise TypeError("fps is not a number")
    if "via" in members:
        _check_via(members["via"])
    pixel_format = members.get("format")
    ring, ring_reason = _ring_offer_of(members.get("ring"))
    return Announcement(
        instance=int(instance, 16),
        state=State(members["state"]),
        format=None if pixel_format is None else PixelFormat[pixel_format],
        fps=None if fps is None else float(fps),
        ring=ring,
        ring_reason=ring_reason,
        **texts,
        **sizes,
    )


def _check_via(via: Any) -> None:
    """The headcams that an announcement came through; an agent's has no such member."""
    if not isinstance(via, list) or not 1 <= len(via) <= VIA_MAX:
        raise ValueError(f"via is not 1 to {VIA_MAX} instances")
    if not all(_INSTANCE.fullmatch(instance) and int(instance, 16) for instance in via):
        raise ValueError("via has what is no instance")


def _ring_offer_of(members: Any) -> tuple[RingOffer | None, str]:
    if members is None:
        return None, ""
    if not isinstance(members, dict):
        raise TypeError("ring is not an object")
    reason = members.get("reason", "")
    if not isinstance(reason, str) or "\0" in reason:
        raise TypeError("the ring's reason is not a string, or has a zero character in it")
    if "number" not in members:
        return None, reason
    number, confirmed = members["number"], members["confirmed"]
    if type(number) is not int or not 1 <= number <= _U32_MAX or not isinstance(confirmed, bool):
        raise ValueError("the ring's number is not 1 to 2^32 - 1, or confirmed no boolean")
    return RingOffer(number, Place(members["place"]), confirmed), reason


def pack_rate(request: RateRequest) -> bytes:
    """The server's request for a frame rate, in frames per second."""
    name = request.name.encode("ascii")
    units = 0
    if not math.isinf(request.fps):
        units = min(max(round(request.fps * _RATE_UNITS_PER_FPS), 1), _U32_MAX)
    return bytes([Upstream.RATE, len(name)]) + name + struct.pack("<I", units)


def pack_ring_verdict(verdict: RingVerdict) -> bytes:
    """The server's answer to an offered ring; its reason is cut after 255 bytes."""
    fields = _RING_VERDICT.pack(verdict.instance, verdict.number, verdict.is_read)
    return _pack_reasoned(Upstream.RING, verdict.name, fields, verdict.reason)


def pack_verdict(verdict: Verdict) -> bytes:
    """The server's answer to an announcement; its reason is cut after 255 bytes."""
    fields = _VERDICT.pack(verdict.instance, verdict.is_taken)
    return _pack_reasoned(Upstream.VERDICT, verdict.name, fields, verdict.reason)


def _pack_reasoned(kind: Upstream, name: str, fields: bytes, reason: str) -> bytes:
    encoded = name.encode("ascii")
    head = bytes([kind, len(encoded)]) + encoded
    return head + fields + reason.encode("utf-8")[:_REASON_MAX]


def unpack_upstream(message: bytes) -> Subscription | RateRequest | RingVerdict | Verdict | None:
    """What the server said; None for what this version does not know and has to ignore."""
    if not message:
        return None
    kind = message[0]
    if kind in (Upstream.SUBSCRIBE, Upstream.UNSUBSCRIBE):
        return Subscription(bytes(message[1:]), kind == Upstream.SUBSCRIBE)
    if kind == Upstream.RATE:
        return _unpack_rate(message)
    if kind == Upstream.RING:
        return _unpack_ring_verdict(message)
    if kind == Upstream.VERDICT:
        return _unpack_verdict(message)
    return None


def _unpack_name(message: bytes) -> tuple[str, bytes] | None:
    """The stream's name that a message of ours begins with, and the bytes after it."""
    if len(message) < 2 or len(message) < 2 + message[1]:
        return None
    rest = 2 + message[1]
    name = bytes(message[2:rest]).decode("ascii", errors="replace")
    return (name, bytes(message[rest:])) if _NAME.fullmatch(name) else None


def _unpack_rate(message: bytes) -> RateRequest | None:
    named = _unpack_name(message)
    if named is None or len(named[1]) != 4:
        return None
    (units,) = struct.unpack("<I", named[1])
    return RateRequest(named[0], units / _RATE_UNITS_PER_FPS if units else math.inf)


def _unpack_ring_verdict(message: bytes) -> RingVerdict | None:
    parts = _unpack_reasoned(message, _RING_VERDICT)
    if parts is None:
        return None
    name, (instance, number, is_read), reason = parts
    if instance == 0 or number == 0 or is_read > 1:
        return None
    return RingVerdict(name, instance, number, bool(is_read), reason)


def _unpack_verdict(message: bytes) -> Verdict | None:
    parts = _unpack_reasoned(message, _VERDICT)
    if parts is None:
        return None
    name, (instance, is_taken), reason = parts
    if instance == 0 or is_taken > 1:
        return None
    return Verdict(name, instance, bool(is_taken), reason)


def _unpack_reasoned(
    message: bytes, fields: struct.Struct
) -> tuple[str, tuple[int, ...], str] | None:
    """The stream's name, these fields, and the reason that such a message ends with."""
    named = _unpack_name(message)
    if named is None:
        return None
    name, rest = named
    if not fields.size <= len(rest) <= fields.size + _REASON_MAX:
        return None
    # A reason that was cut may end inside a character.
    reason = rest[fields.size:].decode("utf-8", errors="ignore")
    return name, fields.unpack_from(rest), reason


def pack_ring_header(header: RingHeader) -> bytes:
    """The beginning of a ring's file; the sequences, at RING_AT_SEQUENCES, begin at 0."""
    return _RING_HEADER.pack(
        RING_MAGIC, header.instance, header.number, header.slots, header.slot_bytes
    )


def unpack_ring_header(data: bytes) -> RingHeader:
    """Reads a ring's beginning. Raises WireError for what is none."""
    if len(data) < _RING_HEADER.size or data[:len(RING_MAGIC)] != RING_MAGIC:
        raise WireError("ring", f"the ring does not begin with {RING_MAGIC!r}")
    _, instance, number, slots, slot_bytes = _RING_HEADER.unpack_from(data)
    if not 1 <= slots <= RING_SLOTS_MAX or slot_bytes == 0 or slot_bytes % RING_PAGE:
        raise WireError("ring", f"a ring of {slots} slots of {slot_bytes} bytes")
    return RingHeader(instance, number, slots, slot_bytes)
