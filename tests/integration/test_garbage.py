# SPDX-License-Identifier: MIT
"""What does not fit is dropped, counted and logged; the good streams beside it do not notice."""

from __future__ import annotations

import json
import random
import socket
import time
from typing import Any

import pytest
from testlib import pictures
from testlib.http import TIMEOUT_S, receive_all
from testlib.mjpeg import Viewer
from testlib.producer import Link, Producer, header
from testlib.waiting import hold, wait_until

PIXELS = bytes(16 * 16 * 3)
JPEG = pictures.encode(pictures.scene(16, 16))
CAMERA, ANNOUNCES = b"camera/", b"@camera/"


def announcement(**changes: Any) -> bytes:
    """A good one, but for the changes; None leaves a key out."""
    members = {"headcam": 1, "instance": "0000000000000001", "state": "live", **changes}
    return json.dumps({key: value for key, value in members.items() if value is not None}).encode()


def jpeg_header(jpeg: bytes, **changes: Any) -> bytes:
    """The header of a 16x16 JPEG, but for the changes."""
    fields: dict[str, Any] = {"pixel_format": 16, "stride": 0, "payload": len(jpeg), **changes}
    return header(**fields)


#: (counter, what is wrong, parts)
BAD_MESSAGES = [
    ("parts", "one part", [CAMERA]),
    ("parts", "no pixels", [CAMERA, header()]),
    ("parts", "four parts", [CAMERA, header(), PIXELS, b""]),
    ("parts", "twenty parts", [CAMERA, header(), PIXELS] + [b"more"] * 17),
    ("parts", "an announcement alone", [ANNOUNCES]),
    ("parts", "an announcement in three parts", [ANNOUNCES, announcement(), b""]),
    ("topic", "nothing", [b""]),
    ("topic", "unknown", [b"weather", b"rain", b"all day"]),
    ("topic", "no name", [b"/", header(), PIXELS]),
    ("topic", "no name to announce", [b"@/", announcement()]),
    ("topic", "two names", [b"a/b/", header(), PIXELS]),
    ("topic", "a name with a zero", [b"cam\0era/", header(), PIXELS]),
    ("topic", "a name that is too long", [b"x" * 65 + b"/", header(), PIXELS]),
    ("topic", "a name of another alphabet", ["κάμερα/".encode(), header(), PIXELS]),
    ("topic", "a megabyte", [b"x" * (1 << 20)]),
    ("header", "empty", [CAMERA, b"", PIXELS]),
    ("header", "short", [CAMERA, header()[:79], PIXELS]),
    ("header", "half an update", [CAMERA, header(header_bytes=84, update=1)[:84], PIXELS]),
    ("header", "shorter than it says", [CAMERA, header(header_bytes=96), PIXELS]),
    ("header", "longer than it says", [CAMERA, header() + bytes(16), PIXELS]),
    ("magic", "another's", [CAMERA, header(magic=b"RIFF"), PIXELS]),
    ("magic", "noise", [CAMERA, bytes(range(80)), PIXELS]),
    ("version", "0", [CAMERA, header(version=0), PIXELS]),
    ("version", "of the future", [CAMERA, header(version=2), PIXELS]),
    ("field", "no instance", [CAMERA, header(instance=0), PIXELS]),
    ("field", "no width", [CAMERA, header(width=0), PIXELS]),
    ("field", "no height", [CAMERA, header(height=0, stride=48), PIXELS]),
    ("field", "too wide", [CAMERA, header(width=65501, height=1), PIXELS]),
    ("field", "too high", [CAMERA, header(width=1, height=2**32 - 1), PIXELS]),
    ("field", "rows that overlap", [CAMERA, header(stride=47), PIXELS]),
    ("field", "no such format", [CAMERA, header(pixel_format=6), PIXELS]),
    ("field", "no such place", [CAMERA, header(location=2), PIXELS]),
    ("field", "flags", [CAMERA, header(flags=2), PIXELS]),
    ("field", "reserved", [CAMERA, header(reserved=1), PIXELS]),
    ("field", "a slot of no ring", [CAMERA, header(slot=1), PIXELS]),
    ("field", "a slot's sequence of no ring", [CAMERA, header(slot_sequence=2), PIXELS]),
    ("field", "a JPEG with a stride", [CAMERA, jpeg_header(JPEG, stride=48), JPEG]),
    ("size", "no pixels at all", [CAMERA, header(), b""]),
    ("size", "a pixel too few", [CAMERA, header(), PIXELS[:-1]]),
    ("size", "a pixel too many", [CAMERA, header(), PIXELS + b"\0"]),
    ("size", "a header that knows of too few", [CAMERA, header(payload=767), PIXELS[:-1]]),
    ("size", "a header that knows of too many", [CAMERA, header(payload=769), PIXELS + b"\0"]),
    ("size", "more than there is", [CAMERA, header(payload=2**64 - 1), PIXELS]),
    ("size", "a picture of 17 GB", [CAMERA, header(width=65500, height=65500), PIXELS]),
    ("size", "a stride of 4 GB", [CAMERA, header(stride=2**32 - 1), PIXELS]),
    ("size", "an empty JPEG", [CAMERA, jpeg_header(b""), b""]),
    ("size", "half a JPEG", [CAMERA, jpeg_header(JPEG), JPEG[:100]]),
    ("jpeg", "one without an end", [CAMERA, jpeg_header(JPEG[:-2]), JPEG[:-2]]),
    ("jpeg", "one without a beginning", [CAMERA, jpeg_header(JPEG[2:]), JPEG[2:]]),
    ("jpeg", "one of another size", [CAMERA, jpeg_header(JPEG, width=17), JPEG]),
    ("jpeg", "beginning and end", [CAMERA, jpeg_header(b"\xff\xd8\xff\xd9"), b"\xff\xd8\xff\xd9"]),
    ("jpeg", "pixels", [CAMERA, jpeg_header(PIXELS), PIXELS]),
    ("announcement", "nothing", [ANNOUNCES, b""]),
    ("announcement", "no JSON", [ANNOUNCES, b"{live: yes}"]),
    ("announcement", "half of it", [ANNOUNCES, announcement()[:-1]]),
    ("announcement", "no object", [ANNOUNCES, b"[1]"]),
    ("announcement", "no text", [ANNOUNCES, b"\xff\xfe\x00\x01"]),
    ("announcement", "very deep", [ANNOUNCES, b"[" * 4096]),
    ("announcement", "very long", [ANNOUNCES, announcement(reason="x" * 4096)]),
    ("announcement", "of another version", [ANNOUNCES, announcement(headcam=2)]),
    ("announcement", "of no version", [ANNOUNCES, announcement(headcam=None)]),
    ("announcement", "of no instance", [ANNOUNCES, announcement(instance=None)]),
    ("announcement", "of instance 0", [ANNOUNCES, announcement(instance="0" * 16)]),
    ("announcement", "of an odd instance", [ANNOUNCES, announcement(instance="0x00000000000001")]),
    ("announcement", "of a short instance", [ANNOUNCES, announcement(instance="1")]),
    ("announcement", "of an instance as a number", [ANNOUNCES, announcement(instance=1)]),
    ("announcement", "of no state", [ANNOUNCES, announcement(state=None)]),
    ("announcement", "of an unknown state", [ANNOUNCES, announcement(state="lost")]),
    ("announcement", "a negative width", [ANNOUNCES, announcement(width=-1)]),
    ("announcement", "half a pixel", [ANNOUNCES, announcement(height=0.5)]),
    ("announcement", "a reason that is a number", [ANNOUNCES, announcement(reason=7)]),
    ("announcement", "an unknown format", [ANNOUNCES, announcement(format="NV12")]),
    ("announcement", "a rate in words", [ANNOUNCES, announcement(fps="many")]),
    ("announcement", "a negative rate", [ANNOUNCES, announcement(fps=-30)]),
]


def test_each_fault_has_its_counter(server: Any, connect: Any) -> None:
    """One message, one count, under the documented name; no stream comes of any of it."""
    vandal = connect(server, is_open=True, kind=Link)
    vandal.wait_connected()
    expected = dict.fromkeys(server.status()["ingest"]["rejected"], 0)
    for counter, what, parts in BAD_MESSAGES:
        vandal.send(*parts)
        expected["total"] += 1
        expected[counter] += 1
        wait_until(
            lambda: server.rejected() >= expected["total"], what=f"{counter}, {what}: is counted"
        )
        assert server.status()["ingest"]["rejected"] == expected, f"{counter}: {what}"
    status = server.status()
    assert status["streams"] == []
    assert status["ingest"]["messages"] == len(BAD_MESSAGES)


def test_what_looks_odd_but_fits_is_taken(server: Any, connect: Any) -> None:
    """Room for later versions and for producers of all kinds."""
    producer = connect(server, is_open=True, kind=Link)
    producer.wait_connected()
    viewer = server.watch("/stream/camera")
    odd = announcement(ring={"path": "x"}, width=None, fps=0, reason="", later=[1])
    producer.send(ANNOUNCES, odd)
    wait_until(lambda: b"\x01" + CAMERA in producer.upstream, what="the stream is asked for")
    good = [
        [CAMERA, header(header_bytes=96) + bytes(16), PIXELS],
        [CAMERA, header(sequence=2**64 - 1, capture_ns=0), b"\x40" * 768],
        [CAMERA, header(sequence=3, sim_ns=2**63 - 1, capture_ns=2**64 - 1), b"\x80" * 768],
        [CAMERA, header(sequence=4, stride=64), b"\xc0" * 64 * 16],
        [CAMERA, header(sequence=5, stride=64, payload=64 * 15 + 48), b"\xff" * (64 * 15 + 48)],
        [CAMERA, jpeg_header(JPEG, sequence=6), JPEG],
        [CAMERA, header(sequence=7, update=2**64 - 1), b"\x20" * 768],
    ]
    for parts in good:
        producer.send(*parts)
        viewer.next("live")
    assert server.rejected() == 0
    assert [p.sequence for p in viewer.parts if p.state == "live"] == [1, 2**64 - 1, 3, 4, 5, 6, 7]


def random_message(dice: random.Random) -> list[bytes]:
    """Anything: noise, or a good message with a few bytes changed."""
    if dice.random() < 0.3:
        return [dice.randbytes(dice.randrange(200)) for _ in range(dice.randrange(1, 6))]
    parts = dice.choice(
        [
            [CAMERA, header(), PIXELS],
            [CAMERA, jpeg_header(JPEG), JPEG],
            [ANNOUNCES, announcement(width=16, height=16, format="RGB", reason="why")],
        ]
    )
    damaged = [bytearray(part) for part in parts]
    for _ in range(dice.randrange(1, 4)):
        part = dice.choice(damaged)
        if part:
            part[dice.randrange(len(part))] = dice.randrange(256)
    if dice.random() < 0.2:
        damaged[-1] = damaged[-1][:dice.randrange(len(damaged[-1]) + 1)]
    return [bytes(part) for part in damaged]


def share_lost(viewer: Viewer, since: int) -> float:
    """Which part of the frames from that sequence on was not seen."""
    seen = {part.sequence for part in viewer.seen()[0] if part.sequence >= since}
    return 1 - len(seen) / (max(seen) - since + 1)


def test_10_000_random_messages_cost_a_good_stream_nothing(server: Any, connect: Any) -> None:
    """Its viewer sees frame after frame; the log gets a line a second, not 10 000."""
    good = connect(server, "good", 320, 240, "JPEG", stride=0)
    good.play(30, pictures.encode(pictures.scene(320, 240)))
    viewer = server.watch("/stream/good")
    first = viewer.next("live").sequence
    viewer.next("live", where=lambda part: part.sequence >= first + 50)
    before = share_lost(viewer, first)

    vandal = connect(server, is_open=True, kind=Link)
    vandal.wait_connected()
    dice = random.Random(20240229)
    began_s = time.monotonic()
    first = viewer.skip().next("live").sequence
    for _ in range(50):
        for _ in range(200):
            vandal.send(*random_message(dice))
        viewer.skip().next("live")
    wait_until(lambda: server.status()["ingest"]["messages"] > 10_000, 60, "all of it is read")
    seconds = time.monotonic() - began_s
    during = share_lost(viewer, first)

    assert during <= before + 0.07, f"{before:.1%} were lost before, {during:.1%} beside garbage"
    sequences = [part.sequence for part in viewer.parts if part.state == "live"]
    assert sequences == sorted(set(sequences))
    assert server.rejected() > 5000
    lines = server.log().count("message dropped")
    assert 1 <= lines <= seconds + 3
    assert server.snapshot("/good").status == 200


def changes_of_mind(index: int) -> tuple[bytes, bytes]:
    """An announcement: the stream is there and not, again and again."""
    return ANNOUNCES, announcement(state=("live", "stalled")[index % 2])


def names_that_come_and_go(index: int) -> tuple[bytes, bytes]:
    """An announcement: each is another stream, which is over."""
    return b"@camera-%d/" % index, announcement(state="ended")


def rings_that_are_not_there(index: int) -> tuple[bytes, bytes]:
    """An announcement: each with another ring."""
    ring = {"number": index + 1, "place": "shm", "confirmed": False}
    return ANNOUNCES, announcement(ring=ring)


@pytest.mark.parametrize(
    ("flood", "words", "most"),
    [
        (changes_of_mind, "stream camera: ", 64),
        (names_that_come_and_go, "stream camera-", 64),
        (rings_that_are_not_there, "its frames come inline", 20),
    ],
)
def test_a_producer_does_not_fill_the_log(
    start_server: Any, connect: Any, flood: Any, words: str, most: int
) -> None:
    """Whatever it announces, and however often, it is so many lines a second."""
    server = start_server("--max-streams", "4")
    vandal = connect(server, is_open=True, kind=Link)
    vandal.wait_connected()
    began_s = time.monotonic()
    for index in range(5000):
        vandal.send(*flood(index))
    wait_until(lambda: server.status()["ingest"]["messages"] == 5000, 60, "all of it is read")
    seconds = time.monotonic() - began_s
    assert 1 <= server.log().count(words) <= most * (seconds + 2)


def test_noise_on_the_socket_itself(server: Any, connect: Any) -> None:
    """Programs that do not even speak ZeroMQ."""
    good = connect(server, "good", 16, 16).play(30)
    viewer = server.watch("/stream/good")
    dice = random.Random(7)
    greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + bytes(48)
    for start in (b"", b"GET / HTTP/1.1\r\n\r\n", greeting, greeting + b"\x04\x26\x05READY"):
        with socket.socket(socket.AF_UNIX) as intruder:
            intruder.settimeout(TIMEOUT_S)
            intruder.connect(str(server.socket_path))
            try:
                intruder.sendall(start + dice.randbytes(5000))
                intruder.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it hung up on us: as good an answer as any
            receive_all(intruder)
        viewer.skip().next("live")
    assert good.is_wanted


def test_a_frame_beyond_the_limit_is_not_even_received(start_server: Any, connect: Any) -> None:
    """--max-frame-bytes bounds the server's memory, whatever a header says."""
    server = start_server("--max-frame-bytes", "65536")
    good = connect(server, "good", 16, 16).play(30)
    viewer = server.watch("/stream/good")
    viewer.next("live")
    vandal = connect(server, is_open=True, kind=Link)
    vandal.wait_connected()

    vandal.send(CAMERA, header(width=200, height=200), bytes(120_000))
    wait_until(lambda: server.rejected("size") == 1, what="it is counted")
    server.wait_log("--max-frame-bytes")
    vandal.send(CAMERA, header(width=200, height=200), bytes(10_000_000))
    wait_until(lambda: vandal.upstream.count(b"\x01@") == 2, what="it is cut off, and comes again")

    viewer.skip().next("live")
    assert good.is_wanted and server.rejected() == 1


@pytest.mark.parametrize(
    ("changes", "inline"),
    [
        ({"payload": 120_000, "width": 200, "height": 200}, [bytes(120_000)]),  # --max-frame-bytes
        ({"pixel_format": 16, "stride": 0, "payload": 768}, [PIXELS]),  # no JPEG
        ({"width": 0}, [PIXELS]),
        ({"instance": 0}, [PIXELS]),
        ({"location": 1, "reserved": 1, "slot_sequence": 2}, []),  # a ring that nobody reads
        ({}, []),
        ({}, [PIXELS[1:]]),
        ({"flags": 3}, [PIXELS]),
    ],
)
def test_a_refused_frame_is_acknowledged(
    start_server: Any, connect: Any, changes: dict[str, int], inline: list[bytes]
) -> None:
    """Who waits for the answer before it sends more would stand still otherwise."""
    server = start_server("--max-frame-bytes", "65536")
    origin = connect(server, is_open=True, kind=Link)
    origin.wait_connected()
    fields = {"flags": 1, "instance": 7, "sequence": 11, **changes}
    origin.send(CAMERA, header(**fields), *inline)
    numbers = [fields[key].to_bytes(8, "little") for key in ("instance", "sequence")]
    answer = b"\x04\x06camera" + b"".join(numbers)
    wait_until(lambda: answer in origin.upstream, what="an acknowledgement")
    assert server.rejected() == 1


def test_a_name_belongs_to_the_first_until_it_is_silent(server: Any, connect: Any) -> None:
    """Two cameras with one name do not flicker: one is shown, the other counted and logged."""
    first = connect(server, "front", 16, 16, agent="first").play(20)
    server.wait_state("front")
    viewer = server.watch("/stream/front")
    viewer.next("live")
    second = connect(server, "front", 32, 32, agent="second").play(20)

    def front() -> Any:
        return server.stream("front")

    wait_until(lambda: front()["conflicts"] > 5, what="conflicts")
    hold(lambda: front()["agent"]["name"] == "first", 0.5, "the second took the name")
    rejected = server.status()["ingest"]["rejected"]
    assert rejected["conflict"] == rejected["total"] >= 5
    server.wait_log("another producer has this name")
    assert all(pictures.size(part.jpeg) == (16, 16) for part in viewer.skip().wait_more(5))

    first.pause()
    said_s = time.monotonic()
    first.announce(version="the last word")
    wait_until(lambda: front()["agent"]["version"] == "the last word", what="it is heard")
    first.close()
    wait_until(lambda: front()["agent"]["name"] == "second", what="the second takes over")
    assert time.monotonic() - said_s >= 2.0
    viewer.skip().next("live", where=lambda part: pictures.size(part.jpeg) == (32, 32))
    assert second.is_wanted

    second.announce(state="ended")  # and goes on to do so: it never gets silent
    third = connect(server, "front", 16, 16, agent="third")
    wait_until(lambda: front()["agent"]["name"] == "third", what="goodbye frees a name")
    assert isinstance(third, Producer)


REASONS = {
    "line feed": "line\nfeed 2026",
    "escape": "\x1b[31mred",
    "umlaut": "die Szene lädt",
    "long": "x" * 999,
    "long, in two bytes each": "ä" * 300,
    "long, in three bytes each": "シ" * 300,
}


@pytest.mark.parametrize("text", REASONS.values(), ids=REASONS)
def test_a_reason_is_shown_and_never_forges_a_log_line(
    server: Any, connect: Any, text: str
) -> None:
    """Text from outside is text, in /status and in the log."""
    connect(server, "front", state="stalled", reason=text)
    reason = server.wait_state("front", "stalled")["reason"]
    assert reason[:80] == text[:80] and text.startswith(reason)
    server.wait_log("stream front: stalled")
    lines = server.log().splitlines()
    assert all(line[:2] == "20" and "\x1b" not in line for line in lines)
