# SPDX-License-Identifier: MIT
"""pacing: which of a camera's ticks become frames. No clock here."""

import math
import random

import pytest

from headcam.pacing import Pacer


def taken(fps, ticks):
    pacer = Pacer()
    return [tick for tick in ticks if pacer.take(tick, fps)]


@pytest.mark.parametrize("fps", [0.5, 5.0, 12.5, 24.0, 25.0, 29.97, 30.0, 59.0])
def test_the_mean_rate_is_the_wanted_one(fps):
    ticks = [i / 60 for i in range(60 * 60)]
    assert len(taken(fps, ticks)) == pytest.approx(60 * fps, abs=1.01)


@pytest.mark.parametrize("jitter_s", [0.001, 0.004])
def test_a_camera_that_jitters_at_the_wanted_rate_loses_next_to_nothing(jitter_s):
    chance = random.Random(7)
    ticks = [i / 30 + chance.uniform(-jitter_s, jitter_s) for i in range(900)]
    assert len(taken(30.0, ticks)) >= 895


def test_every_frame_is_every_frame():
    ticks = [i / 1000 for i in range(100)]
    assert taken(math.inf, ticks) == ticks


def test_nothing_is_due_at_rate_zero():
    pacer = Pacer()
    assert not pacer.take(0.0, 0.0)
    assert pacer.delay(5.0, 0.0) == math.inf


def test_late_frames_do_not_push_the_later_ones_back():
    chance = random.Random(7)
    ticks = [0.0] + [i / 10 + chance.uniform(0.0, 0.09) for i in range(1, 100)]
    assert taken(10.0, ticks) == ticks


def test_after_a_stall_there_is_no_burst():
    pacer = Pacer()
    assert pacer.take(0.0, 10.0)
    burst = [tick for tick in (60.0, 60.001, 60.002, 60.003) if pacer.take(tick, 10.0)]
    assert burst == [60.0]


def test_the_delay_leads_to_the_next_frame():
    pacer = Pacer()
    assert pacer.delay(3.0, 4.0) == 0.0
    assert pacer.take(3.0, 4.0)
    assert pacer.delay(3.1, 4.0) == pytest.approx(0.15)
    assert not pacer.take(3.1, 4.0)
    assert pacer.take(3.25, 4.0)


def test_a_higher_rate_counts_at_once():
    pacer = Pacer()
    assert pacer.take(0.0, 0.1)
    assert pacer.delay(0.2, 0.1) == pytest.approx(9.8)
    assert pacer.delay(0.2, 10.0) == 0.0
    assert pacer.take(0.2, math.inf)


def test_a_lower_rate_counts_from_the_last_frame():
    pacer = Pacer()
    assert pacer.take(0.0, math.inf)
    assert pacer.delay(0.1, 1.0) == pytest.approx(0.9)


def test_a_reset_makes_the_next_frame_due():
    pacer = Pacer()
    assert pacer.take(0.0, 0.1)
    pacer.reset()
    assert pacer.take(0.1, 0.1)
