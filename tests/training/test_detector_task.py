from collections import Counter

import numpy as np
import pytest
import torch

from uss.bin import train_detector as train_detector
from uss.data.waveforms import WaveformSet
from uss.layout import DETECTOR
from uss.model_store.loading import load_amae, load_detector
from uss.model_store.log_file import read_log
from uss.model_store.model_config import read_config
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.schema import Detector, Training
from uss.training.detector_task import DetectorTask, at_speed, mean_average_precision


@pytest.mark.slow
def test_the_detector_learns_and_loads_for_both_poolings(recipe):
    train_detector.main(["--set=detector.training.steps=60"])
    lines = read_log(DETECTOR / "train.jsonl")
    assert lines[-1]["loss"] < 0.3 * lines[0]["loss"]
    assert lines[-1]["dev_map"] > 0.7
    model, state = load_detector(DETECTOR)
    assert (model.sample_rate, model.num_classes) == (16000, 3)
    clips = WaveformSet("data/train")
    waveform = torch.from_numpy(clips.read([0, 11]) / np.float32(32767))
    for kind in (Cnn14, Cnn14DecisionLevelMax):
        network = kind(model)
        network.load_state_dict(state)
        with torch.no_grad():
            probabilities = network.eval()(waveform).probabilities
        assert probabilities.argmax(dim=1).tolist() == [0, 2]


def test_skipped_where_published_weights_are_named(recipe, caplog):
    caplog.set_level("INFO")
    names = ("sound_event_detector", "query_encoder")
    train_detector.main([f"--set=pretrained.{name}=data/{name}.pth" for name in names])
    assert "skip data/detector: pretrained.yaml names the weights of both networks" in caplog.text
    assert not DETECTOR.exists()


def test_missing_clips_name_their_stage(recipe):
    (recipe / "data" / "train" / "waveforms").rename(recipe / "elsewhere")
    with pytest.raises(ValueError, match="stage 1 writes them"):
        train_detector.main([])


def test_another_kind_of_model_is_refused(recipe):
    train_detector.main(["--set=detector.training.steps=1"])
    assert read_config(DETECTOR)["training"]["steps"] == 1
    with pytest.raises(ValueError, match="kind detector, not audio_mae"):
        load_amae(DETECTOR)


def test_batches_are_balanced_over_classes_and_clips(recipe):
    clips = WaveformSet("data/train")
    clips.target[:] = False
    clips.target[:7, 0] = True  # 7 clips of class 0, 2 of class 2, none of class 1
    clips.target[6:8, 2] = True
    detector = Detector(Training(steps=1, batch_size=4))
    task = DetectorTask(torch.nn.Linear(1, 1), clips, clips, detector, torch.device("cpu"))
    drawn = [row for step in range(7) for row in task.rows(step)]
    # 28 draws: 14 of each class, so each clip of class 0 twice and each of class 2 seven times;
    # clip 6 carries both labels.
    assert Counter(drawn) == {**{row: 2 for row in range(6)}, 6: 2 + 7, 7: 7}
    assert task.rows(3) == drawn[12:16]
    detector = Detector(Training(steps=1, seed=1))
    other = DetectorTask(torch.nn.Linear(1, 1), clips, clips, detector, torch.device("cpu"))
    assert other.rows(0) != drawn[:16]


def test_mean_average_precision_by_hand():
    scores = np.array([[0.9, 0.1, 0.3], [0.8, 0.2, 0.2], [0.1, 0.3, 0.1]])
    target = np.array([[True, True, False], [False, False, False], [True, False, False]])
    # Class 0: hits at ranks 1 and 3: (1 + 2/3) / 2. Class 1: a hit at rank 3. Class 2: no clips.
    assert mean_average_precision(target, scores) == pytest.approx(((1 + 2 / 3) / 2 + 1 / 3) / 2)


def test_a_tone_at_twice_the_speed_is_an_octave_higher_and_half_as_long():
    time = np.arange(1000) / 1000
    tone = np.sin(2 * np.pi * 10 * time).astype(np.float32)
    fast = at_speed(tone, 2.0)
    assert fast.shape == tone.shape and fast.dtype == np.float32
    assert np.allclose(fast[:500], np.sin(2 * np.pi * 20 * time[:500]), atol=1e-3)
    assert not fast[500:].any()
    slow = at_speed(tone, 0.5)
    assert np.allclose(slow, np.sin(2 * np.pi * 5 * time), atol=1e-2)
    assert np.array_equal(at_speed(tone, 1.0), tone)
