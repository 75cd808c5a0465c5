"""Every op of the registry keeps the contract of ``schemas/op.py``."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass

import numpy as np
import pyarrow as pa
import pytest

from ops import REGISTRY
from schemas.op import FrameOp, Neighbour, Op, Scope, TableOp
from schemas.tables import TABLES
from tests.ops.chain import Chain, Work, default, run, run_chain, units_of

SCANNED = {"footage", "segments"}
OPS = pytest.mark.parametrize("name", REGISTRY)


@pytest.fixture(scope="module")
def chain() -> Chain:
    """All ops on the clip, once for all tests of this file."""
    return run_chain()


def as_bytes(tables: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """Tables as Arrow's file format has them: equal only if every bit of them is."""
    out = {}
    for name, table in tables.items():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        out[name] = sink.getvalue().to_pybytes()
    return out


@OPS
def test_the_spec_is_sound(name: str) -> None:
    kind: type[Op] = REGISTRY[name]
    spec = kind.spec
    assert spec.name == name == name.lower()
    assert spec.version >= 1
    assert spec.summary.endswith(".")
    assert kind.__doc__
    assert spec.writes
    assert set(spec.writes) | {read.table for read in spec.reads} <= set(TABLES)
    assert issubclass(kind, FrameOp) or issubclass(kind, TableOp)
    assert not issubclass(kind, FrameOp) or spec.scope is Scope.SEGMENT
    assert len({read.key for read in spec.reads}) == len(spec.reads)
    for read in spec.reads:
        assert set(read.columns) <= set(TABLES[read.table].schema.names)
        assert not read.late or issubclass(kind, FrameOp), "only a frame op can read late"
        assert read.neighbour is not Neighbour.NEXT or spec.scope is Scope.SEGMENT
        assert read.neighbour is Neighbour.SELF or not read.required, "the first and the last of all have no neighbour"
    assert spec.cpus > 0 and spec.memory_mb > 0


@OPS
def test_every_parameter_is_documented_and_has_a_default(name: str) -> None:
    params = REGISTRY[name].spec.params
    assert is_dataclass(params)
    defaults = params()
    for key in fields(params):
        assert key.metadata.get("doc"), f"{name}.{key.name} has no doc"
        with pytest.raises(FrozenInstanceError):
            setattr(defaults, key.name, None)
    assert params() == defaults
    assert hash(params()) == hash(defaults)


def test_tables_are_written_once_and_before_they_are_read() -> None:
    written = set(SCANNED)
    for name, kind in REGISTRY.items():
        for read in kind.spec.reads:
            assert read.table in written, f"{name} reads {read.table}, which nothing before it writes"
        twice = written & set(kind.spec.writes)
        assert not twice, f"{name} writes {twice}, which something else writes"
        written |= set(kind.spec.writes)


def test_the_ops_import_without_what_only_some_of_them_need() -> None:
    heavy = ("torch", "ultralytics", "trackers", "supervision", "openvino", "onnxruntime", "transformers", "geopandas")
    code = f"import sys, ops; print(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.slow
def test_the_clip_gives_every_table_something_to_do(chain: Chain) -> None:
    rows = {table: 0 for kind in REGISTRY.values() for table in kind.spec.writes}
    for (table, _), given in chain.given.items():
        rows[table] += given.num_rows
    # No object is left behind, there is no depth model and no network for verbs, no frame is doubtful, HOG takes no
    # rectangle for a person, and motion finds people only, in every frame. The camera is surveyed.
    without = {"static_regions", "static_detections", "static_objects", "static_object_tracks"}
    # Nobody has a neighbour.
    without |= {
        "relations",
        "walking_groups",
        "depth_files",
        "depth_frames",
        "depth_maps",
        "floors",
        "local_positions",
        "frame_interactions",
        "keypoints",
        "person_depths",
        "position_features",
        "review_frames",
        "second_detections",
        "detector_samples",
    }
    assert {table for table, count in rows.items() if not count} == without


@OPS
def test_output_has_the_schema_and_order_and_unique_keys(chain: Chain, name: str) -> None:
    for tables in chain.results[name]:
        assert set(tables) == set(REGISTRY[name].spec.writes)
        for table_name, table in tables.items():
            spec = TABLES[table_name]
            assert table.schema.equals(spec.schema, check_metadata=True)
            table.validate(full=True)
            keys = list(zip(*(table[column].to_pylist() for column in spec.key), strict=True))
            assert len(set(keys)) == len(keys), f"{table_name} has a key twice"
            places = list(zip(*(table[column].to_pylist() for column in spec.order), strict=True))
            assert places == sorted(places)
            for column in spec.columns:
                assert column.nullable or not table[column.name].null_count


@pytest.mark.slow
@OPS
def test_the_same_input_gives_the_same_bytes(chain: Chain, name: str) -> None:
    for work, tables in zip(chain.works[name], chain.results[name], strict=True):
        op = default(name)
        assert as_bytes(run(op, work)) == as_bytes(tables)
        assert as_bytes(run(op, work)) == as_bytes(tables), "a worker's second unit differs from its first"
        op.close()


@pytest.mark.slow
@OPS
@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_where_batches_are_cut_changes_nothing(chain: Chain, name: str, batch_size: int) -> None:
    for work, tables in zip(chain.works[name], chain.results[name], strict=True):
        if work.frames is not None:
            assert as_bytes(run(default(name), work, batch_size)) == as_bytes(tables)


@OPS
def test_inputs_are_not_changed(chain: Chain, name: str) -> None:
    for work in chain.works[name]:
        before = as_bytes(work.inputs)
        frames = None if work.frames is None else work.frames.frames.copy()
        if work.frames is not None:
            for array in (work.frames.frames, work.frames.pts, work.frames.times_us):
                array.flags.writeable = False
        run(default(name), work)
        assert as_bytes(work.inputs) == before
        if frames is not None and work.frames is not None:
            assert np.array_equal(work.frames.frames, frames)


@OPS
def test_no_rows_and_no_frames_give_no_rows(name: str) -> None:
    op = default(name)
    if not op.enabled:
        pytest.skip(f"{name} is off until it is configured")
    empty = {
        read.key: TABLES[read.table].empty().select(read.columns) if read.columns else TABLES[read.table].empty()
        for read in op.spec.reads
    }
    (unit, *_) = units_of(op.spec.scope)
    if op.spec.scope is Scope.FOOTAGE:
        unit = type(unit)(unit.camera, unit.date, unit.unit, unit.site_crs, ())
    tables = run(op, Work(unit, empty))
    assert set(tables) == set(op.spec.writes)
    for table_name, table in tables.items():
        assert table.schema.equals(TABLES[table_name].schema, check_metadata=True)
        # Where footage is, nobody is a count of 0; and what nobody knows of the ground has a row with its reason.
        assert table.num_rows == 0 or table_name in {"counts", "flows", "ground_models"}


@OPS
def test_what_is_not_required_may_be_missing(chain: Chain, name: str) -> None:
    """Upstream in quarantine, or no neighbour: the op runs on what there is."""
    optional = {read.key for read in REGISTRY[name].spec.reads if not read.required}
    for work in chain.works[name]:
        there = {key: table.schema.empty_table() if key in optional else table for key, table in work.inputs.items()}
        tables = run(default(name), Work(work.unit, there, work.frames))
        assert set(tables) == set(REGISTRY[name].spec.writes)
