"""What takes seconds to load, loaded once: the process that others are forked from (`warm`) imports this."""

import gc
from functools import cache
from importlib import import_module

import cv2
import dlib
import numpy as np
import pyarrow as pa
import torch

from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode_picture
from fishprep.landmarks.weights import DLIB_68

for name in (
    "fishcli.options",
    "fishfsr.training.run",
    "fishprep.builds.builder",
    "fishprep.decoding.entropy",
    "fishprep.landmarks.dlib",
    "fishprep.parsing.network_parser",
    "fishprep.public.planning",
    "torch._dynamo",
    "torch.distributed.nn",
    "torch.utils.data",
):
    import_module(name)

torch.set_num_threads(1)
cv2.setNumThreads(1)
for reader in ("get_frontal_face_detector", "shape_predictor", "cnn_face_detection_model_v1"):
    setattr(dlib, reader, cache(getattr(dlib, reader)))
decode_picture(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes(), Limits())  # whose check is compiled
pa.array([0])  # which looks for pandas
dlib.get_frontal_face_detector()
dlib.shape_predictor(str(WeightStore.from_environment().locate(DLIB_68)))
gc.collect()
gc.freeze()  # nobody below looks through all of this again for what nobody needs
