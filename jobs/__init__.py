"""When and where work runs. The only room that imports ray.

``planning`` decides what runs and why, ``engine`` runs a plan on workers, ``commands`` has one file for each command.
"""
