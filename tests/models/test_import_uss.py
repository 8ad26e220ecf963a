"""A checkpoint of bytedance/uss becomes a system that the stages treat like any other."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from tests.helpers.flipped_weight import flip_a_weight
from tests.helpers.published_files import lightning
from tests.helpers.reference_weights import empty_state, fixture, published_state
from uss.audio import from_int16
from uss.bin import average_embeddings, cli, evaluate, import_uss, train
from uss.data.anchor_set import AnchorSet
from uss.data.mixing import mix
from uss.data.packed import part_path, write_part
from uss.evaluation import metrics
from uss.files import read_facts, read_json
from uss.model_store.loading import load_separator
from uss.models import published
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.tables import Anchor, ClassRow, Mixture, Result, read_table, write_table

pytestmark = pytest.mark.slow

DIRECTORY = Path("exp/paper/baseline")
NAMES = ["--name", "paper", "--system", "baseline"]
NUM_SAMPLES = 16000  # half a second


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The separator has weights; of the two PANNs only a bias, to tell them apart."""
    content = lightning(published_state("ResUNet30_condition2048"))
    for part, value in (("query_net.base", 1.0), ("anchor_segment_detector.sed_model", 2.0)):
        content["state_dict"][f"{part}.fc1.bias"] = torch.full((2048,), value)
    path = tmp_path_factory.mktemp("checkpoint") / "uss.ckpt"
    torch.save(content, path)
    yield path
    path.unlink()  # 230 MB


@pytest.fixture(scope="module")
def imported(checkpoint, tmp_path_factory):
    """A recipe with two anchors a split, and one system, imported."""
    folder = tmp_path_factory.mktemp("recipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_recipe()
        import_uss.main([str(checkpoint), *NAMES])
    yield folder
    shutil.rmtree(folder)  # 1.5 GB


@pytest.fixture
def recipe(imported, monkeypatch):
    monkeypatch.chdir(imported)
    return imported


def write_recipe():
    conf, data = Path("conf"), Path("data")
    conf.mkdir()
    for name, content in (
        ("pretrained", {}),
        ("train", {"steps": 1}),
        ("evaluate", {}),
    ):
        (conf / f"{name}.yaml").write_text(yaml.safe_dump(content))
    write_table(data / "classes.csv", [ClassRow(i, f"/m/{i}", f"{i}") for i in (0, 1)], ClassRow)
    rng = np.random.default_rng(0)
    for split in ("train", "eval"):
        anchors = [Anchor(f"{split}{i}", f"clip{i}", f"/m/{i}", 0, 0.5, f"{i}") for i in (0, 1)]
        write_table(data / split / "anchors.csv", anchors, Anchor)
        datasets = {
            "anchor_id": [anchor.anchor_id for anchor in anchors],
            "waveform": (3000 * rng.standard_normal((2, NUM_SAMPLES))).astype(np.int16),
            "embedding": np.abs(rng.standard_normal((2, 2048))).astype(np.float32),
            "probabilities": rng.random((2, 527)).astype(np.float32),
        }
        write_part(part_path(data / split / "anchors", 0), datasets, sample_rate=32000)
    for name, split in (("train", "train"), ("query", "train"), ("eval", "eval")):
        row = Mixture("000_000", f"{split}0", f"{split}1")
        write_table(data / "mixtures" / f"{name}.csv", [row], Mixture)


@torch.inference_mode()
def test_the_directory_gives_the_reference_numbers(recipe):
    loaded = load_separator(DIRECTORY)
    assert (loaded.sample_rate, loaded.query_size) == (32000, 2048)
    expected = fixture("resunet30")
    separated = loaded.separator(
        torch.from_numpy(expected["mixture"])[:, 0], torch.from_numpy(expected["condition"])
    )
    np.testing.assert_allclose(separated, expected["waveform"][:, 0], rtol=0, atol=1e-4)


def test_each_of_its_panns_is_written_as_published(recipe):
    for name, kind, bias in (
        ("query_encoder", Cnn14, 1.0),
        ("sound_event_detector", Cnn14DecisionLevelMax, 2.0),
    ):
        network = published.load_panns(DIRECTORY / f"{name}.pth", kind)
        assert network.fc1.bias.unique().item() == bias


def test_it_separates_before_any_stage(recipe, checkpoint, tmp_path):
    """Of an embedding: by an example. The message of --class names what is missing."""
    write_noise(tmp_path / "a.wav")
    arguments = ["separate", str(tmp_path / "a.wav"), "--model", str(DIRECTORY)]
    cli.main([*arguments, "--query", str(tmp_path / "a.wav"), "--output", str(tmp_path / "out")])
    assert np.abs(soundfile.read(tmp_path / "out/a/a_a.wav")[0]).max() > 0
    with pytest.raises(ValueError, match="'Speech' has no average embedding .* give an example"):
        cli.main([*arguments, "--class", "Speech"])


def write_noise(path: Path) -> None:
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(2 * 32000), 32000)


def test_stages_6_and_7_run_on_it(recipe):
    average_embeddings.main(["--name", "paper"])
    evaluate.main(["--name", "paper", "--systems", "baseline"])
    path = DIRECTORY / "results" / "part_0000.csv"
    results = {row.embedding: row for row in read_table(path, Result)}
    assert results.keys() == {"oracle", "average"}
    facts = read_facts(path)
    assert facts["seed"] is None and len(facts["config_digest"]) == 64

    anchors = AnchorSet("data/eval")
    target, interferer = torch.from_numpy(from_int16(anchors.waveforms([0, 1]))).split(1)
    mixed = mix(target, interferer, "none")
    with torch.inference_mode():
        separator = load_separator(DIRECTORY).separator
        estimate = separator(mixed.mixture, torch.from_numpy(anchors.embeddings([0])))
    sdr = metrics.sdr(mixed.target, estimate).item()
    assert results["oracle"].sdr == pytest.approx(sdr, abs=1e-3)


def test_stage_5_skips_it(recipe, caplog):
    caplog.set_level(logging.INFO)
    train.main(["--name", "paper", "--systems", "baseline"])
    assert f"skip {DIRECTORY}: imported from uss.ckpt, nothing to train" in caplog.text
    with pytest.raises(ValueError, match=r"uss.ckpt with other settings: .*window_size.*--name"):
        changed = ["--set", "baseline.stft.window_size=1024"]
        train.main(["--name", "paper", "--systems", "baseline", *changed])


def test_importing_twice_does_nothing_and_says_what_to_write(recipe, checkpoint, caplog):
    caplog.set_level(logging.INFO)
    before = {path: path.stat().st_mtime_ns for path in DIRECTORY.rglob("*")}
    import_uss.main([str(checkpoint), *NAMES])
    assert {path: path.stat().st_mtime_ns for path in DIRECTORY.rglob("*")} == before
    assert f"skip {DIRECTORY}" in caplog.text
    assert f"query_encoder: {DIRECTORY}/query_encoder.pth" in caplog.text
    advice = caplog.text[caplog.text.index("sound_event_detector:") :]
    overrides = [f"pretrained.{line.replace(': ', '=')}" for line in advice.splitlines()[:2]]
    caplog.clear()
    import_uss.main([str(checkpoint), *NAMES, "--set", overrides[0], "--set", overrides[1]])
    assert "conf/pretrained.yaml names the PANNs of" in caplog.text


def test_an_interrupted_import_is_finished(recipe, checkpoint):
    (DIRECTORY / "checkpoints" / "step_00000000.pt").unlink()
    with pytest.raises(ValueError, match="no trained model.*import_uss uss.ckpt"):
        load_separator(DIRECTORY)
    import_uss.main([str(checkpoint), *NAMES])
    load_separator(DIRECTORY)


def test_the_other_baseline_and_what_is_there_is_not_overwritten(recipe, tmp_path):
    other = str(tmp_path / "other.ckpt")
    torch.save(lightning(empty_state("ResUNet30_condition527")), other)
    import_uss.main([other, "--name", "paper", "--system", "at_soft"])
    loaded = load_separator(Path("exp/paper/at_soft"))
    assert loaded.system.query == "at_soft" and loaded.query_size == 527
    write_noise(tmp_path / "a.wav")
    model, output = ["--model", "exp/paper/at_soft"], ["--output", str(tmp_path / "out")]
    cli.main(["separate", str(tmp_path / "a.wav"), "--class", "Speech", *model, *output])
    (found,) = read_json(tmp_path / "out/a/separation.json")["outputs"].values()
    assert found["query"] == {"kind": "own_probabilities", "class_id": "/m/09x0r"}

    with pytest.raises(ValueError, match="holds another model; choose another --system"):
        import_uss.main([other, *NAMES])
    with pytest.raises(ValueError, match=r"baseline.yaml is not .*query \(embedding -> at_soft\)"):
        import_uss.main([other, "--name", "other", "--system", "baseline"])
    assert not Path("exp/other").exists()


@pytest.mark.parametrize("name", ["checkpoints/step_00000000.pt", "query_encoder.pth", "panns.pt"])
def test_a_damaged_import_is_written_again(recipe, checkpoint, name, caplog):
    path = DIRECTORY / name
    whole = path.read_bytes()
    flip_a_weight(path)
    if name.startswith("checkpoints"):
        with pytest.raises(ValueError, match=f"{path} is damaged .*import_uss uss.ckpt"):
            load_separator(DIRECTORY)
    import_uss.main([str(checkpoint), *NAMES])
    assert f"{path} is damaged, and is written again" in caplog.text
    assert len(path.read_bytes()) == len(whole)
    load_separator(DIRECTORY)
