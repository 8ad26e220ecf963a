"""The mask network in onnxruntime."""

import importlib.util
import os
import subprocess

import pytest
import torch

from tests.helpers.small_networks import QUERY_SIZE, noise, separator, trained_biases
from uss.bin import cli
from uss.separation import onnx_export

pytestmark = pytest.mark.slow

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
installed = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@installed
@pytest.mark.parametrize("system", ["at_soft", "updated"])
def test_onnxruntime_gives_the_same_mask(experiment, system, tmp_path, caplog):
    """`export` compares them itself, and refuses more than 1e-4."""
    import onnxruntime

    caplog.set_level("INFO")
    path = tmp_path / "masks.onnx"
    cli.main(["export", str(experiment / system), "--onnx", str(path)])
    assert "onnxruntime gives the same mask" in caplog.text
    inputs = onnxruntime.InferenceSession(path).get_inputs()
    expected = ["magnitude", "query", "features"][: 3 if system == "updated" else 2]
    assert [value.name for value in inputs] == expected


@installed
def test_a_mask_that_differs_is_refused(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "TOLERANCE", -1.0)
    path = tmp_path / "masks.onnx"
    with pytest.raises(ValueError, match="the exported network differs by"):
        onnx_export.export(experiment / "at_soft", path)
    assert not path.exists()


def test_missing_packages_are_named(experiment, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    message = "uss export needs onnxruntime: pip install onnx onnxruntime onnxscript$"
    with pytest.raises(ValueError, match=message):
        cli.main(["export", str(experiment / "at_soft"), "--onnx", str(tmp_path / "x.onnx")])


@installed
def test_a_place_that_cannot_be_written_is_named(experiment, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path, reason in (("file/x.onnx", "Not a directory|File exists"), (".", "this is a folder")):
        with pytest.raises(ValueError, match=f"--onnx {tmp_path / path}: ({reason})"):
            cli.main(["export", str(experiment / "at_soft"), "--onnx", str(tmp_path / path)])


@installed
def test_a_full_disk_is_named(experiment, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "full"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder], check=True)
    try:
        with pytest.raises(ValueError, match=f"--onnx {folder}/x.onnx: No space left on device"):
            cli.main(["export", str(experiment / "at_soft"), "--onnx", str(folder / "x.onnx")])
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", folder], check=True)


@installed
@torch.no_grad()
def test_local_biases_are_exported(tmp_path):
    """The fusion `film`: tokens on their grid are an input like others."""
    model = trained_biases(separator("aligned", "film")).eval()
    mixture = noise(2)
    inputs = {
        "magnitude": model.stft(mixture).abs(),
        "query": torch.rand(2, QUERY_SIZE),
        "features": model.amae(mixture),
    }
    assert onnx_export.write(model.network, inputs, tmp_path / "masks.onnx") < onnx_export.TOLERANCE
