"""Makes damaged files, as found in archives, from good ones. Every maker returns the path of its file."""

from pathlib import Path

import av
import numpy as np

from storage.video.ffmpeg import remux


def truncated(source: Path, target: Path, share: float = 0.6) -> Path:
    """Keeps the first ``share`` of a file's bytes: the recorder lost power, or a copy was cut short."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def without_moov(source: Path, target: Path) -> Path:
    """Removes the index of an MP4, as if the recorder was killed before it finished the file."""
    content = source.read_bytes()
    at = content.index(b"moov") - 4
    size = int.from_bytes(content[at : at + 4])
    target.write_bytes(content[:at] + content[at + size :])
    return target


def random_bytes(target: Path, size_bytes: int = 200_000, seed: int = 1) -> Path:
    """Writes noise under a video's name."""
    target.write_bytes(np.random.default_rng(seed).bytes(size_bytes))
    return target


def empty(target: Path) -> Path:
    """Writes an empty file."""
    target.write_bytes(b"")
    return target


def zero_length(source: Path, target: Path) -> Path:
    """Writes a well-formed AVI whose video stream has no frames."""
    with av.open(str(source)) as good, av.open(str(target), "w", format="avi") as container:
        container.add_stream_from_template(good.streams.video[0])
        container.start_encoding()
    return target


def rotated(source: Path, target: Path, clockwise_deg: int) -> Path:
    """Copies the frames, with metadata that tells players to turn them."""
    counter_clockwise_deg = str(-clockwise_deg % 360)
    if not remux(source, target, before={"display_rotation": counter_clockwise_deg}):
        raise RuntimeError(f"ffmpeg could not rotate {source.name}")
    return target


def zeroed(source: Path, target: Path, begin: float = 0.5, end: float = 0.55) -> Path:
    """Zeroes a file from share ``begin`` to share ``end``: a bad sector in the middle of a GOP."""
    content = bytearray(source.read_bytes())
    first, last = int(len(content) * begin), int(len(content) * end)
    content[first:last] = bytes(last - first)
    target.write_bytes(content)
    return target


def noise_in_packets(source: Path, target: Path) -> Path:
    """Replaces every packet by noise in an intact container: only decoding finds it."""
    content = bytearray(source.read_bytes())
    noise = np.random.default_rng(2)
    with av.open(str(source)) as container:
        for packet in container.demux(video=0):
            if packet.size and packet.pos is not None:
                content[packet.pos : packet.pos + packet.size] = noise.bytes(packet.size)
    target.write_bytes(content)
    return target


def grow(path: Path, more: bytes = b"\0" * 1000) -> Path:
    """Appends to a file, as a recorder does while it records."""
    with path.open("ab") as file:
        file.write(more)
    return path


def clock_jumps_back(source: Path, target: Path) -> Path:
    """Writes an MPEG-TS twice into one file, so that its times start again in the middle."""
    content = source.read_bytes()
    target.write_bytes(content + content)
    return target


def flipped_bits(source: Path, target: Path, share: float = 0.1, seed: int = 3) -> Path:
    """Flips one bit in a share of the packets after the first one: a failing disk, or a bad radio link."""
    content = bytearray(source.read_bytes())
    chance = np.random.default_rng(seed)
    with av.open(str(source)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for begin, size in packets[1:]:
        if begin is not None and chance.random() < share:
            content[begin + int(chance.integers(size))] ^= 1 << int(chance.integers(8))
    target.write_bytes(content)
    return target
