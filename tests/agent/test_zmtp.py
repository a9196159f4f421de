# SPDX-License-Identifier: MIT
"""zmtp and subscriptions: byte by byte, against bytes written from the specifications."""

import itertools
import random

import pytest

from headcam.sockets import subscriptions, zmtp
from headcam.sockets.subscriptions import Subscriptions
from headcam.sockets.zmtp import Session

# As libzmq 4.3 greets and gets ready: it leaves a size in the signature, and says 3.1.
GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f" + b"\x03\x01" + b"NULL" + bytes(16) + bytes(32)
READY = b"\x04\x27\x05READY\x0bSocket-Type\0\0\0\x04XSUB\x08Identity\0\0\0\0"
XPUB_READY = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB"


@pytest.fixture
def session():
    """One whose handshake is done."""
    session = Session()
    session.receive(GREETING + READY)
    session.take_replies()
    return session


# ---- greeting and handshake ----


def test_our_greeting_is_the_specifications():
    assert len(zmtp.GREETING) == 64
    assert zmtp.GREETING[:12] == b"\xff" + bytes(8) + b"\x7f\x03\x00"
    assert zmtp.GREETING[12:] == b"NULL" + bytes(48)


def test_a_handshake_byte_by_byte():
    session = Session()
    for octet in GREETING:
        assert session.take_replies() == b""
        session.receive(bytes([octet]))
    assert session.take_replies() == XPUB_READY
    for octet in READY:
        assert not session.is_ready
        session.receive(bytes([octet]))
    assert session.is_ready
    assert session.take_replies() == b""


@pytest.mark.parametrize("socket_type", [b"SUB", b"XSUB"])
def test_subscribers_are_welcome_in_any_spelling(socket_type):
    session = Session()
    name = b"\x0bsocket-TYPE" + bytes([0, 0, 0, len(socket_type)]) + socket_type
    session.receive(GREETING + zmtp.command(b"READY", b"\x05X-Any\0\0\0\x01x" + name))
    assert session.is_ready


@pytest.mark.parametrize(
    "said, error, sentence",
    [
        (b"H", zmtp.NotZmtp, "says 'H'"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", zmtp.NotZmtp, "says 'HTTP/1.1 400 Bad"),
        (b"\xff" * 9 + b"\x00", zmtp.NotZmtp, "ZeroMQ's protocol"),
        (b"\x01\x00", zmtp.NotZmtp, "ZeroMQ's protocol"),
        (b"\xff" + bytes(8) + b"\x7f\x01", zmtp.UnsupportedPeer, "older than ZMTP 3.0"),
        (GREETING.replace(b"NULL\0", b"CURVE"), zmtp.UnsupportedPeer, "mechanism 'CURVE'"),
        (GREETING + zmtp.ready(b"DEALER"), zmtp.UnsupportedPeer, "type 'DEALER', not XSUB"),
        (GREETING + zmtp.command(b"READY"), zmtp.UnsupportedPeer, "type ''"),
        (GREETING + zmtp.command(b"ERROR", b"\x06No way"), zmtp.PeerRefused, "'No way'"),
        (GREETING + zmtp.command(b"HELLO"), zmtp.BadFrame, "'HELLO' before its READY"),
        (GREETING + b"\x00\x02\x01@", zmtp.BadFrame, "a message before its READY"),
        (GREETING + READY[:-1].replace(b"\x27", b"\x26"), zmtp.BadFrame, "without an end"),
        (GREETING + zmtp.command(b"READY", b"\xff"), zmtp.BadFrame, "without an end"),
    ],
)
def test_who_is_no_subscriber_is_named(said, error, sentence):
    with pytest.raises(error, match=sentence):
        Session().receive(said)


def test_later_versions_are_welcome():
    """A newer peer speaks the older one's version."""
    session = Session()
    session.receive(GREETING.replace(b"\x7f\x03\x01", b"\x7f\x04\x07") + READY)
    assert session.is_ready


# ---- frames ----


@pytest.mark.parametrize(
    "count, head",
    [
        (0, b"\x00\x00"),
        (255, b"\x00\xff"),
        (256, b"\x02\0\0\0\0\0\0\x01\x00"),
        (8294400, b"\x02\0\0\0\0\0\x7e\x90\0"),
    ],
)
def test_a_frame_begins_as_specified(count, head):
    assert zmtp.frame_head(count) == head
    assert zmtp.frame_head(count, has_more=True) == bytes([head[0] | 1]) + head[1:]
    assert zmtp.frame_head(count, is_command=True) == bytes([head[0] | 4]) + head[1:]


def test_messages_come_through_cut_anywhere():
    said = (
        b"\x00\x02\x01@"  # a subscription as in 3.0
        + b"\x04\x10\x09SUBSCRIBEfront/"  # as in 3.1
        + b"\x02\0\0\0\0\0\0\0\x03\x02ab"  # a long frame that need not be one
        + b"\x00\x00"
        + b"\x01\x01a\x00\x01b"  # two parts
        + b"\x02\0\0\0\0\0\0\x01\x00" + bytes(256)
        + b"\x04\x0d\x06CANCELfront/"
        + b"\x00\x02\x00@"
    )  # fmt: skip
    heard = [b"\x01@", b"\x01front/", b"\x02ab", b"", b"a", b"b", bytes(256), b"\x00front/", b"\0@"]
    whole = GREETING + READY + said
    assert Session().receive(whole) == heard
    for cut in range(len(whole)):
        session = Session()
        assert session.receive(whole[:cut]) + session.receive(whole[cut:]) == heard
    session = Session()
    one_by_one = [session.receive(bytes([octet])) for octet in whole]
    assert list(itertools.chain(*one_by_one)) == heard


def test_a_ping_is_answered(session):
    assert session.receive(b"\x04\x0a\x04PING\x00\x0aabc") == []
    assert session.take_replies() == b"\x04\x08\x04PONGabc"
    assert session.take_replies() == b""


def test_unknown_commands_are_ignored(session):
    assert session.receive(zmtp.command(b"SING", b"la") + b"\x00\x01x") == [b"x"]
    assert session.take_replies() == b""


@pytest.mark.parametrize(
    "said, error, sentence",
    [
        (b"\x08\x00", zmtp.BadFrame, "flags 0x08"),
        (b"\x05\x01", zmtp.BadFrame, "flags 0x05"),
        (b"\x04\x00", zmtp.BadFrame, "no name"),
        (b"\x04\x01\x00", zmtp.BadFrame, "no name"),
        (b"\x04\x02\x05P", zmtp.BadFrame, "no name"),
        (zmtp.command(b"PING", b"\x00"), zmtp.BadFrame, "PING of 1 bytes"),
        (zmtp.command(b"PING", bytes(19)), zmtp.BadFrame, "PING of 19 bytes"),
        (zmtp.command(b"ERROR", b"\x03off"), zmtp.PeerRefused, "'off'"),
        (b"\x02\0\0\0\0\0\x01\0\x01", zmtp.TooLarge, "65537 bytes; at most 65536"),
        (b"\x02" + b"\xff" * 8, zmtp.TooLarge, "18446744073709551615 bytes"),
        (b"\x06" + b"\xff" * 8, zmtp.TooLarge, "bytes"),
    ],
)
def test_what_cannot_be_is_named(session, said, error, sentence):
    with pytest.raises(error, match=sentence):
        session.receive(said)


def test_the_largest_message_fits(session):
    body = bytes(zmtp.UPSTREAM_MAX)
    assert session.receive(zmtp.frame_head(len(body)) + body) == [body]


def test_garbage_ends_a_session_and_nothing_else():
    """Whatever comes, there are messages or a ProtocolError; and never much is kept."""
    generator = random.Random(7)
    beginnings = [b"", GREETING, GREETING + READY]
    for _ in range(3000):
        session = Session()
        octets = bytes(generator.choices(range(256), [20] * 8 + [1] * 248, k=200))
        try:
            session.receive(generator.choice(beginnings))
            for cut in range(0, 200, 20):
                session.receive(octets[cut:cut + 20])
        except zmtp.ProtocolError as error:
            assert str(error)


# ---- subscriptions ----


def test_a_topic_is_a_prefix():
    wanted = Subscriptions()
    assert not wanted.match(b"front/")
    assert wanted.feed(b"\x01fr")
    assert wanted.match(b"front/") and wanted.match(b"fr")
    assert not wanted.match(b"f") and not wanted.match(b"@front/")
    assert wanted.feed(b"\x01")
    assert wanted.match(b"") and wanted.match(b"@front/")
    assert sorted(wanted.endings()) == [b"\x00", b"\x00fr"]


def test_only_news_is_told():
    wanted = Subscriptions()
    said = b"\0a", b"\x01a", b"\x01a", b"\0a", b"\0a", b"\2a"
    assert [wanted.feed(message) for message in said] == [False, True, False, True, False, True]
    assert not wanted.match(b"a") and wanted.endings() == []


def test_a_flood_of_topics_is_refused(monkeypatch):
    monkeypatch.setattr(subscriptions, "TOPICS_MAX_BYTES", 10_000)
    wanted = Subscriptions()
    for _ in range(1000):  # what ended takes no room
        wanted.feed(b"\x01front/")
        wanted.feed(b"\x00front/")
    with pytest.raises(zmtp.TooLarge, match="over 10000 bytes of topics"):
        for number in range(1000):
            wanted.feed(b"\x01%d" % number)
    assert len(wanted.endings()) > 50
