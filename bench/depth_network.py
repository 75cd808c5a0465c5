"""A small network that gives depth, trained in a minute on what it is to see: there are no weights of a real one.

It knows the hall of the sample site, by rendered frames with their true depth, and the photograph that people are cut
out of: flat ground, a bus as a wall, and the two whole people on the ground. So it proves that a network of depth works
as a source of silhouettes on this footage, and says nothing of any other network or footage (measured-synthetic).

    python -m bench.depth_network FOLDER

writes it to a new folder, which `nightshift models import` takes.
"""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ops.known_picture import PEOPLE, PHOTOGRAPH, draw_known_picture
from sample_site import DEMO
from sample_site.film import Actors
from sample_site.hall import render_backdrop
from sample_site.people import cut_out_bodies, cut_out_people
from sample_site.renderer import Renderer, draw_suitcase
from sample_site.script import schedule_routes
from schemas.values import Float32, Uint8
from storage.photographs import find_photograph

INPUT_PX = (256, 256)
"""Width and height of its input; pictures are stretched to it. The depth has half of that."""

STEPS, BATCH = 240, 4
FRAMES, FIRST_S, APART_S = 24, 10.0, 4.0
"""Frames of the hall to train on: number, time of the first one, and seconds from one to the next."""

HORIZON_ROW, BUS_ROW = 430, 735
"""Of the photograph: rows of the horizon, for people of 1.7 m and a lens at 1.6 m, and of the bus on the ground."""

_PER_ROW, _PER_INVERSE_M = 1 / 600, 5.0  # both give values around .5
_RATE = 4e-3
_PERSON_WEIGHT = 4.0

Sample = tuple[Uint8, Float32, Float32]
"""A picture ``(H, W, 3)`` BGR, its relative depth ``(H, W)``, and weights ``(H, W)``, 0 where the depth is unknown."""


def write_depth_network(folder: Path, trained: bool = True) -> Path:
    """Trains the network, or leaves its weights random, and writes it as OpenVINO IR with ``depth.toml``.

    Args:
        folder: becomes the IR.
        trained: whether it learns to see.
    """
    import openvino as ov
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same bits, whatever the number of CPUs
    try:
        torch.manual_seed(16)
        network = _network()
        if trained:
            _train(network, [*hall_samples(), *street_samples()])
        width, height = INPUT_PX
        graph = ov.convert_model(network.eval(), example_input=torch.zeros(1, 3, height, width))
    finally:
        torch.set_num_threads(threads)
    graph.reshape([1, 3, height, width])
    folder.mkdir()
    ov.save_model(graph, folder / "net.xml", compress_to_fp16=False)
    (folder / "depth.toml").write_text(f'kind = "relative"\ninput_px = {list(INPUT_PX)}\nresize = "stretch"\n')
    return folder


def hall_samples() -> list[Sample]:
    """Returns frames of the hall with the inverse of their true depth."""
    photograph, lens = find_photograph(PHOTOGRAPH), DEMO.cameras[0].lens(DEMO.size_px)
    picture = np.asarray(cv2.imread(str(photograph)), np.uint8)
    renderer = Renderer(lens, render_backdrop(lens, picture, 7), 700)
    actors = Actors(schedule_routes(DEMO, 7), cut_out_people(photograph), draw_suitcase())
    samples = []
    for number in range(FRAMES):
        time_s = FIRST_S + number * APART_S
        figures = actors.figures_at(time_s, lens)
        frame, _ = renderer.render(number, time_s, figures)
        depth_m = renderer.render_depth(figures)
        people = depth_m < renderer.backdrop.depth_m
        samples.append(_sample(frame, np.asarray(_PER_INVERSE_M / depth_m, np.float32), people))
    return samples


def street_samples() -> list[Sample]:
    """Returns the photograph, three by three, with the depth of a flat street, as it is and mirrored."""
    photograph = find_photograph(PHOTOGRAPH)
    picture = np.asarray(cv2.imread(str(photograph)), np.uint8)
    rows = np.arange(picture.shape[0])
    scene = np.repeat(np.maximum(rows, BUS_ROW)[:, None] - HORIZON_ROW, picture.shape[1], axis=1)
    near, known = np.asarray(scene * _PER_ROW, np.float32), np.ones(scene.shape, bool)
    people = np.zeros(scene.shape, bool)
    for x1, y1, x2, y2 in np.array(PEOPLE.cut_off, int).tolist():
        known[y1:y2, x1:x2] = False  # nobody drew where these are
    for (body, (left, top)), box in zip(cut_out_bodies(picture), PEOPLE.whole, strict=True):
        alpha = body[max(-top, 0) :, max(-left, 0) :, 3] >= 128
        place = slice(max(top, 0), max(top, 0) + len(alpha)), slice(max(left, 0), max(left, 0) + alpha.shape[1])
        alpha = alpha[: people[place].shape[0], : people[place].shape[1]]
        people[place] |= alpha
        known[place] |= alpha
        near[place][alpha] = (box[3] - HORIZON_ROW) * _PER_ROW
    layers = [np.repeat(each[:, :, None], 3, axis=2) for each in (near * 255, people * 255.0, known * 255.0)]
    drawn = [draw_known_picture(np.asarray(np.clip(each, 0, 255), np.uint8))[:, :, 0] for each in layers]
    sample = _sample(
        draw_known_picture(picture), np.asarray(drawn[0] / 255, np.float32), drawn[1] > 127, drawn[2] > 127
    )
    mirrored = (np.ascontiguousarray(sample[0][:, ::-1]), sample[1][:, ::-1], sample[2][:, ::-1])
    return [sample, mirrored] * (FRAMES // 4)


def _sample(picture: Uint8, near: Float32, people: Any, known: Any = True) -> Sample:
    weights = np.where(people, _PERSON_WEIGHT, 1.0) * known
    half = (INPUT_PX[0] // 2, INPUT_PX[1] // 2)
    small = cv2.resize(picture, INPUT_PX, interpolation=cv2.INTER_AREA)
    maps = [cv2.resize(np.asarray(each, np.float32), half, interpolation=cv2.INTER_AREA) for each in (near, weights)]
    return np.asarray(small, np.uint8), np.asarray(maps[0], np.float32), np.asarray(maps[1], np.float32)


def _train(network: Any, samples: list[Sample]) -> None:
    import torch

    random = np.random.default_rng(16)
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=STEPS)
    mean, spread = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    pictures = np.stack([((each[0][:, :, ::-1] / np.float32(255)) - mean) / spread for each in samples])
    given = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32))
    wanted, weights = (torch.from_numpy(np.stack([np.array(each[place]) for each in samples])) for place in (1, 2))
    for _ in range(STEPS):
        chosen = random.integers(0, len(samples), BATCH)
        loss = ((network(given[chosen])[:, 0] - wanted[chosen]).abs() * weights[chosen]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def _network() -> Any:
    import torch
    from torch import nn

    def block(given: int, found: int, stride: int = 1) -> Any:
        return nn.Sequential(nn.Conv2d(given, found, 3, stride, 1), nn.BatchNorm2d(found), nn.ReLU())

    class Small(nn.Module):
        """Three halvings and two doublings, with what was seen at each size."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = block(3, 12, 2), block(12, 24, 2), block(24, 40, 2)
            self.seen, self.coarse = block(24, 24), block(40, 40)
            self.fine, self.finer = block(64, 24), block(36, 16)
            self.depth = nn.Conv2d(16, 1, 3, 1, 1)

        def forward(self, picture: Any) -> Any:
            half = self.first(picture)
            quarter = self.seen(self.second(half))
            eighth = self.coarse(self.third(quarter))
            quarter = self.fine(torch.cat([_doubled(eighth), quarter], 1))
            return self.depth(self.finer(torch.cat([_doubled(quarter), half], 1)))

    def _doubled(values: Any) -> Any:
        return nn.functional.interpolate(values, scale_factor=2.0, mode="bilinear", align_corners=False)

    return Small()


if __name__ == "__main__":
    write_depth_network(Path(sys.argv[1]))
