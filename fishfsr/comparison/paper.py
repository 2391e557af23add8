"""The figures of the paper that stand beside those measured here: Tables I, II and III."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from fishfsr.errors import ConfigurationError

PaperFaces = Literal["celeba", "helen"]


class PaperRow(NamedTuple):
    """PSNR in dB and SSIM on Y, and the cosine of identity where the paper has it."""

    psnr: float
    ssim: float
    identity: float | None = None


_NAMES = ("bicubic", "srcnn", "urdgn", "vdsr", "wsrnet", "superfan", "fsrnet", "dic", "sisn", "fishfsrnet")
_TABLE_1 = {
    ("celeba", 4): (
        "27.48/.8166 28.04/.8369 30.11/.8844 31.25/.9056 30.92/.9081 "
        "31.37/.9054 31.46/.9084 31.44/.9091 31.88/.9157 31.97/.9170"
    ),
    ("celeba", 8): (
        "23.68/.6258 23.93/.6348 25.62/.7261 26.36/.7605 26.83/.7873 "
        "27.08/.7841 26.66/.7714 27.41/.8022 27.31/.7978 27.54/.8072"
    ),
    ("celeba", 16): (
        "20.34/.4671 20.54/.4672 22.29/.5786 22.42/.5942 23.13/.6343 "
        "23.42/.6515 23.04/.6293 23.47/.6573 23.42/.6743 23.68/.6784"
    ),
    ("helen", 4): (
        "28.22/.8540 28.60/.8678 30.29/.9019 30.74/.9014 30.95/.9163 "
        "30.94/.9099 30.76/.9101 31.81/.9269 31.63/.9245 32.01/.9292"
    ),
    ("helen", 8): (
        "23.88/.6628 23.98/.6670 25.23/.7205 25.31/.7266 26.02/.7731 "
        "26.23/.7656 25.89/.7605 26.69/.7953 26.66/.7920 26.86/.7984"
    ),
    ("helen", 16): (
        "20.65/.5061 20.73/.5088 21.68/.5452 21.35/.5417 22.00/.5763 "
        "22.54/.5991 22.05/.5820 22.60/.6122 22.55/.6037 22.85/.6346"
    ),
}  # fmt: skip
_COMPARED = ("bicubic", "fsrnet", "dic", "sisn", "fishfsrnet")
_TABLE_2 = {
    ("celeba", 4): (0.7979, 0.9066, 0.9074, 0.9204, 0.9206),
    ("celeba", 8): (0.3851, 0.7171, 0.7728, 0.7709, 0.7780),
    ("celeba", 16): (0.3057, 0.5701, 0.4975, 0.5919, 0.6358),
    ("helen", 4): (0.8982, 0.9313, 0.9462, 0.9488, 0.9527),
    ("helen", 8): (0.5039, 0.7453, 0.7865, 0.7853, 0.7960),
    ("helen", 16): (0.3363, 0.5461, 0.5886, 0.5177, 0.5692),
}
_TABLE_3 = "27.21/.7951 27.44/.8030 27.31/.7990 27.30/.7988 27.35/.8013 27.41/.8028 27.44/.8036 27.54/.8072"
"""Models 1 to 8, CelebA at x8."""


def paper_rows(faces: PaperFaces, scale: int) -> Mapping[str, PaperRow]:
    """The paper's figures by the contestant's name; those that it does not have are not in it, at x2 none."""
    if faces not in get_args(PaperFaces):
        raise ConfigurationError(f"the paper has no faces {faces!r}; it has {', '.join(get_args(PaperFaces))}")
    key: tuple[str, int] = (faces, scale)
    if key not in _TABLE_1:
        return MappingProxyType({})
    identity = dict(zip(_COMPARED, _TABLE_2[key], strict=True))
    rows = {
        name: PaperRow(*_pair(text), identity.get(name))
        for name, text in zip(_NAMES, _TABLE_1[key].split(), strict=True)
    }
    if key == ("celeba", 8):
        rows |= {f"model_{number}": PaperRow(*_pair(text)) for number, text in enumerate(_TABLE_3.split(), 1)}
    return MappingProxyType(rows)


def _pair(text: str) -> tuple[float, float]:
    psnr, ssim = text.split("/")
    return float(psnr), float(ssim)
