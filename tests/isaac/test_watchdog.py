# SPDX-License-Identifier: MIT
"""watchdog: an application that stops updating is told of, once each time."""

import threading
import time

import pytest

from headcam.isaac import watchdog
from headcam.isaac.watchdog import Watchdog

DEADLINE_S = 10.0


@pytest.fixture
def told(monkeypatch):
    """A watchdog that is quick, and what it told."""
    monkeypatch.setattr(watchdog, "_SILENT_AFTER_S", 0.2)
    monkeypatch.setattr(watchdog, "_TURN_S", 0.01)
    times = []
    news = threading.Semaphore(0)

    def tell(since):
        times.append(since)
        news.release()

    dog = Watchdog(tell)
    dog.start()
    yield dog, times, news
    dog.end()


def beat_for(dog, seconds):
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        dog.beat()
        time.sleep(0.005)


def test_silence_is_told_once_with_its_beginning(told):
    dog, times, news = told
    began = time.time()
    dog.beat()
    beaten = time.time()
    assert news.acquire(timeout=DEADLINE_S)
    assert began - 0.5 <= times[0] <= beaten + 0.5  # it is worked out from two clocks
    assert not news.acquire(timeout=0.5)


def test_silence_after_new_beats_is_told_again(told, monkeypatch):
    monkeypatch.setattr(watchdog, "_SILENT_AFTER_S", 1.0)
    dog, times, news = told
    for count in (1, 2):
        beat_for(dog, 1.2)
        assert len(times) == count - 1
        assert news.acquire(timeout=DEADLINE_S)


def test_before_the_first_update_nothing_is_late(told):
    _, times, news = told
    assert not news.acquire(timeout=0.5)
    assert times == []


def test_nothing_is_told_after_the_end(told):
    dog, times, news = told
    dog.beat()
    dog.end()
    assert not news.acquire(timeout=0.5)
    dog.end()
