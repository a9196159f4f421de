# SPDX-License-Identifier: MIT
"""demand: what upstream messages come to."""

import math

from headcam import wire
from headcam.demand import Demand


INSTANCE = 0x0123456789ABCDEF


def rate(fps, name="front"):
    return wire.pack_rate(wire.RateRequest(name, fps))


def fed(*messages):
    demand = Demand("front", INSTANCE)
    for message in messages:
        demand.feed(message)
    return demand


def test_nothing_is_wanted_at_first():
    demand = fed()
    assert (demand.wanted, demand.wanted_fps, demand.connected) == (False, 0.0, False)


def test_a_listening_server_wants_no_frames_yet():
    demand = fed(b"\x01@")
    assert (demand.wanted, demand.connected) == (False, True)


def test_a_subscription_wants_every_frame():
    demand = fed(b"\x01@", b"\x01front/")
    assert (demand.wanted, demand.wanted_fps) == (True, math.inf)


def test_the_rate_counts_while_somebody_watches():
    demand = fed(b"\x01@", rate(12.5))
    assert demand.wanted_fps == 0.0
    demand.feed(b"\x01front/")
    assert demand.wanted_fps == 12.5
    demand.feed(b"\x00front/")
    assert demand.wanted_fps == 0.0
    demand.feed(b"\x01front/")
    assert demand.wanted_fps == 12.5


def test_a_rate_of_zero_lifts_the_limit():
    assert fed(b"\x01@", b"\x01front/", rate(5), rate(math.inf)).wanted_fps == math.inf


def test_other_streams_are_not_ours():
    demand = fed(b"\x01@", b"\x01front2/", b"\x01fro/", b"\x01rear/", rate(5, "rear"))
    assert not demand.wanted
    demand.feed(b"\x01front/")
    assert demand.wanted_fps == math.inf


def test_a_subscription_to_everything_counts():
    demand = fed(b"\x01")
    assert demand.wanted and demand.connected


def test_a_new_server_has_its_own_wishes():
    demand = fed(b"\x01@", b"\x01front/", rate(5), b"\x00@", b"\x00front/")
    assert (demand.wanted, demand.connected) == (False, False)
    demand.feed(b"\x01@")
    demand.feed(b"\x01front/")
    assert demand.wanted_fps == math.inf


def test_what_is_unknown_changes_nothing():
    demand = fed(b"\x01@", b"\x01front/", rate(5), b"", b"\x03\x05front", b"\xff", b"\x02\x05fr")
    assert (demand.wanted, demand.wanted_fps, demand.connected) == (True, 5.0, True)


# ---- the ring ----


def verdict(number=1, is_read=True, name="front", instance=INSTANCE):
    return wire.pack_ring_verdict(wire.RingVerdict(name, instance, number, is_read, "because"))


def test_the_newest_verdict_on_our_ring_counts():
    demand = fed(b"\x01@", verdict(1, False), verdict(2, True))
    assert (demand.ring.number, demand.ring.is_read) == (2, True)
    demand.feed(verdict(2, False))
    assert (demand.ring.is_read, demand.ring.reason) == (False, "because")


def test_verdicts_on_other_rings_are_not_ours():
    assert fed(b"\x01@", verdict(name="rear"), verdict(instance=7)).ring is None


def test_the_end_of_the_subscriptions_takes_the_verdict_back():
    demand = fed(b"\x01@", b"\x01front/", verdict(), b"\x00front/")
    assert demand.ring is not None
    demand.feed(b"\x00@")
    assert demand.ring is None


# ---- refusals ----


def judged(is_taken, name="front", instance=INSTANCE):
    return wire.pack_verdict(wire.Verdict(name, instance, is_taken, "another has this name"))


def test_nobody_watches_what_the_server_refuses():
    demand = fed(b"\x01@", b"\x01front/")
    assert demand.feed(judged(False))
    assert (demand.wanted, demand.wanted_fps) == (False, 0.0)
    assert demand.refusal == "another has this name"
    assert not demand.feed(judged(True))
    assert (demand.wanted, demand.refusal) == (True, "")


def test_what_is_refused_no_more_is_watched_again():
    demand = fed(b"\x01@", b"\x01front/", judged(False))
    demand.forgive()
    assert (demand.wanted, demand.refusal) == (True, "")


def test_refusals_of_others_are_not_ours():
    demand = fed(b"\x01@", b"\x01front/", judged(False, name="rear"), judged(False, instance=7))
    assert (demand.wanted, demand.refusal) == (True, "")


def test_servers_are_counted():
    demand = fed(b"\x01@", b"\x01front/", b"\x00front/")
    assert demand.servers == 1
    for message in (b"\x00@", b"\x01@"):
        demand.feed(message)
    assert demand.servers == 2
