# SPDX-License-Identifier: MIT
"""wire: byte by byte, against the vectors that the server's tests read as well."""

import json
import math
import pathlib

import pytest

from headcam import wire
from headcam.wire import (
    Announcement,
    FrameHeader,
    Location,
    PixelFormat,
    Place,
    RateRequest,
    RingHeader,
    RingOffer,
    RingVerdict,
    State,
    Verdict,
)

VECTORS = json.loads(
    (pathlib.Path(__file__).parents[1] / "vectors" / "wire.json").read_text(encoding="utf-8")
)


def cases(section, key):
    return [pytest.param(case, id=case["name"]) for case in VECTORS[section] if key in case]


def integer(value):
    return None if value is None else int(value)


def header_of(fields):
    return FrameHeader(
        instance=integer(fields["instance"]),
        sequence=integer(fields["sequence"]),
        capture_time_ns=integer(fields["capture_time_ns"]),
        sim_time_ns=integer(fields["sim_time_ns"]),
        width=fields["width"],
        height=fields["height"],
        stride=fields["stride"],
        format=PixelFormat[fields["format"]],
        location=Location[fields["location"].upper()],
        ring=fields["ring"],
        slot=fields["slot"],
        slot_sequence=integer(fields["slot_sequence"]),
        payload_bytes=integer(fields["payload_bytes"]),
        update=integer(fields["update"]),
    )


@pytest.mark.parametrize("case", cases("headers", "fields"))
def test_a_valid_header_is_read(case):
    header = wire.unpack_header(bytes.fromhex(case["header_hex"]), integer(case["payload_bytes"]))
    assert header == header_of(case["fields"])


@pytest.mark.parametrize("case", cases("headers", "fields"))
def test_a_header_is_packed_to_the_same_bytes(case):
    expected = bytearray.fromhex(case["header_hex"])
    expected[54] &= ~wire.FLAG_ACKNOWLEDGE  # which no agent asks for
    packed = wire.pack_header(header_of(case["fields"]))
    assert len(packed) == wire.HEADER_BYTES
    # Bytes 6 and 7 are the header's own size, which differs in the shorter and longer headers.
    same = expected.ljust(wire.HEADER_BYTES, b"\0")[:wire.HEADER_BYTES]
    assert packed[:6] + packed[8:] == same[:6] + same[8:]
    assert packed[6:8] == wire.HEADER_BYTES.to_bytes(2, "little")


@pytest.mark.parametrize("case", cases("headers", "error"))
def test_a_bad_header_is_refused_for_its_fault(case):
    with pytest.raises(wire.WireError) as caught:
        wire.unpack_header(bytes.fromhex(case["header_hex"]), integer(case["payload_bytes"]))
    assert caught.value.kind == case["error"]
    assert str(caught.value)


@pytest.mark.parametrize("case", cases("headers", "fields"))
def test_the_topic_is_that_of_its_name(case):
    name = case["topic"][:-1]
    assert wire.frame_topic(wire.check_name(name)) == case["topic"].encode()
    assert wire.announcement_topic(name) == b"@" + case["topic"].encode()


PACKERS = {
    RateRequest: wire.pack_rate,
    RingVerdict: wire.pack_ring_verdict,
    Verdict: wire.pack_verdict,
}


def upstream_of(fields):
    if fields["type"] == "rate":
        units = fields["rate_mfps"]
        return RateRequest(fields["name"], units / 1000 if units else math.inf)
    if fields["type"] == "verdict":
        instance = integer(fields["instance"])
        return Verdict(fields["name"], instance, fields["is_taken"], fields["reason"])
    assert fields["type"] == "ring"
    return RingVerdict(
        fields["name"],
        integer(fields["instance"]),
        fields["number"],
        fields["is_read"],
        fields["reason"],
    )


@pytest.mark.parametrize("case", cases("upstream", "fields"))
def test_an_upstream_message_is_read_and_packed(case):
    message = bytes.fromhex(case["hex"])
    said = upstream_of(case["fields"])
    assert wire.unpack_upstream(message) == said
    assert PACKERS[type(said)](said) == message


@pytest.mark.parametrize("case", cases("upstream", "error"))
def test_an_unknown_upstream_message_is_ignored(case):
    assert wire.unpack_upstream(bytes.fromhex(case["hex"])) is None


def test_subscriptions_are_read():
    assert wire.unpack_upstream(b"\x01front/") == wire.Subscription(b"front/", True)
    assert wire.unpack_upstream(b"\x00front/") == wire.Subscription(b"front/", False)
    assert wire.unpack_upstream(b"\x01") == wire.Subscription(b"", True)


@pytest.mark.parametrize("case", cases("announcements", "fields"))
def test_an_announcement_is_read_and_comes_back(case):
    fields = dict(case["fields"])
    fields["instance"] = int(fields["instance"], 16)
    fields["state"] = State(fields["state"])
    fields["format"] = PixelFormat[fields["format"]] if fields["format"] else None
    ring = fields.pop("ring", None)
    if ring is not None:
        fields["ring"] = RingOffer(ring["number"], Place(ring["place"]), ring["confirmed"])
    announcement = Announcement(**fields)
    assert wire.unpack_announcement(case["json"].encode()) == announcement
    assert wire.unpack_announcement(wire.pack_announcement(announcement)) == announcement


@pytest.mark.parametrize("case", cases("announcements", "error"))
def test_a_bad_announcement_is_refused(case):
    with pytest.raises(wire.WireError) as caught:
        wire.unpack_announcement(case["json"].encode())
    assert caught.value.kind == "announcement"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 4000, b"x" * 4097], ids=repr)
def test_bytes_that_are_no_text_are_no_announcement(data):
    with pytest.raises(wire.WireError):
        wire.unpack_announcement(data)


def test_a_reason_that_was_cut_inside_a_character_is_read_up_to_it():
    verdict = RingVerdict("front", 1, 1, False, "x" * 254 + "é")
    message = wire.pack_ring_verdict(verdict)
    assert wire.unpack_upstream(message).reason == "x" * 254


def test_a_header_is_packed_into_a_buffer_that_is_kept():
    header = header_of(cases("headers", "fields")[0].values[0]["fields"])
    buffer = bytearray(b"x" * 100)
    wire.pack_header_into(buffer, header)
    assert buffer == wire.pack_header(header) + b"x" * (100 - wire.HEADER_BYTES)


def test_a_ring_begins_as_the_header_file_says():
    data = wire.pack_ring_header(RingHeader(0x0102030405060708, 9, 4, 0x1000))
    assert data.hex() == "4843" "52494e473031" "0807060504030201" "09000000" "04000000" + (
        "0010000000000000"
    )
    assert wire.unpack_ring_header(data) == RingHeader(0x0102030405060708, 9, 4, 0x1000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HCRING02" + bytes(24),
        wire.pack_ring_header(RingHeader(1, 1, 0, 4096)),
        wire.pack_ring_header(RingHeader(1, 1, 33, 4096)),
        wire.pack_ring_header(RingHeader(1, 1, 4, 0)),
        wire.pack_ring_header(RingHeader(1, 1, 4, 4097)),
    ],
)
def test_what_is_no_ring_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.unpack_ring_header(data)


def test_an_announcement_over_its_limit_is_refused():
    with pytest.raises(wire.WireError):
        wire.pack_announcement(Announcement(1, State.LIVE, reason="x" * 4096))


def test_a_text_without_an_encoding_does_not_stop_the_announcement():
    data = wire.pack_announcement(Announcement(1, State.LIVE, reason="caf\udce9"))
    assert json.loads(data.decode())["reason"] == "caf?"


@pytest.mark.parametrize("name", ["a", "front", "A.b_c-9", "x" * 64, ".."])
def test_names_that_can_be(name):
    assert wire.check_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a/b", "a b", "é", "@a", "a\n", "a\0", None, 7])
def test_names_that_cannot_be(name):
    with pytest.raises(ValueError, match="64 characters"):
        wire.check_name(name)
