from uss.training.schedules import decay_factor, warmup_factor


def test_a_third_of_the_warmup_each_then_constant():
    factors = [warmup_factor(step, 30_000) for step in (0, 9_999, 10_000, 19_999, 20_000, 29_999)]
    assert factors == [0.001, 0.001, 0.01, 0.01, 0.1, 0.1]
    assert warmup_factor(30_000, 30_000) == warmup_factor(600_000, 30_000) == 1


def test_short_and_absent_warmup():
    assert [warmup_factor(step, 4) for step in range(5)] == [0.001, 0.001, 0.01, 0.1, 1]
    assert warmup_factor(0, 0) == 1


def test_decay_is_linear_and_ends_above_zero():
    assert [decay_factor(step, 10, 4) for step in range(5, 10)] == [1, 1, 0.75, 0.5, 0.25]
    assert decay_factor(9, 10, 0) == 1
