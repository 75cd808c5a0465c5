"""Measures of interactions, each equal to the program that its papers use.

::

    pictures     hico (HICO-DET mAP), vcoco (V-COCO mAP as QPIC prints it), vcoco_roles (V-COCO agent and role AP)
    video        activities (NIST ActEV: misses against false alarms, temporal IoU)
"""
