import numpy as np
import pytest
import torch

from uss.evaluation.linear_probe import over_time, probe_accuracy


def features(separation: float, seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """40 items of each of 3 classes around centres that lie `separation` apart, in 5 dimensions."""
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(3), 40)
    centres = separation * np.eye(3, 5)
    items = centres[classes] + generator.standard_normal((len(classes), 5))
    return torch.from_numpy(items.astype(np.float32)), classes


@pytest.mark.slow
def test_classes_apart_are_named_and_noise_is_not():
    assert probe_accuracy(*features(20, 0), *features(20, 1)) == 1.0
    assert probe_accuracy(*features(0, 0), *features(0, 1)) == pytest.approx(1 / 3, abs=0.12)


def test_the_accuracy_is_a_mean_over_classes():
    train, train_classes = features(20, 0)
    test, classes = features(20, 1)
    keep = np.r_[0:40, 40:41, 80:81]  # 40, 1, 1 of the classes
    named = np.where(classes == 1, 2, classes)  # all of class 1 are said to be of class 2
    assert probe_accuracy(train, train_classes, test[keep], named[keep]) == pytest.approx(0.75)


def test_mean_and_maximum_over_time():
    steps = torch.tensor([[[1.0, 5.0], [3.0, -1.0]]])
    assert over_time(steps).tolist() == [[2.0, 2.0, 3.0, 5.0]]
