"""The ranges of the recipes' settings, and the defaults that docs/method.md fixes."""

import pytest

from uss import schema
from uss.config import from_dict

TRAINING = {"steps": 10}


@pytest.mark.parametrize(
    ("cls", "content", "message"),
    [
        (schema.Resample, {"sample_rate": 0}, "sample_rate is 0, must be at least 1"),
        (schema.Resample, {"clip_seconds": 0}, "clip_seconds is 0.0, must be positive"),
        (schema.Resample, {"clips_per_part": 0}, "clips_per_part is 0"),
        (schema.Resample, {"max_rejected_fraction": 1.5}, "max_rejected_fraction is 1.5"),
        (schema.Training, {"steps": 0}, "steps is 0"),
        (schema.Training, {**TRAINING, "batch_size": 0}, "batch_size is 0"),
        (schema.Training, {**TRAINING, "learning_rate": 0}, "learning_rate is 0.0"),
        (schema.Training, {**TRAINING, "seed": -1}, "seed is -1"),
        (schema.Training, {**TRAINING, "betas": [0.9]}, "betas is [0.9]"),
        (schema.Training, {**TRAINING, "betas": [0.9, 1.0]}, "betas is [0.9, 1.0]"),
        (schema.Training, {**TRAINING, "weight_decay": -1}, "weight_decay is -1.0"),
        (schema.Training, {**TRAINING, "batch_norm_momentum": 2}, "batch_norm_momentum is 2.0"),
        (schema.Training, {**TRAINING, "weights_average": 1}, "weights_average is 1.0"),
        (schema.Training, {**TRAINING, "threads": 0}, "threads is 0"),
        (schema.Augmentation, {"speed": 2}, "speed is 2.0, must be at most 1"),
        (schema.Augmentation, {"gain_db": -1}, "gain_db is -1.0, must be at least 0"),
        (schema.DetectorModel, {"fmin": 8000, "fmax": 7000}, "fmin is 8000.0"),
        (schema.DetectorModel, {"channels": [4]}, "channels is [4]"),
        (schema.PannsModel, {"sample_rate": 16000, "num_classes": 3}, "fmax is 14000.0"),
        (schema.Detector, {"training": {"steps": 0}}, "training.steps is 0"),
        (schema.Anchors, {"segment_seconds": 0}, "segment_seconds is 0.0"),
        (schema.Mixtures, {"num_train": 0}, "num_train is 0"),
        (schema.Mixtures, {"num_train": 1, "num_eval_per_class": 0}, "num_eval_per_class is 0"),
        (schema.Mixtures, {"num_train": 1, "seed": -1}, "seed is -1"),
        (schema.AmaeModel, {"width": 100, "heads": 12}, "width must be a multiple of heads"),
        (schema.AmaeModel, {"decoder_heads": 0}, "decoder_heads is 0"),
        (schema.AmaeModel, {"input_frames": 1000}, "input_frames must be a multiple of 32"),
        (schema.AmaeModel, {"input_frames": 0}, "input_frames is 0"),
        (schema.AmaeModel, {"mean": 1.0}, "mean and std"),
        (schema.AmaeModel, {"mean": 1.0, "std": 0.0}, "std is 0.0"),
        (schema.Amae, {"training": TRAINING, "mask_ratio": 1}, "mask_ratio is 1.0"),
        (schema.Stft, {"window_size": 512, "hop_size": 320}, "hop_size is 320"),
        (schema.SystemAmae, {"updated": True}, "source is cached"),
        (schema.SystemAmae, {"features": "papers"}, "features is 'papers', not one of: none, "),
        (schema.System, {"channels": [0, 1]}, "channels is [0, 1]"),
        (schema.System, {"normalization": None}, "normalization is None, not one of: joint, none"),
        (schema.System, {"query_mix": 1.5}, "query_mix is 1.5"),
        (schema.System, {"transposed_gain": 0}, "transposed_gain is 0.0, must be positive"),
        (schema.System, {"transposed_gain": 101}, "transposed_gain is 101.0, must be at most 100"),
        (schema.Evaluate, {"summary": "mode"}, "summary is 'mode', not one of: median, mean"),
        (schema.Evaluate, {"seed": -1}, "seed is -1"),
        (schema.Evaluate, {"num_draws": 0}, "num_draws is 0"),
    ],
)
def test_values_out_of_range(cls, content, message):
    with pytest.raises(ValueError) as caught:
        from_dict(cls, content, "x.yaml")
    assert str(caught.value).startswith(f"x.yaml: {message}"), caught.value


def test_defaults_are_the_papers():
    resample = schema.Resample()
    assert (resample.sample_rate, resample.clip_seconds, resample.silence_dbfs) == (32000, 10, -60)
    training = schema.Training(steps=1)
    assert (training.batch_size, training.learning_rate, training.betas) == (16, 1e-3, [0.9, 0.999])
    assert (training.weight_decay, training.amsgrad) == (0.0, True)
    assert training.weights_average == 0
    assert schema.SeparatorTraining(steps=1).loss == "l1"
    assert not schema.SeparatorTraining(steps=1).augmentation.is_on
    panns = schema.PannsModel(sample_rate=32000, num_classes=527)
    assert (panns.window_size, panns.hop_size, panns.mel_bins) == (1024, 320, 64)
    assert (panns.fmin, panns.fmax) == (50, 14000)
    assert panns.channels == [64, 128, 256, 512, 1024, 2048]
    amae = schema.AmaeModel()
    assert (amae.sample_rate, amae.input_frames, amae.mel_bins) == (16000, 1024, 128)
    assert (amae.width, amae.depth, amae.heads) == (768, 12, 12)
    system = schema.System()
    assert (system.query, system.normalization) == ("embedding", "joint")
    assert (system.query_from, system.transposed_gain) == ("target", 1)
    assert (system.stft.window_size, system.stft.hop_size) == (1024, 320)
    assert system.channels == [32, 64, 128, 256, 384, 384]
    assert (system.amae.features, system.amae.fusion, system.amae.source) == (
        "none",
        "concat",
        "cached",
    )
    assert (system.amae.updated, system.amae.learning_rate) == (False, 1e-5)
    mixtures = schema.Mixtures()
    assert mixtures.num_train is None
    assert (mixtures.num_query_per_class, mixtures.num_eval_per_class) == (100, 100)
    assert schema.Anchors().segment_seconds == 2.0
    assert schema.Evaluate().num_draws == 2000
