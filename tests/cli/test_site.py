"""`init` never overwrites a site, and `models import` refuses what are no weights."""


def test_init_writes_a_site_that_loads_and_never_overwrites(nightshift, tmp_path):
    arguments = ["init", tmp_path / "new", "--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam"]
    assert nightshift(*arguments).code == 0
    assert nightshift("scan", "--site", tmp_path / "new").code == 0
    again = nightshift(*arguments)
    assert again.code == 2 and "site.toml" in again.err and again.err.count("\n") == 1


def test_models_import_and_refusal(nightshift, used_site, tmp_path):
    fake = tmp_path / "weights.onnx"
    fake.write_bytes(b"not weights")
    said = nightshift("models", "import", fake, "--site", used_site)
    assert said.code == 2 and "weights.onnx" in said.err and not list((used_site / "models").glob("*.onnx"))
