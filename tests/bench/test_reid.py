"""Samples for re-identification come from disjoint times; ranks and chance follow their definition."""

from itertools import islice

import numpy as np
import pytest

from bench.frame_pairs import read_frames
from bench.pets import pets_truth
from bench.reid import (
    RETAIL,
    UNCOVERED_GREY,
    Embedder,
    RetailEmbedder,
    Samples,
    attacks,
    choose_samples,
    crops_of,
    only_covered,
    rank_1,
    roc_auc,
)
from schemas.frame_boxes import FrameBoxes


def walkers(identities, frames, height=80.0):
    count = len(identities)
    box = np.array([[10.0 + 60 * n, 10.0, 40.0 + 60 * n, 10.0 + height] for n in range(count)])
    return FrameBoxes.of(
        np.repeat(np.arange(1, frames + 1), count), np.tile(identities, frames), np.tile(box, (frames, 1))
    )


def test_queries_and_gallery_are_apart_in_time_and_of_the_same_people():
    truth = walkers([7, 8, 9], 40)
    gone = ~((truth.identity == 9) & (truth.frame > 20))
    chosen = choose_samples(truth.take(gone), (300, 200), middle=20, last=40, of_each=5)
    assert chosen.queries.frame.max() <= 20 < chosen.gallery.frame.min()
    assert np.unique(chosen.queries.identity, return_counts=True)[1].tolist() == [5, 5]
    assert set(chosen.gallery.identity.tolist()) == {7, 8}
    assert chosen.chance == 0.5


def test_small_and_cut_off_people_are_left_out():
    assert len(choose_samples(walkers([7, 8], 10, height=20.0), (300, 200), 5, 10, 5).queries) == 0
    cut = choose_samples(walkers([7, 8], 10), (90, 200), 5, 10, 5)
    assert set(cut.queries.identity.tolist()) == {7}


def test_rank_1_counts_the_nearest_only():
    queries = np.eye(3, dtype=np.float32)
    gallery = np.eye(3, dtype=np.float32)[[0, 2, 1]]
    assert rank_1(queries, gallery, np.array([1, 2, 3]), np.array([1, 2, 3])) == pytest.approx(1 / 3)


def test_crops_are_cut_at_boxes():
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[10:90, 10:40] = 200
    crops = crops_of({1: frame}, walkers([7], 1))
    assert crops.shape == (1, 256, 128, 3) and crops.min() == 200


def test_the_area_under_the_curve_counts_pairs_in_order():
    queries, gallery = np.eye(2, dtype=np.float32), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    who = np.array([1, 2])
    assert roc_auc(queries, gallery, who, who) == 1.0
    assert roc_auc(queries, gallery, who, who[::-1]) == 0.0
    # Of four pairs of a same and a different one, .9 beats both, and .15 one of .1 and .2.
    assert roc_auc(queries, np.array([[0.9, 0.1], [0.2, 0.15]], np.float32), who, who) == pytest.approx(0.75)


def test_what_is_as_filmed_is_grey_in_crops_of_the_cover():
    filmed = np.random.default_rng(1).integers(0, 90, (60, 60, 3)).astype(np.uint8)
    covered = np.clip(filmed.astype(int) + 8, 0, 255).astype(np.uint8)
    covered[20:50, 10:30] = (139, 200, 200)
    shown = only_covered(filmed, covered)
    assert (shown[20:50, 10:30] == (139, 200, 200)).all()
    assert (shown[:18] == UNCOVERED_GREY).all() and (shown[:, 33:] == UNCOVERED_GREY).all()


@pytest.mark.assets
def test_the_stronger_network_finds_real_people(assets):
    """People of PETS are found again seconds later; covered flat they are not."""
    clip = islice(read_frames(assets / "video" / "pets09_s2l1_480x360.mp4"), 160)
    frames = {number: frame.image for number, frame in enumerate(clip, 1)}
    chosen = choose_samples(pets_truth(assets), (480, 360), 80, 160, 4)
    embed = RetailEmbedder(assets / "weights_more" / RETAIL)
    found = attacks(embed, frames, frames, chosen)
    flat = attacks(embed, frames, {number: np.full_like(frame, 100) for number, frame in frames.items()}, chosen)
    assert found["to_original"] >= 0.8
    assert flat["to_anonymized"] < 0.5


@pytest.mark.assets
def test_people_are_found_by_their_clothes(assets):
    """Four people in plain colours, who change places: the network must find them, flat grey ones it cannot."""
    embed = Embedder(assets / "weights" / "osnet_x0_25_msmt17.onnx")
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]], np.uint8)
    truth = walkers([1, 2, 3, 4], 2)
    frames, flat = {}, {}
    for number, order in ((1, [0, 1, 2, 3]), (2, [2, 3, 0, 1])):
        frame = np.full((200, 300, 3), 128, np.uint8)
        for place, who in enumerate(order):
            frame[10:90, 10 + 60 * place : 40 + 60 * place] = colours[who]
        frames[number], flat[number] = frame, np.full((200, 300, 3), 100, np.uint8)
    late = FrameBoxes.of(np.full(4, 2), np.array([3, 4, 1, 2]), truth.take(truth.frame == 2).box)
    chosen = Samples(truth.take(truth.frame == 1), late)
    assert attacks(embed, frames, frames, chosen) == {"to_original": 1.0, "to_anonymized": 1.0}
    assert attacks(embed, frames, flat, chosen)["to_anonymized"] == pytest.approx(0.25)
