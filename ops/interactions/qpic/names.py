"""Names of the classes of QPIC's published weights, in the order of their outputs.

``HICO_VERBS``: ``hico_list_vb.txt`` of HICO-DET (Chao et al., WACV 2018), where verb 1 is the first. ``VCOCO_VERBS``:
the verbs with their roles that QPIC writes for V-COCO (Gupta and Malik, arXiv 1505.04474). ``COCO_OBJECTS``: the 80
classes of COCO that have boxes, by increasing category id.
"""


def _listed(text: str) -> tuple[str, ...]:
    """Returns names that are separated by commas."""
    return tuple(" ".join(name.split()) for name in text.split(","))


COCO_OBJECTS = _listed(
    """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
    surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv,
    laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase,
    scissors, teddy bear, hair drier, toothbrush
    """
)

_IDS_WITHOUT_BOXES = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
COCO_IDS = tuple(number for number in range(1, 91) if number not in _IDS_WITHOUT_BOXES)
"""COCO's category id of each of ``COCO_OBJECTS``; DETR's class outputs have these indices, and 91 for no object."""

MISSING_OBJECT = "missing"
"""Name of V-COCO's class for a verb that is done to something that is not in the picture."""

HICO_VERBS = _listed(
    """
    adjust, assemble, block, blow, board, break, brush_with, buy, carry, catch, chase, check, clean, control, cook,
    cut, cut_with, direct, drag, dribble, drink_with, drive, dry, eat, eat_at, exit, feed, fill, flip, flush, fly,
    greet, grind, groom, herd, hit, hold, hop_on, hose, hug, hunt, inspect, install, jump, kick, kiss, lasso,
    launch, lick, lie_on, lift, light, load, lose, make, milk, move, no_interaction, open, operate, pack, paint,
    park, pay, peel, pet, pick, pick_up, point, pour, pull, push, race, read, release, repair, ride, row, run, sail,
    scratch, serve, set, shear, sign, sip, sit_at, sit_on, slide, smell, spin, squeeze, stab, stand_on, stand_under,
    stick, stir, stop_at, straddle, swing, tag, talk_on, teach, text_on, throw, tie, toast, train, turn, type_on,
    walk, wash, watch, wave, wear, wield, zip
    """
)

VCOCO_VERBS = _listed(
    """
    hold_obj, stand, sit_instr, ride_instr, walk, look_obj, hit_instr, hit_obj, eat_obj, eat_instr, jump_instr,
    lay_instr, talk_on_phone_instr, carry_obj, throw_obj, catch_obj, cut_instr, cut_obj, run,
    work_on_computer_instr, ski_instr, surf_instr, skateboard_instr, smile, drink_instr, kick_obj, point_instr,
    read_obj, snowboard_instr
    """
)
