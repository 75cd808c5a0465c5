"""Cuts walking people out of a photograph inside the installed ``ultralytics`` package.

The two full-length pedestrians of ``bus.jpg`` are cut out with GrabCut between a hand-traced outline's inner and outer
edge, given other clothes, and taken apart at the hips so that their legs swing. Nothing is kept on disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from pathlib import Path

import cv2
import numpy as np

from schemas.errors import UserError
from schemas.values import Float32, Uint8

PHASES = 12
"""Pictures in one full stride (two steps)."""
STRIDE_M = 1.4
"""Distance walked during one full stride."""
APPEARANCES = 6
"""Number of differently dressed people."""
SPRITE_HEIGHT_PX = 240
_MARGIN_PX = 60  # room beside and below the outline, for legs that swing out of it
_PHOTO_SIZE = (1080, 810)

Points = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Leg:
    """Position of a foot in the photograph: pixels right of the hips, and pixels above the ground."""

    foot_px: int
    lifted_px: int


@dataclass(frozen=True)
class _Pedestrian:
    """A person in ``bus.jpg``; all points in the photograph's pixels.

    Attributes:
        outline: traced around the person, within about four pixels.
        covered: parts hidden by something else, filled in from around them.
        hips: (x, y) that the legs swing about.
        front_leg: region of the leg nearer to the viewer; what is below the hips and not in it is the other one.
        hidden_leg_px: where the other leg is mostly hidden, the front leg moved right by this replaces it.
    """

    outline: Points
    covered: tuple[Points, ...]
    hips: tuple[int, int]
    front_leg: Points
    front: _Leg
    back: _Leg
    hidden_leg_px: int | None = None


# fmt: off
_IN_TEDDY_COAT = _Pedestrian(
    outline=(
        (102, 426), (104, 412), (110, 405), (120, 401), (135, 399), (148, 402), (156, 408), (158, 420), (159, 433),
        (155, 441), (153, 452), (150, 462), (149, 466), (155, 470), (163, 482), (172, 491), (177, 500), (183, 505),
        (183, 515), (186, 524), (189, 536), (196, 545), (202, 556), (203, 570), (201, 582), (194, 591), (181, 600),
        (185, 610), (188, 625), (191, 650), (193, 670), (194, 688), (185, 692), (179, 690), (180, 705), (183, 722),
        (186, 742), (186, 765), (190, 790), (195, 815), (200, 840), (203, 850), (206, 855), (214, 862), (219, 873),
        (230, 877), (241, 881), (241, 886), (228, 892), (205, 897), (177, 899), (175, 885), (177, 866), (176, 855),
        (173, 840), (165, 818), (156, 790), (150, 765), (143, 740), (136, 720), (128, 707), (122, 703), (116, 712),
        (112, 735), (108, 755), (107, 763), (98, 777), (94, 795), (88, 815), (85, 835), (85, 848), (86, 860),
        (93, 868), (98, 876), (105, 883), (107, 893), (104, 899), (92, 900), (78, 899), (66, 894), (54, 889),
        (50, 882), (54, 868), (57, 860), (59, 850), (60, 835), (62, 815), (65, 790), (69, 765), (73, 735), (72, 702),
        (59, 694), (60, 660), (61, 620), (63, 590), (64, 580), (60, 565), (60, 550), (62, 535), (62, 515), (62, 500),
        (66, 490), (76, 482), (88, 475), (96, 467), (98, 455), (101, 448), (103, 440),
    ),
    covered=(((56, 728), (70, 735), (79, 768), (79, 786), (76, 800), (66, 818), (56, 818)),),
    hips=(130, 698),
    front_leg=((121, 640), (260, 640), (260, 920), (130, 920), (121, 800)),
    front=_Leg(75, 0),
    back=_Leg(-50, 0),
)
_IN_DARK_COAT = _Pedestrian(
    outline=(
        (263, 430), (263, 416), (268, 410), (278, 407), (290, 407), (299, 411), (303, 418), (305, 430), (307, 440),
        (308, 442), (306, 449), (305, 457), (302, 466), (300, 473), (305, 477), (315, 484), (325, 487), (333, 494),
        (336, 505), (338, 520), (341, 535), (341, 550), (339, 560), (333, 567), (325, 570), (321, 567), (322, 580),
        (326, 600), (330, 620), (331, 650), (334, 670), (338, 685), (337, 691), (340, 705), (340, 720), (335, 732),
        (325, 741), (315, 750), (305, 762), (296, 771), (286, 779), (283, 783), (285, 792), (288, 800), (295, 803),
        (292, 808), (298, 815), (298, 820), (290, 819), (283, 814), (280, 808), (279, 815), (280, 822), (281, 832),
        (281, 840), (284, 847), (291, 855), (288, 859), (275, 860), (262, 855), (255, 846), (255, 838), (258, 825),
        (256, 820), (254, 805), (250, 785), (248, 765), (245, 745), (243, 725), (243, 704), (225, 699), (226, 680),
        (229, 655), (232, 635), (237, 615), (240, 600), (239, 590), (234, 585), (234, 575), (237, 565), (237, 550),
        (238, 540), (237, 532), (236, 522), (238, 515), (242, 500), (245, 497), (255, 489), (262, 480), (270, 472),
        (273, 468), (268, 455), (264, 442),
    ),
    covered=(),
    hips=(288, 698),
    front_leg=((200, 640), (289, 640), (284, 730), (281, 778), (279, 800), (280, 860), (300, 880), (200, 880)),
    front=_Leg(-18, 0),
    back=_Leg(4, 0),
    hidden_leg_px=22,
)
# fmt: on


_PEDESTRIANS = (_IN_TEDDY_COAT, _IN_DARK_COAT)


@dataclass(frozen=True)
class _Dye:
    """Colour of cloth: factors on its brightness (blue, green, red), and the level that dark cloth is raised to."""

    factors: tuple[float, float, float]
    level: float = 0.0

    def on(self, brightness: Float32) -> Float32:
        """Dyes cloth of brightness ``(H, W, 1)``, and dampens the sun's glare on dark cloth."""
        tone = brightness if self.level == 0 else self.level + 60 * (1 - np.exp(-brightness / 60))
        return np.asarray(tone * np.array(self.factors, np.float32), np.float32)


@dataclass(frozen=True)
class _Clothes:
    """Clothes of one appearance; None keeps the colour of the photograph."""

    pedestrian: _Pedestrian
    coat: _Dye | None = None
    trousers: _Dye | None = None


_WARDROBE = (
    _Clothes(_IN_TEDDY_COAT),
    _Clothes(_IN_DARK_COAT),
    _Clothes(_IN_TEDDY_COAT, _Dye((0.36, 0.48, 0.38)), _Dye((0.6, 0.7, 0.8), 10)),
    _Clothes(_IN_DARK_COAT, _Dye((0.85, 1.35, 1.75), 42), _Dye((0.55, 0.55, 0.55), 15)),
    _Clothes(_IN_TEDDY_COAT, _Dye((0.30, 0.22, 0.58)), _Dye((1.3, 1.6, 1.8), 40)),
    _Clothes(_IN_DARK_COAT, _Dye((2.2, 1.85, 1.5), 48), _Dye((1.0, 1.15, 1.25), 35)),
)


@dataclass(frozen=True)
class Appearance:
    """One person's pictures: ``(H, W, 4)`` uint8, BGR multiplied by alpha, then alpha; facing right.

    The ground point is the middle of the bottom edge, the top of the head the middle of the top edge.
    """

    standing: Uint8
    walking: tuple[Uint8, ...]

    def at(self, walked_m: float, moving: bool) -> Uint8:
        """Returns the sprite after a distance walked."""
        if not moving:
            return self.standing
        return self.walking[int(walked_m / STRIDE_M * PHASES) % PHASES]


def cut_out_people(photograph: Path) -> tuple[Appearance, ...]:
    """Cuts the ``APPEARANCES`` people of the sample site out of ``bus.jpg``.

    Raises:
        UserError: this is not the photograph whose outlines were traced.
    """
    photo = cv2.imread(str(photograph))
    if photo is None or photo.shape[:2] != _PHOTO_SIZE:
        raise UserError(f"{photograph} is not the 810 x 1080 photograph of a bus that people are cut out of")
    bodies = dict(zip(map(id, _PEDESTRIANS), cut_out_bodies(np.asarray(photo, np.uint8)), strict=True))
    return tuple(_pictures(_dress(*bodies[id(worn.pedestrian)], worn), worn.pedestrian) for worn in _WARDROBE)


def cut_out_bodies(photo: Uint8) -> list[tuple[Uint8, tuple[int, int]]]:
    """Cuts the two people out of the photograph: ``(H, W, 4)`` BGRA, and its corner (x, y) in the photograph."""
    return [_cut(photo, pedestrian) for pedestrian in _PEDESTRIANS]


def _cut(photo: Uint8, pedestrian: _Pedestrian) -> tuple[Uint8, tuple[int, int]]:
    """Cuts out one person: ``(H, W, 4)`` BGRA (alpha not multiplied), and its corner in the photograph's pixels."""
    outline = np.array(pedestrian.outline, np.int32)
    x, y = outline.min(axis=0) - _MARGIN_PX
    # The photograph is continued sideways so that legs have room to swing.
    pad = 2 * _MARGIN_PX
    wide = cv2.copyMakeBorder(photo, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    far_x, far_y = outline.max(axis=0) + _MARGIN_PX
    crop = np.ascontiguousarray(wide[y + pad : far_y + pad, x + pad : far_x + pad])
    corner = np.array([x, y], np.int32)
    inside = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillPoly(inside, [outline - corner], 1)
    hidden = np.zeros_like(inside)
    for part in pedestrian.covered:
        cv2.fillPoly(hidden, [np.array(part, np.int32) - corner], 1)
    if hidden.any():
        crop = cv2.inpaint(crop, cv2.dilate(hidden, _disc(3)), 4, cv2.INPAINT_TELEA)
    alpha = _grab(np.asarray(crop, np.uint8), inside)
    return np.dstack([crop, alpha]), (int(x), int(y))


def _grab(crop: Uint8, inside: Uint8) -> Uint8:
    """Runs GrabCut (Rother et al. 2004) in the band around an outline; returns alpha 0..255 with a soft edge."""
    guess = np.where(inside > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess[cv2.erode(inside, _disc(5)) > 0] = cv2.GC_FGD
    guess[cv2.dilate(inside, _disc(3)) == 0] = cv2.GC_BGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(7)  # GrabCut's colour clusters start at random
    cv2.grabCut(crop, guess, (0, 0, 1, 1), *models, 2, cv2.GC_INIT_WITH_MASK)
    cut = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    smooth = cv2.medianBlur(cut, 7)
    # Shrunk a little, so that none of the street shines through at the edge, then feathered.
    return np.asarray(cv2.GaussianBlur(cv2.erode(smooth, _disc(1)), (0, 0), 1.8), np.uint8)


def _disc(radius_px: int) -> Uint8:
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), np.uint8)


def _dress(body: Uint8, corner: tuple[int, int], worn: _Clothes) -> tuple[Uint8, tuple[int, int]]:
    """Dyes the clothes: coat above the hips, trousers below."""
    bgr = body[:, :, :3].astype(np.float32)
    rows = np.arange(body.shape[0])[:, None] + corner[1]
    hue, saturation, value = (c.astype(np.int32) for c in cv2.split(cv2.cvtColor(body[:, :, :3], cv2.COLOR_BGR2HSV)))
    jeans = (hue > 95) & (hue < 135) & (saturation > 60) & (rows < 862)
    # A black coat is as blue as jeans are, so there trousers begin at its hem.
    jeans &= rows > (640 if worn.pedestrian is _IN_TEDDY_COAT else worn.pedestrian.hips[1] + 2)
    coat = (rows > 466) & (rows < worn.pedestrian.hips[1] + 8) & ~jeans
    if worn.pedestrian is _IN_TEDDY_COAT:
        coat &= saturation < 125
    else:
        # Dark cloth, and its sunlit hem: neither hands nor the red shirt.
        coat &= (value < 70) | ((saturation < 60) & (value < 190))
    brightness = bgr.mean(axis=2, keepdims=True)
    for region, dye in ((coat, worn.coat), (jeans, worn.trousers)):
        if dye is not None:
            share = cv2.GaussianBlur(region.astype(np.float32), (0, 0), 1.5)[:, :, None]
            bgr = bgr * (1 - share) + share * dye.on(brightness)
    return np.dstack([np.clip(bgr, 0, 255).astype(np.uint8), body[:, :, 3]]), corner


def _pictures(body: tuple[Uint8, tuple[int, int]], pedestrian: _Pedestrian) -> Appearance:
    bgra, corner = body
    hips = pedestrian.hips[0] - corner[0], pedestrian.hips[1] - corner[1]
    front_leg = np.zeros(bgra.shape[:2], np.uint8)
    cv2.fillPoly(front_leg, [np.array(pedestrian.front_leg, np.int32) - np.array(corner, np.int32)], 1)
    alpha = bgra[:, :, 3:].astype(np.float32) / 255
    whole = np.concatenate([bgra[:, :, :3] * alpha, alpha * 255], axis=2)
    below = (np.arange(len(whole)) >= hips[1])[:, None, None]
    front = whole * (below & (front_leg[:, :, None] > 0))
    back = whole * (below & (front_leg[:, :, None] == 0))
    if pedestrian.hidden_leg_px is not None:
        back = np.roll(front, pedestrian.hidden_leg_px, axis=1) * np.array([0.8, 0.8, 0.8, 1.0], np.float32)
    ground = max(y for _, y in pedestrian.outline) - corner[1]
    top = min(y for _, y in pedestrian.outline) - corner[1]
    parts = _Parts(whole * ~below, front, back, hips, top, ground)
    phases = [2 * pi * k / PHASES for k in range(PHASES)]
    reach = 0.13 * (ground - top)
    lift = 0.035 * (ground - top)
    walking = [
        parts.posed(pedestrian, (reach * cos(a), lift * max(0.0, -sin(a))), (-reach * cos(a), lift * max(0.0, sin(a))))
        for a in phases
    ]
    standing = parts.posed(pedestrian, (0.3 * reach, 0.0), (-0.3 * reach, 0.0))
    return Appearance(standing, tuple(walking))


@dataclass(frozen=True)
class _Parts:
    """A person taken apart: layers ``(H, W, 4)``, colours multiplied by alpha."""

    trunk: Float32
    front: Float32
    back: Float32
    hips: tuple[int, int]
    top: int
    ground: int

    def posed(self, pedestrian: _Pedestrian, front: Sequence[float], back: Sequence[float]) -> Uint8:
        """Composes a sprite with each foot at (x right of the hips, lift) in pixels; crops and scales it."""
        picture = self._swung(self.back, pedestrian.back, *back)
        for layer in (self._swung(self.front, pedestrian.front, *front), self.trunk):
            picture = np.asarray(layer + picture * (1 - layer[:, :, 3:] / 255), np.float32)
        half = min(self.hips[0], picture.shape[1] - self.hips[0])
        cropped = picture[self.top : self.ground, self.hips[0] - half : self.hips[0] + half]
        scale = SPRITE_HEIGHT_PX / (self.ground - self.top)
        size = round(cropped.shape[1] * scale), SPRITE_HEIGHT_PX
        small = cv2.resize(cropped, size, interpolation=cv2.INTER_AREA)
        return np.clip(np.rint(small), 0, 255).astype(np.uint8)

    def _swung(self, layer: Float32, leg: _Leg, foot_px: float, lift_px: float) -> Float32:
        """Shears and stretches a leg about the hips so that its foot reaches a position."""
        length = self.ground - self.hips[1]
        stretch = (length - lift_px) / (length - leg.lifted_px)
        shear = (foot_px - leg.foot_px) / (length - leg.lifted_px)
        hip_y = self.hips[1]
        matrix = np.array([[1.0, shear, -shear * hip_y], [0.0, stretch, hip_y * (1 - stretch)]])
        moved = cv2.warpAffine(layer, matrix, layer.shape[1::-1], flags=cv2.INTER_LINEAR)
        return np.asarray(moved, np.float32)
