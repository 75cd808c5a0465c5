"""When and where work runs. The only room that imports ray.

``planning`` says what would run and why, ``running`` is a night while it runs; every other file is what commands do.
"""
