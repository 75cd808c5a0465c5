"""From what segments find in their own footage to things that stay in their place for hours.

``views`` puts the small backgrounds of a camera's days side by side, ``evidence`` reads what changed and what was
detected, ``places`` groups it by place, ``states`` tells how a place looks over time, and ``stays`` says when things
came and went.
"""
