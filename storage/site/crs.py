"""Checks that a CRS suits a site, where x is metres east and y metres north.

PROJ takes 50 ms and 20 MB to load: a query that needs no place does without this file.
"""

from pyproj import CRS
from pyproj.exceptions import CRSError

_WEB_MERCATOR = 3857


def crs_problem(text: str) -> str | None:
    """Returns why a CRS is unsuitable for a site, or None."""
    advice = "use a projected CRS in metres, such as your country's grid or a UTM zone (EPSG:326xx)"
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        return f"unknown CRS {text!r}; write it like EPSG:28992"
    if not crs.is_projected:
        return f"{text} ({crs.name}) is not projected; {advice}"
    if any(axis.unit_name != "metre" for axis in crs.axis_info):
        return f"{text} ({crs.name}) is in {crs.axis_info[0].unit_name}; {advice}"
    if any(axis.direction == "west" for axis in crs.axis_info):
        return f"{text} ({crs.name}) counts westwards, so maps would be mirrored; {advice}"
    if crs.to_epsg() == _WEB_MERCATOR:
        return f"{text} ({crs.name}) stretches distances away from the equator; {advice}"
    return None
