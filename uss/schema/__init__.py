"""The dataclass of each YAML in a recipe's conf/. Defaults: docs/method.md.

Values are checked here, at the border; the code behind takes them as they are.
"""

from uss.schema.amae_settings import Amae as Amae
from uss.schema.amae_settings import AmaeModel as AmaeModel
from uss.schema.data_settings import Anchors as Anchors
from uss.schema.data_settings import Mixtures as Mixtures
from uss.schema.data_settings import Resample as Resample
from uss.schema.panns_settings import Detector as Detector
from uss.schema.panns_settings import DetectorModel as DetectorModel
from uss.schema.panns_settings import PannsModel as PannsModel
from uss.schema.report_settings import Evaluate as Evaluate
from uss.schema.report_settings import Pretrained as Pretrained
from uss.schema.system_settings import Stft as Stft
from uss.schema.system_settings import System as System
from uss.schema.system_settings import SystemAmae as SystemAmae
from uss.schema.training_settings import Augmentation as Augmentation
from uss.schema.training_settings import SeparatorTraining as SeparatorTraining
from uss.schema.training_settings import Training as Training
