"""What takes seconds to load, loaded once: the process that others are forked from (`warm`) imports this."""

from functools import cache
from importlib import import_module

import cv2
import dlib
import torch

from fishprep.common.weights import WeightStore
from fishprep.landmarks.weights import DLIB_68

for name in (
    "fishcli.options",
    "fishfsr.training.run",
    "fishprep.builds.builder",
    "fishprep.decoding.entropy",
    "fishprep.landmarks.dlib",
    "fishprep.parsing.network_parser",
    "fishprep.public.planning",
    "pyarrow.pandas_compat",
    "torch._dynamo",
    "torch.distributed.nn",
    "torch.utils.data",
):
    import_module(name)

torch.set_num_threads(1)
cv2.setNumThreads(1)
for reader in ("get_frontal_face_detector", "shape_predictor", "cnn_face_detection_model_v1"):
    setattr(dlib, reader, cache(getattr(dlib, reader)))
dlib.get_frontal_face_detector()
dlib.shape_predictor(str(WeightStore.from_environment().locate(DLIB_68)))
