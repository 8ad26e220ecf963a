"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass

FOLDS = (1, 2, 3, 4, 5)


@dataclass
class Data:
    """data.yaml, stage 0."""

    audio: str  # the folder ESC-50-master, as published
    dev_fold: int
    eval_fold: int

    def __post_init__(self) -> None:
        for key in ("dev_fold", "eval_fold"):
            if getattr(self, key) not in FOLDS:
                raise ValueError(f"{key} is {getattr(self, key)}; ESC-50 has the folds 1 to 5")
        if self.dev_fold == self.eval_fold:
            raise ValueError(f"dev_fold and eval_fold are both {self.dev_fold}; they must differ")

    def split(self, fold: str) -> str:
        """Of a fold, as esc50.csv writes it."""
        if fold not in map(str, FOLDS):
            raise ValueError(f"esc50.csv names fold {fold}; ESC-50 has the folds 1 to 5")
        return {str(self.eval_fold): "eval", str(self.dev_fold): "dev"}.get(fold, "train")
