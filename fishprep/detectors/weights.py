"""Weight files of the detectors."""

from fishprep.common.weights import OWN_PACKAGE, WeightRecord

BLAZEFACE = WeightRecord(
    name="blazeface-full",
    file="blazeface-full.safetensors",
    package=OWN_PACKAGE,
    sha256="a2a102cebae9288b3f166d39ed77fb025ead0a5d44158093c82263ccd9d8d6d2",
    size=1_043_842,
    licence="Apache-2.0 (Google LLC, MediaPipe)",
    purpose="face detection (BlazeFace, full range)",
)

RECORDS = (BLAZEFACE,)
