# SPDX-License-Identifier: MIT
"""rings: which ring there is, told from frames' sizes and the server's messages."""

import os
import pathlib
import threading

import pytest

from headcam import ring, wire
from headcam.demand import Demand
from headcam.rings import Rings, attend
from headcam.wire import Place, RingOffer, RingVerdict

INSTANCE = 0x0123456789ABCDEF
COMES, GOES = b"\x01@", b"\x00@"


class Agent:
    """Rings, and all around them that a publisher does."""

    def __init__(self, endpoint):
        self.demand = Demand("front", INSTANCE)
        self.demand.feed(COMES)
        self.rings = Rings(endpoint, INSTANCE, self.demand)
        self.offers = []
        self._lock = threading.Lock()

    def attend(self):
        attend(self.rings, self._lock, self._announce)

    def hear(self, *messages):
        for message in messages:
            self.demand.feed(message)
        self.attend()

    def verdict(self, number, reason=""):
        said = RingVerdict("front", INSTANCE, number, not reason, reason)
        self.hear(wire.pack_ring_verdict(said))

    def ask(self, frame_bytes):
        """A frame that finds no ring, and what comes of it."""
        assert self.rings.find(frame_bytes) is None
        self.attend()

    def close(self):
        self.rings.forget()
        for discarded in self.rings.take_discarded():
            discarded.close()

    def _announce(self):
        self.offers.append(self.rings.offer)
        return True


@pytest.fixture
def run(tmpfs):
    (tmpfs / "run").mkdir()
    return tmpfs / "run"


@pytest.fixture
def agent(run):
    it = Agent(f"ipc://{run}/ingest.sock")
    yield it
    it.close()


def names(directory):
    return sorted(path.name.removeprefix("headcam-") for path in directory.iterdir())


def ring_name(number):
    return f"{INSTANCE:016x}-{number}.ring"


def confirmed(agent, frame_bytes=100):
    agent.ask(frame_bytes)
    agent.verdict(agent.rings.ring.number)
    assert agent.rings.find(frame_bytes) is agent.rings.ring is not None
    return agent.rings.ring


def test_before_a_frame_there_is_none(agent, run):
    agent.attend()
    assert names(run) == []
    assert (agent.rings.offer, agent.rings.refusal) == (None, "")
    assert agent.rings.reason == "no frame has asked for a ring yet"


def test_a_frame_asks_for_one_that_holds_it(agent, run):
    assert agent.rings.find(5000) is None
    assert agent.rings.is_waiting
    assert agent.rings.reason == "the ring is being made"
    agent.attend()
    assert not agent.rings.is_waiting
    assert names(run) == [ring_name(1)]
    assert agent.rings.ring.slot_bytes == 8192
    assert agent.rings.offer == RingOffer(1, Place.SOCKET, False)


def test_it_is_used_once_the_server_says_so(agent):
    agent.ask(100)
    assert agent.rings.find(100) is None
    assert "not confirmed" in agent.rings.reason
    agent.verdict(1)
    assert agent.rings.find(100) is agent.rings.ring
    assert agent.rings.offer == RingOffer(1, Place.SOCKET, True)
    assert agent.rings.reason == ""


def test_a_verdict_on_another_number_means_nothing(agent):
    agent.ask(100)
    agent.verdict(2)
    assert agent.rings.find(100) is None
    agent.verdict(2, "no")
    assert agent.rings.ring.number == 1


def test_smaller_frames_fit_and_larger_ones_ask_for_more(agent, run):
    first = confirmed(agent, 4096)
    assert agent.rings.find(1) is first
    agent.ask(4097)
    assert agent.rings.ring.number == 2 and first.is_closed
    assert names(run) == [ring_name(2)]
    assert agent.rings.offer.confirmed is False
    agent.verdict(2)
    assert agent.rings.find(4097) is agent.rings.ring


def test_a_late_verdict_on_the_old_ring_does_not_confirm_the_new(agent):
    confirmed(agent, 4096)
    agent.ask(4097)
    agent.verdict(1)
    assert agent.rings.find(4097) is None


def test_where_one_place_is_refused_the_next_is_offered(agent, run, shm):
    agent.ask(100)
    agent.verdict(1, "cannot open it")
    assert (names(run), names(shm)) == ([], [ring_name(2)])
    assert agent.rings.offer == RingOffer(2, Place.SHM, False)
    agent.verdict(2)
    assert agent.rings.find(100) is agent.rings.ring


def test_refused_everywhere_frames_stay_inline_with_the_servers_reasons(agent, run, shm):
    agent.ask(100)
    agent.verdict(1, "cannot open it")
    agent.verdict(2, "nor this")
    assert names(run) == names(shm) == []
    assert agent.rings.reason == f"{run}: cannot open it; {shm}: nor this"
    assert agent.rings.refusal == agent.rings.reason
    agent.ask(100)
    assert not agent.rings.has_work and agent.rings.offer is None


def test_a_server_that_changes_its_mind_is_believed(agent, run, shm):
    confirmed(agent)
    agent.verdict(1, "no more")
    assert (names(run), names(shm)) == ([], [ring_name(2)])


def test_without_a_tmpfs_beside_the_socket_it_is_in_shared_memory(run, shm):
    agent = Agent("ipc:///proc/ingest.sock")
    agent.ask(100)
    assert agent.rings.offer == RingOffer(1, Place.SHM, False)
    agent.close()


def test_what_cannot_be_made_is_said_and_tried_for_smaller_frames_only(agent, run, monkeypatch):
    def reserve(fd, count, original=ring._reserve):
        if count > 4096 * 5:
            raise OSError(28, "No space left on device")
        return original(fd, count)

    monkeypatch.setattr(ring, "_reserve", reserve)
    agent.ask(4097)
    assert "no room" in agent.rings.refusal
    for _ in range(3):
        assert agent.rings.find(5000) is None
        assert not agent.rings.has_work
    assert confirmed(agent, 4000)
    agent.ask(4097)
    assert agent.rings.find(4000) is not None, "the ring that there is was given up for nothing"


def test_another_server_is_asked_anew(agent, run):
    kept = confirmed(agent)
    agent.hear(GOES)
    assert agent.rings.find(100) is None
    assert agent.rings.offer == RingOffer(1, Place.SOCKET, False)
    agent.hear(COMES)
    assert agent.rings.ring is kept
    agent.verdict(1)
    assert agent.rings.find(100) is kept


def test_a_restart_between_two_looks_is_noticed(agent):
    confirmed(agent)
    agent.hear(GOES, COMES)
    assert agent.rings.find(100) is None


def test_another_server_may_read_what_the_last_one_could_not(agent, run, shm):
    agent.ask(100)
    agent.verdict(1, "no")
    agent.verdict(2, "no")
    agent.hear(GOES, COMES)
    agent.ask(100)
    assert names(run) == [ring_name(4)]


def test_a_directory_that_went_with_the_server_gets_a_new_ring(agent, run):
    confirmed(agent)
    os.unlink(agent.rings.ring.path)
    run.rmdir()
    agent.hear(GOES)
    run.mkdir()
    agent.hear(COMES)
    assert names(run) == [ring_name(2)]
    assert agent.rings.offer == RingOffer(2, Place.SOCKET, False)


def test_a_file_that_was_removed_is_not_the_places_fault_once(agent, run, shm):
    for number in (1, 2):
        if number == 1:
            agent.ask(100)
        os.unlink(agent.rings.ring.path)
        agent.verdict(number, "No such file or directory")
    assert (names(run), names(shm)) == ([], [ring_name(3)])


def test_a_cut_file_is_replaced(agent, run):
    cut = confirmed(agent)
    os.truncate(cut.path, 100)
    assert not agent.rings.is_usable(cut)
    assert agent.rings.find_scratch(100) is None
    agent.ask(100)
    assert agent.rings.ring.number == 2 and cut.is_closed
    assert names(run) == [ring_name(2)]


def test_without_a_server_none_is_made(agent, run):
    agent.demand.feed(GOES)
    agent.ask(100)
    assert names(run) == []
    agent.hear(COMES)
    assert names(run) == [ring_name(1)]


def test_scratch_memory_asks_for_nothing(agent):
    assert agent.rings.find_scratch(100) is None
    assert not agent.rings.has_work
    agent.ask(100)
    assert agent.rings.find_scratch(100) is agent.rings.ring
    assert agent.rings.find_scratch(4097) is None


def test_an_endpoint_that_is_no_file_says_so():
    agent = Agent("tcp://127.0.0.1:5555")
    agent.ask(100)
    assert agent.rings.refusal == agent.rings.reason == "a ring needs an ipc:// endpoint"
    agent.hear(GOES, COMES)
    agent.ask(100)
    assert not agent.rings.is_possible


def test_nothing_is_made_for_a_closed_publisher(agent, run):
    confirmed(agent)
    agent.close()
    assert names(run) == []
    agent.ask(100)
    assert names(run) == []
    assert pathlib.Path(run).exists()
