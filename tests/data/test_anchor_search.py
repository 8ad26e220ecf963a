"""Where in a clip a class sounds most: the published search, its edges, and how it is scored."""

from pathlib import Path

import numpy as np
import pytest
import torch

from uss.data.anchor_scoring import is_hit, score_anchors
from uss.data.anchor_search import find_anchors
from uss.tables import Anchor, Event

FIXTURE = Path(__file__).parents[1] / "fixtures" / "anchors.npz"


def test_the_published_search_exactly():
    fixture = np.load(FIXTURE)
    starts, _ = find_anchors(torch.from_numpy(fixture["frame_probability"]), 200, 320)
    np.testing.assert_array_equal(starts.numpy(), fixture["begin_sample"])
    np.testing.assert_array_equal(starts.numpy() + 64000, fixture["end_sample"])


def activity(*ranges, frames=101):
    """(1, frames) probabilities, 0.9 within the ranges and 0.1 elsewhere."""
    result = torch.full((1, frames), 0.1)
    for start, stop in ranges:
        result[:, start:stop] = 0.9
    return result


def test_the_anchor_is_centred_on_the_activity():
    starts, scores = find_anchors(activity((40, 61)), 20, 160)
    assert starts.tolist() == [(50 - 10) * 160]
    assert scores.item() == pytest.approx(0.9)
    starts, scores = find_anchors(activity((45, 56)), 20, 160)  # half of the filter's 21 frames
    assert scores.item() == pytest.approx((11 * 0.9 + 10 * 0.1) / 21)


def test_more_activity_wins_and_ties_go_to_the_first():
    assert find_anchors(activity((20, 30), (60, 75)), 20, 1)[0].item() in range(54, 61)
    constant = torch.full((1, 101), 0.25)  # exact in binary: every frame ties
    assert find_anchors(constant, 20, 160)[0].tolist() == [0]


def test_anchors_lie_within_the_clip():
    for ranges, start in (((0, 5), 0), ((96, 101), 80)):
        assert find_anchors(activity(ranges), 20, 160)[0].tolist() == [start * 160]


def test_clips_shorter_than_an_anchor():
    with pytest.raises(ValueError, match="shorter than an anchor.*segment_seconds"):
        find_anchors(torch.zeros(1, 20), 20, 160)
    assert find_anchors(torch.zeros(1, 21), 20, 160)[0].tolist() == [0]


def test_a_hit_is_half_of_the_shorter_of_segment_and_event():
    long, short = Event("e", "a", "/m/1", 4.0, 5.0, "g"), Event("e", "a", "/m/1", 4.0, 1.0, "g")
    assert is_hit(3.0, 2.0, [long])  # overlap 1 s of min(2, 5)
    assert not is_hit(2.9, 2.0, [long])
    assert is_hit(2.5, 2.0, [short])  # 0.5 s of min(2, 1)
    assert not is_hit(2.4, 2.0, [short])
    assert is_hit(4.5, 2.0, [short])
    assert not is_hit(0.0, 2.0, [])
    assert is_hit(8.0, 2.0, [short, long])


def test_hit_rates_count_the_events_of_the_same_clip_and_class():
    rate = 1000
    events = [Event("e1", "a", "/m/1", 4.0, 2.0, "g"), Event("e2", "b", "/m/2", 4.0, 2.0, "g")]
    anchors = [
        Anchor("1", "a", "/m/1", 4 * rate, 1.0, "g"),
        Anchor("2", "a", "/m/2", 4 * rate, 1.0, "g"),  # of another class
        Anchor("3", "b", "/m/2", 3 * rate, 1.0, "g"),
        Anchor("4", "b", "/m/2", 7 * rate, 1.0, "g"),
    ]
    found = score_anchors(anchors, events, 2.0, 10.0, rate)
    assert (found["num_anchors"], found["hit_rate"]) == (4, 0.5)
    assert found["classes"]["/m/1"]["hit_rate"] == 1.0
    assert found["classes"]["/m/2"]["hit_rate"] == round(1 / 3, 4)
    # a random start in 0 .. 8 s hits within 3 .. 5 s: 1 in 4; three of four anchors have an event
    assert found["random_hit_rate"] == pytest.approx(0.75 * 0.25, abs=0.1)
    assert found == score_anchors(anchors, events, 2.0, 10.0, rate)


def test_an_anchor_lies_in_what_is_heard_of_a_padded_clip():
    """The detector is surest in the padding, and what is before it has a peak of its own."""
    framewise = torch.zeros(3, 1001)
    framewise[:, 600:] = 0.9
    framewise[:, 240:260] = 0.5
    heard = torch.tensor([1001, 400, 150])
    starts, scores = find_anchors(framewise, 200, 320, heard)
    assert starts[0] == find_anchors(framewise[:1], 200, 320)[0]
    assert starts[1] + 200 * 320 <= 400 * 320 and scores[1] < 0.9
    assert 150 <= starts[1] / 320 + 100 <= 300  # the filter is as long as the anchor
    assert starts[2] == 0  # shorter than an anchor: its beginning
