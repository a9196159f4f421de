# SPDX-License-Identifier: MIT
"""outbox: every byte in its order, however little the kernel takes, whatever interrupts."""

import ctypes
import random
import socket

import pytest

from headcam.sockets.outbox import Outbox

LARGE = bytes(range(256)) * 40  # not joined with what is before it
LARGE_HEAD = b"\x02" + len(LARGE).to_bytes(8, "big")


class Kernel:
    """Takes up to `room` bytes at a time, then no more."""

    def __init__(self, room=1 << 30):
        self.taken = b""
        self.room = room
        self.calls = 0

    def sendmsg(self, buffers, ancillary, flags):
        assert (ancillary, flags) == ((), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        self.calls += 1
        if not self.room:
            raise BlockingIOError
        data = b"".join(buffers)[:self.room]
        self.taken += data
        return len(data)


def write_all(outbox, kernel):
    while outbox:
        outbox.write(kernel.sendmsg)


def test_a_message_is_framed():
    outbox, kernel = Outbox(3), Kernel()
    message = outbox.add((b"front/", bytearray(b"head"), memoryview(LARGE)))
    assert not message.done
    outbox.write(kernel.sendmsg)
    assert kernel.taken == b"\x01\x06front/\x01\x04head" + LARGE_HEAD + LARGE
    assert (message.done, len(outbox), kernel.calls) == (True, 0, 1)


def test_nothing_to_write_asks_the_kernel_nothing():
    kernel = Kernel()
    Outbox(3).write(kernel.sendmsg)
    assert kernel.calls == 0


@pytest.mark.parametrize("room", [1, 2, 7, 100, 10_000, 20_000])
def test_the_order_holds_however_little_is_taken(room):
    outbox, kernel = Outbox(3), Kernel(room)
    expected = b""
    for number in range(3):
        outbox.add((b"topic", LARGE + bytes([number])))
        expected += b"\x01\x05topic" + LARGE_HEAD[:-1] + b"\x01" + LARGE + bytes([number])
    assert outbox.is_full
    outbox.add_bytes(b"pong")
    write_all(outbox, kernel)
    assert kernel.taken == expected + b"pong"
    assert not outbox.is_full


def test_a_small_last_part_is_copied_at_once():
    outbox, kernel = Outbox(3), Kernel()
    header = bytearray(b"header")
    outbox.add((b"front/", header))
    header[:] = b"HEADER"
    write_all(outbox, kernel)
    assert kernel.taken == b"\x01\x06front/\x00\x06header"


@pytest.mark.parametrize("room", [0, 5, 3000])
def test_a_kept_message_is_the_outboxs_own(room):
    outbox, kernel = Outbox(3), Kernel(room)
    pixels = bytearray(LARGE)
    message = outbox.add((b"t", pixels))
    outbox.write(kernel.sendmsg)
    outbox.keep_last()
    outbox.keep_last()
    pixels[:] = bytes(len(pixels))
    kernel.room = 999
    write_all(outbox, kernel)
    assert kernel.taken == b"\x01\x01t" + LARGE_HEAD + LARGE
    assert message.done


def test_memory_that_was_neither_lent_nor_kept_is_not_trusted():
    """As where an interruption came between: who owns it may have changed it."""
    outbox, kernel = Outbox(3), Kernel(5000)
    message = outbox.add((b"t", bytearray(LARGE)))
    assert not outbox.is_sound
    message.is_lent = True
    assert outbox.is_sound
    outbox.add((b"t", bytearray(LARGE)))
    outbox.write(kernel.sendmsg)
    assert not outbox.is_sound
    outbox.keep_last()
    assert outbox.is_sound
    write_all(outbox, kernel)
    assert outbox.is_sound


def test_lent_memory_is_let_go_when_it_is_done():
    outbox, kernel = Outbox(3), Kernel(5000)
    pixels = bytearray(LARGE)
    message = outbox.add((b"t", pixels))
    outbox.write(kernel.sendmsg)
    with pytest.raises(BufferError):
        pixels.append(0)
    write_all(outbox, kernel)
    assert message.done
    pixels.append(0)


def test_what_is_forgotten_is_done():
    outbox = Outbox(3)
    pixels = bytearray(LARGE)
    messages = [outbox.add((b"t", pixels)) for _ in range(3)]
    outbox.clear()
    outbox.keep_last()
    assert all(message.done for message in messages) and not outbox
    pixels.append(0)


def test_pixels_of_any_shape_are_bytes():
    outbox, kernel = Outbox(3), Kernel(5000)
    rows = ((ctypes.c_uint8 * 128) * 80).from_buffer_copy(LARGE)
    outbox.add((b"t", memoryview(rows)))
    write_all(outbox, kernel)
    assert kernel.taken == b"\x01\x01t" + LARGE_HEAD + LARGE


def test_an_error_loses_nothing():
    """Before the kernel took something; what it took is noted with no step between."""
    generator = random.Random(3)
    outbox, kernel = Outbox(100), Kernel()

    def sendmsg(*arguments):
        if generator.random() < 0.5:
            raise generator.choice([KeyboardInterrupt, MemoryError, OSError])
        kernel.room = generator.randrange(3000)
        return kernel.sendmsg(*arguments)

    expected = b""
    for number in range(20):
        outbox.add((b"t", LARGE))
        expected += b"\x01\x01t" + LARGE_HEAD + LARGE
    while outbox:
        try:
            outbox.write(sendmsg)
        except (KeyboardInterrupt, MemoryError, OSError):
            pass
    assert kernel.taken == expected
