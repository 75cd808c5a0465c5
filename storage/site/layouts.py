"""Layouts of common recorders: how their paths give camera and time, for ``nightshift init --layout``."""

from typing import Literal

Layout = Literal["frigate", "synology", "hikvision", "dahua"]

LAYOUTS: dict[Layout, tuple[str, ...]] = {
    # recordings/2026-03-02/20/gate/59.00.mp4, in UTC
    "frigate": ("{*}%Y-%m-%d/%H/{camera}/%M.%S{utc}",),
    # Gate/20260302PM/Gate20260302-205900-1772485140.mp4
    "synology": ("{camera}/%Y%m%d{*}/{*}%Y%m%d-%H%M%S{*}",),
    # 192.168.1.64_01_20260302205900123_TIMING.mp4, or 36_01_H_260302205900.mp4
    "hikvision": ("{*}{camera}_%Y%m%d%H%M%S{*}", "{*}{camera}_%y%m%d%H%M%S{*}"),
    # gate/2026-03-02/001/dav/20/20.59.00-21.00.00[M][0@0][0].mp4; without a folder above, channel 001 is the camera;
    # exports: NVR_ch1_main_20260302205900_20260302215900.mp4
    "dahua": (
        "{camera}/%Y-%m-%d/{*}/dav/%H/%H.%M.%S-{*}",
        "{camera}/{*}/%Y-%m-%d/{*}/dav/%H/%H.%M.%S-{*}",
        "%Y-%m-%d/{camera}/dav/%H/%H.%M.%S-{*}",
        "{*}{camera}_main_%Y%m%d%H%M%S_{*}",
    ),
}
"""Patterns by recorder, tried in order; see ``SiteConfig.pattern``."""

LAYOUT_SUFFIXES: dict[Layout, tuple[str, ...]] = {"dahua": (".mp4", ".dav"), "synology": (".mp4", ".avi", ".mkv")}
"""Suffixes of recorders that write others than the default."""
