"""The sample site has the same bytes every time, and pictures that agree with their truth."""

import tomllib
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sample_site import DEMO, TINY, SampleSite, build_sample_site
from sample_site.people import APPEARANCES, cut_out_people
from sample_site.script import schedule_routes
from sample_site.truth import TrueFile, labelled_file, load_truth
from schemas.errors import UserError
from schemas.site import SiteConfig
from schemas.values import FeatureKind, Float64, Uint8
from storage.activity_files.labels import read_labels
from storage.box_files.mot import read_mot
from storage.photographs import find_photograph
from storage.site.file import load_site
from storage.site.layers import load_features

NEW_FILES = {"site.toml", "layers/zones.geojson", "layers/lines.geojson", "truth/truth.json", "truth/boxes.json"}


def frames_of(site: SampleSite, file: TrueFile) -> list[Uint8]:
    """Returns all frames up to the cut, BGR."""
    frames: list[Uint8] = []
    with av.open(str(site.root / "archive" / file.path)) as container:
        try:
            frames.extend(frame.to_ndarray(format="bgr24") for frame in container.decode(video=0))
        except av.error.InvalidDataError:
            assert file.readable_s < file.duration_s, "only the file that breaks off has a broken end"
    return frames


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def files_of(site: SampleSite) -> set[str]:
    return {
        f"{folder}/{name}"
        for file in site.truth.files
        for folder, name in (
            ("archive", file.path),
            *(("truth", file.path.replace(".mp4", suffix)) for suffix in (".txt", ".json")),
        )
    }


class TestFiles:
    def test_the_same_seed_gives_the_same_bytes_and_announces_every_frame(
        self, site: SampleSite, tmp_path: Path
    ) -> None:
        ticks: list[tuple[int, int]] = []
        again = build_sample_site(tmp_path, spec=TINY, progress=lambda done, total: ticks.append((done, total)))
        assert contents(again.root) == contents(site.root)
        total = sum(file.frames for file in site.truth.files)
        assert ticks == [(number, total) for number in range(1, total + 1)], "every frame is announced"
        # An earlier sample site is replaced: nothing of it is left in the archive.
        other = build_sample_site(
            tmp_path, seed=8, spec=replace(TINY, cameras=TINY.cameras[:1], file_s=4, size_px=(160, 90))
        )
        assert files_of(other) | NEW_FILES == set(contents(tmp_path))
        assert (tmp_path / "truth/boxes.json").read_bytes() != (site.root / "truth/boxes.json").read_bytes()

    def test_names_tell_the_local_start(self, site: SampleSite) -> None:
        assert [file.path for file in site.truth.files] == [
            "hall/2026-03-02T21-59-00.mp4",
            "hall/2026-03-02T21-59-08.mp4",
            "gate/2026-03-02T21-59-00.mp4",
        ]
        assert str(site.truth.files[0].start_time) == "2026-03-02 21:59:00+01:00"
        assert contents(site.root).keys() == NEW_FILES | files_of(site)

    def test_labels_are_the_zones_entered_and_left(self, site: SampleSite) -> None:
        labels = [read_labels(labelled_file(site.root, file).with_suffix(".json")) for file in site.truth.files]
        verbs = Counter(each.activity for one in labels for each in one.instances)
        assert verbs["enters"] and verbs["exits"] and verbs["enters"] <= len(site.truth.stays)
        assert [one.files for one in labels] == [(file.path,) for file in site.truth.files]
        first = min((stay for stay in site.truth.stays), key=lambda stay: stay.start_time)
        file = next(file for file in site.truth.files if file.camera == first.camera)
        number = round((first.start_time - file.start_time).total_seconds() * site.truth.fps) + 1
        assert ((number, number + 1),) in [each.frames for one in labels for each in one.instances]

    def test_labelled_frames_are_the_boxes_of_the_readable_frames(self, site: SampleSite) -> None:
        for file in site.truth.files:
            rows = read_mot(labelled_file(site.root, file))
            assert rows.frame.min() >= 1 and rows.frame.max() <= file.readable_frames
            assert len(site.truth.people) >= len(np.unique(rows.identity)) and rows.counts.any()
        first = site.truth.boxes
        assert first.box[0].tolist() in read_mot(labelled_file(site.root, site.truth.files[-1])).box.tolist()

    def test_video_is_h264_with_a_keyframe_every_two_seconds(self, site: SampleSite) -> None:
        with av.open(str(site.root / "archive" / site.truth.files[1].path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.average_rate) == ("h264", TINY.fps)
            assert (stream.width, stream.height) == TINY.size_px
            packets = [packet for packet in container.demux(stream) if packet.pts is not None]
            keys = [float(p.pts * p.time_base) for p in packets if p.is_keyframe and p.pts is not None]
        assert len(packets) == TINY.file_s * TINY.fps
        assert keys == [0.0, 2.0, 4.0, 6.0]

    def test_one_file_breaks_off_and_is_readable_until_there(self, site: SampleSite) -> None:
        whole, _, broken = site.truth.files
        assert len(frames_of(site, whole)) == whole.frames == whole.readable_frames
        assert len(frames_of(site, broken)) == broken.readable_frames
        assert 0.25 < broken.readable_frames / broken.frames < 0.75
        assert broken.readable_s == broken.readable_frames / TINY.fps

    def test_a_users_site_is_not_touched(self, tmp_path: Path) -> None:
        (tmp_path / "site.toml").write_text("name = 'mine'")
        with pytest.raises(UserError, match="not a sample site"):
            build_sample_site(tmp_path, spec=TINY)
        assert contents(tmp_path) == {"site.toml": b"name = 'mine'"}

    def test_truth_comes_back_from_disk(self, site: SampleSite) -> None:
        again = load_truth(site.root)
        assert again.crossings == site.truth.crossings
        assert again.boxes.to_columns() == site.truth.boxes.to_columns()

    def test_a_folder_without_truth_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=str(tmp_path)):
            load_truth(tmp_path)


class TestSite:
    def test_site_file_is_valid(self, site: SampleSite) -> None:
        config = SiteConfig.model_validate(tomllib.loads((site.root / "site.toml").read_text()))
        assert [camera.id for camera in config.cameras] == ["hall", "gate"]
        assert all(len(camera.control_points) >= 6 and camera.position for camera in config.cameras)

    def test_layers_are_zones_and_a_line_on_the_floor(self, site: SampleSite) -> None:
        features = {feature.feature_id: feature for feature in load_features(load_site(site.root))}
        kinds = {name: feature.kind for name, feature in features.items()}
        zone, line = FeatureKind.ZONE, FeatureKind.LINE
        assert kinds == {"entrance": zone, "hall_centre": zone, "doorway": line}
        assert features["hall_centre"].geometry.bounds == pytest.approx((121005.4, 486002.0, 121010.6, 486005.2))

    def test_feet_stand_where_the_control_points_say(self, site: SampleSite) -> None:
        """Boxes end at the true ground point, as the homography that a user gets sees it."""
        config = load_site(site.root).config
        boxes = site.truth.boxes
        for camera in config.cameras:
            points = np.array([(p.u, p.v, p.x, p.y) for p in camera.control_points])
            anchor = points[0, 2:]
            homography, _ = cv2.findHomography(points[:, 2:] - anchor, points[:, :2])
            whole = boxes.take((boxes.camera == camera.id) & (boxes.visible_share > 0.97) & boxes.feet_seen)
            projected = cv2.perspectiveTransform((whole.place_m - anchor)[:, None], homography)[:, 0]
            middle = np.column_stack([whole.box[:, [0, 2]].mean(axis=1), whole.box[:, 3]])
            miss = np.abs(middle - projected)
            assert len(whole) > 20
            assert np.median(miss[:, 1]) < 1.0 and miss[:, 1].max() < 3.0
            assert np.median(miss[:, 0]) < 3.0

    def test_people_have_their_height(self, site: SampleSite) -> None:
        """Seen from the lens, a box spans the person's height at the person's distance."""
        boxes = site.truth.boxes
        heights = {person.person: person.height_m for person in site.truth.people}
        for camera in TINY.cameras:
            lens = camera.lens(TINY.size_px)
            whole = boxes.take((boxes.camera == camera.camera) & (boxes.visible_share > 0.97) & boxes.feet_seen)
            feet = np.column_stack([whole.place_m - (121000.0, 486000.0), np.zeros(len(whole))])
            heads = feet + np.array([[0, 0, heights[str(person)]] for person in whole.person])
            tall = lens.project(feet)[0][:, 1] - lens.project(heads)[0][:, 1]
            np.testing.assert_allclose(whole.box[:, 3] - whole.box[:, 1], tall, atol=3.0)


class TestPictures:
    def test_what_changes_is_what_the_truth_names(self, site: SampleSite) -> None:
        file = site.truth.files[0]
        frames = np.stack(frames_of(site, file))
        background = np.median(frames[::4], axis=0)
        boxes = site.truth.boxes
        start_us = round(file.start_time.timestamp() * 1e6)
        for number in (5, 35, 50, 65, 79):
            grey = np.abs(frames[number] - background).max(axis=2)
            changed = cv2.erode((grey > 30).astype(np.uint8), np.ones((2, 2), np.uint8)) > 0
            now = boxes.take((boxes.camera == file.camera) & (boxes.time_us == start_us + number * 100_000))
            named = np.zeros_like(changed)
            for x1, y1, x2, y2 in now.box.astype(int):
                assert changed[y1:y2, x1:x2].mean() > 0.2
                named[max(0, y1 - 3) : y2 + 8, max(0, x1 - 8) : x2 + 8] = True
            assert changed[~named].sum() <= 20, f"something moves that the truth does not name in frame {number}"

    def test_noise_and_light(self, site: SampleSite) -> None:
        frames = np.stack(frames_of(site, site.truth.files[0])[:10]).astype(np.float64)
        assert (site.truth.boxes.time_us >= round(TINY.start.timestamp() * 1e6) + 1_000_000).all(), "hall is empty"
        assert 0.5 < np.median(frames.std(axis=0)) < 4.0
        assert np.abs(np.diff(frames.mean(axis=(1, 2, 3)))).max() < 1.0

    def test_people_look_different(self) -> None:
        appearances = cut_out_people(find_photograph("bus.jpg"))
        assert len(appearances) == APPEARANCES
        coats = [clothes(look.standing, 0.3, 0.55) for look in appearances]
        assert min(np.linalg.norm(a - b) for a, b in combinations(coats, 2)) > 20
        for look in appearances:
            feet = [np.flatnonzero(sprite[-8:, :, 3].max(axis=0) > 128) for sprite in look.walking]
            spread = [columns.max() - columns.min() for columns in feet]
            assert max(spread) > 1.5 * min(spread), "legs swing"

    def test_another_photograph_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "bus.jpg"
        cv2.imwrite(str(path), np.zeros((20, 20, 3), np.uint8))
        with pytest.raises(UserError, match=r"bus\.jpg"):
            cut_out_people(path)

    @pytest.mark.assets
    def test_a_detector_finds_the_people(self, site: SampleSite, assets: Path) -> None:
        from ops.boxes import iou_matrix
        from ops.detect.backends import open_network
        from ops.detect.decode import Decoder
        from ops.detect.letterbox import fit_into, to_source
        from schemas.op import ModelRequest
        from storage.weights.catalogue import ModelStore

        name = "yolo11n_int8_openvino_model"
        model = ModelStore(assets / "weights").resolve(ModelRequest(name, "detect"))
        assert model is not None
        network = open_network(model, 1)
        decode = Decoder("yolo", network.input_px, (network.classes.index("person"),), 0.25, 0.7)
        fit = fit_into(TINY.size_px, network.input_px, network.centred)
        found, clear = 0, 0
        for file in site.truth.files:
            for number, frame in list(enumerate(frames_of(site, file)))[::8]:
                boxes = site.truth.boxes
                time_us = round(file.start_time.timestamp() * 1e6) + number * 100_000
                true = boxes.take((boxes.camera == file.camera) & (boxes.time_us == time_us))
                true = true.take((true.visible_share > 0.5) & (true.box[:, 3] - true.box[:, 1] > 40))
                detected: list[Float64] = []
                network.submit(
                    frame,
                    lambda out, detected=detected: detected.append(to_source(decode(out).xyxy, fit, TINY.size_px)),
                )
                network.wait()
                clear += len(true)
                found += int((iou_matrix(true.box, detected[0].astype(np.float64)).max(axis=1, initial=0) > 0.5).sum())
        assert clear > 10
        assert found / clear > 0.8


def clothes(sprite: Uint8, top: float, bottom: float) -> Float64:
    """Mean colour of a band of a sprite."""
    band = sprite[int(top * len(sprite)) : int(bottom * len(sprite))]
    colour: Float64 = band[band[:, :, 3] > 250][:, :3].mean(axis=0)
    return colour


class TestScript:
    def test_a_person_crosses_the_border_of_two_files(self, site: SampleSite) -> None:
        boxes = site.truth.boxes
        border_us = round(site.truth.files[1].start_time.timestamp() * 1e6)
        hall = boxes.take((boxes.camera == "hall") & (boxes.visible_share > 0.9))
        before, after = (set(hall.person[hall.time_us == t].tolist()) for t in (border_us - 100_000, border_us))
        assert before & after

    def test_crossings_are_seen_by_their_direction(self, site: SampleSite) -> None:
        ways = {(c.camera, c.person): c.direction for c in site.truth.crossings}
        assert ways["hall", "ann"] == "left_to_right", "people who come in go south, across a line drawn eastwards"
        assert ways["hall", "bob"] == "right_to_left"

    @pytest.mark.parametrize("seed", range(5))
    def test_demo_has_its_events_whatever_the_seed(self, seed: int) -> None:
        routes = schedule_routes(DEMO, seed)
        times_s = np.arange(0, DEMO.round_s, 0.1)
        present = np.array([np.isfinite(route.places(times_s)[:, 0]) for route in routes])
        assert (~present.any(axis=0)).mean() > 1 / 3, "long stretches are empty"
        assert present[:, [599, 601]].all(axis=1).any(), "a person is present at the border of the files"
        by_name = {route.person: route for route in routes}
        apart = by_name["cem"].places(times_s)[:, :2] - by_name["dee"].places(times_s)[:, :2]
        assert (np.hypot(*apart.T) < 1.0).sum() >= 55, "two people stand together for about six seconds"
        (owner,) = (route for route in routes if route.suitcase_left_at is not None)
        assert owner.suitcase_at(owner.start_s - 1) is None
        assert owner.suitcase_at(DEMO.round_s) == owner.suitcase_place_m
        assert DEMO.round_s - owner.end_s > 20, "the suitcase stays alone for long"
        for route in routes:
            steps = np.diff(route.places(np.arange(route.start_s, route.end_s, 0.1))[:, 2])
            assert 1.0 < steps.max() / 0.1 < 1.5, "walking speed"
            assert 1.6 < route.height_m < 1.95

    def test_more_minutes_are_more_rounds_of_other_people(self) -> None:
        assert DEMO.minutes == 4
        longer = DEMO.of_minutes(9)
        assert (longer.rounds, longer.minutes) == (3, 12)
        people = [route.person for route in schedule_routes(longer, 7)]
        assert len(set(people)) == len(people) == 3 * len(DEMO.routes)
        assert schedule_routes(longer, 7)[: len(DEMO.routes)] == schedule_routes(DEMO, 7)
