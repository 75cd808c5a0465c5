"""Video containers: probing, reading by segment, writing covered parts, joining them. The only room that knows PyAV."""

from storage.video.cutting import plan_segments
from storage.video.probe import Probe, probe
from storage.video.reader import SegmentReader
from storage.video.writer import PartWriter, merge_parts

__all__ = ["PartWriter", "Probe", "SegmentReader", "merge_parts", "plan_segments", "probe"]
