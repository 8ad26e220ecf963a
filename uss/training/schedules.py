"""Learning rate over the steps of a training."""


def warmup_factor(step: int, warmup_steps: int) -> float:
    """Factor of the learning rate at a step, counted from 0 (bytedance/uss, constant_warm_up).

    0.001, 0.01 and 0.1 for a third of `warmup_steps` each, then 1.
    """
    if step >= warmup_steps:
        return 1.0
    return (0.001, 0.01, 0.1)[3 * step // warmup_steps]


def decay_factor(step: int, steps: int, decay_steps: int) -> float:
    """Factor of the learning rate at a step: 1, then linear to 0 over the last `decay_steps`."""
    return 1.0 if decay_steps == 0 else min(1.0, (steps - step) / decay_steps)
