"""egs/musdb18 with an adopted model through the real run.sh, on two synthetic tracks."""

import contextlib
import re

import numpy as np
import pytest
import soundfile
import torch

import uss
from tests.helpers.recipe_runs import copy_recipe, run
from uss.bin import adopt, evaluate
from uss.data.averages import read_average_embeddings
from uss.evaluation import metrics
from uss.tables import FramesResult, Result, read_table

pytestmark = pytest.mark.slow

RATE, SECONDS = 22050, 3
STEMS = ("vocals", "drums", "bass", "other")


def write_track(folder, rng, silent=""):
    """Stereo: a stem is an octave, at another place between left and right."""
    folder.mkdir(parents=True)
    time = np.arange(RATE * SECONDS) / RATE
    stems = {}
    for number, name in enumerate(STEMS):
        wave = 0.1 * np.sin(2 * np.pi * 300 * 2**number * rng.uniform(1, 1.5) * time)
        wave = wave + 0.005 * rng.standard_normal(len(time))
        stems[name] = np.stack([wave, (number + 1) / 4 * wave], axis=1) * (name != silent)
    for name, wave in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="FLOAT")


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("musdb18"), np.random.default_rng(0)
    write_track(folder / "train" / "Long", rng)
    write_track(folder / "test" / "Full Song", rng)
    write_track(folder / "test" / "No Bass", rng, silent="bass")
    return folder


@pytest.fixture(scope="module")
def evaluated(audio, experiment, tmp_path_factory):
    recipe = copy_recipe("musdb18", tmp_path_factory.mktemp("clone"))
    overrides = [f"data.audio={audio}", "evaluate.mixtures_per_part=1", "evaluate.num_draws=20"]
    refused = run(recipe, overrides=overrides, check=False)
    assert refused.returncode == 2
    assert "this recipe trains no system; adopt a trained model: " in refused.stderr
    with contextlib.chdir(recipe):
        adopt.main([str(experiment / "resunet"), "--system", "far"])
    done = run(recipe, "--nj", "2", overrides=overrides)
    (recipe / "run.log").write_text(done.stderr)
    return recipe


def test_the_stages_that_it_has_ran(evaluated):
    log = (evaluated / "run.log").read_text()
    assert log.count("run.sh: this recipe has stages 0 6 7 alone") == 5
    assert "wrote exp/default/table1_recordings.md" in log


def test_it_is_measured_as_uss_separate_separates(evaluated, audio):
    rows = read_table(evaluated / "exp/default/results_recordings.csv", Result)
    assert len(rows) == 2 * (2 * 4 - 1)  # a silent stem has no SDR
    model = uss.load(evaluated / "exp/default/far")
    folder = audio / "test" / "Full Song"
    signals = {
        name: torch.from_numpy(soundfile.read(folder / f"{name}.wav", dtype="float32")[0].T)
        for name in (*STEMS, "mixture")
    }
    for name in ("vocals", "other"):
        reference = signals[name]
        for embedding, query in (("average", name), ("oracle", model.example(reference, RATE))):
            (row,) = (r for r in rows if r[1:3] == (embedding, f"Full Song_{name}"))
            separated = model.separate(signals["mixture"], RATE, query)
            flat = [x.reshape(-1) for x in (reference, separated, signals["mixture"])]
            assert row.sdr == pytest.approx(metrics.sdr(*flat[:2]).item(), abs=1e-3)
            assert row.sdri == pytest.approx(metrics.sdri(*flat).item(), abs=1e-3)


def test_frames_stand_in_a_table_of_their_own(evaluated):
    folder = evaluated / "exp/default/far/results_recordings"
    paths = sorted(folder.glob("frames_*.csv"))
    frames = [row for path in paths for row in read_table(path, FramesResult)]
    assert len(paths) == 2 and len(frames) == 14
    (value,) = (r.museval_sdr for r in frames if r[1:3] == ("average", "No Bass_other"))
    text = (evaluated / "exp/default/table1_recordings.md").read_text()
    header, cells = re.findall(r"^\| (?:system, embedding|far, average) \| (.*) \|$", text, re.M)
    assert header.split(" | ") == [*STEMS, "mean"]
    mine = [r.museval_sdr for r in frames if r[1] == "average" and r.class_id == "other"]
    assert value in mine and float(cells.split(" | ")[3]) == round(float(np.median(mine)), 2)


def test_the_query_is_made_of_training_stems(evaluated, audio, experiment):
    averages = read_average_embeddings(evaluated / "exp/default/far/average_embeddings.h5")
    assert averages.class_id == ["/m/015lz1", "/m/02hnl", "/m/018vs", "other"]
    assert averages.num_targets.tolist() == [1, 1, 1, 1]
    model = uss.load(experiment / "resunet")
    wave, _ = soundfile.read(audio / "train/Long/bass.wav", dtype="float32")
    expected = model.example(wave.T, RATE).values
    np.testing.assert_allclose(averages.embedding[2], expected, atol=1e-3)


def test_again_it_does_nothing_and_a_changed_track_runs_its_part(
    evaluated, audio, monkeypatch, caplog
):
    caplog.set_level("INFO")
    monkeypatch.chdir(evaluated)
    asked = ["--name", "default", "--systems", "far", "--set", "evaluate.mixtures_per_part=1"]
    part = "exp/default/far/results_recordings/part_000{}.csv"
    evaluate.main(asked)
    assert f"skip {part.format(0)}" in caplog.text and f"skip {part.format(1)}" in caplog.text
    caplog.clear()
    mixture = audio / "test" / "No Bass" / "mixture.wav"
    wave, _ = soundfile.read(mixture)
    soundfile.write(mixture, wave[:, ::-1], RATE, subtype="FLOAT")
    evaluate.main(asked)
    assert f"skip {part.format(0)}" in caplog.text
    assert f"run {part.format(1)}: changed input: audio" in caplog.text
    assert "No Bass_bass is left out: " in caplog.text
