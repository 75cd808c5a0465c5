import subprocess
import sys

PROGRAM = """
import sys
from storage.arrow_start import start_without_pandas
start_without_pandas()
import pyarrow as pa
table = pa.table({"a": [1], "b": ["x"]})
assert table.to_pylist() == [{"a": 1, "b": "x"}]
print("pandas" in sys.modules)
print(table.to_pandas()["b"].tolist(), "pandas" in sys.modules)
"""


def test_pandas_is_loaded_only_for_a_data_frame() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "['x'] True"]
