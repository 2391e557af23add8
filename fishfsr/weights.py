"""Weight files of fishfsr: the pairs that the project ships, and what LPIPS needs."""

from fishprep.common.weights import OWN_PACKAGE, WeightRecord


def _pair(name: str, sha256: str, size: int, purpose: str = "") -> WeightRecord:
    """ParsingNet and a network that enlarges, trained here; `name` begins with the scale."""
    return WeightRecord(
        name=f"fishfsr-{name}",
        file=f"fishfsr-{name}.safetensors",
        package=OWN_PACKAGE,
        sha256=sha256,
        size=size,
        licence="non-commercial only: trained on CelebA",
        purpose=f"super-resolution {name.partition('-')[0]}{purpose} (fishfsr upscale)",
        flags="--model FILE",
    )


PAIRS = (
    _pair("x2", "508df8591817fac53d878fc5c54b76a4bfcc2dbf346ac3842a2b6ad34a9eb158", 317_728),
    _pair("x4", "41dd6156730f3bc5d31799863b3e729ce7c83e286a05560a8d609b24c059419d", 1_745_874),
    _pair("x8", "11f3be75815867a02e6797e47a63cd1f9136021735bcd3cc0f34c01d02c7deff", 8_033_018),
    _pair("x16", "5cf62e21894cc1496a9a71b67b20fcd06c20df8a9357e61cd06e0d5d01b65846", 6_384_746),
    _pair(
        "x4-wild", "c695892ccbff1f200c1ad87e7c179fd2970ec77d25687cd0c001a416eadc0f1c", 1_745_874, " of spoiled faces"
    ),
    _pair(
        "x8-wild", "6da0c9753f665b56c54bff320ad6416c98286b2b6fc8b0e193b8d0057ebd212f", 6_233_906, " of spoiled faces"
    ),
)
"""What `fishfsr upscale` takes where no model is named."""

EARLIER = (
    _pair(
        "x4-fishfsrnet",
        "4bebae47bbef65b38ec0ac0c6a9aa9e35d06461781d6a3e6ea34e067faa10bcb",
        880_432,
        ", the paper's network",
    ),
    _pair(
        "x8-fishfsrnet",
        "d2c9e04ce7f1531171169192abfeb673fd9b83e749ca0abac51997ff32e4eae6",
        1_253_376,
        ", the paper's network",
    ),
    _pair(
        "x16-fishfsrnet",
        "146d0ae4b9b3e1effed037279521b4e0520abddf9717b81ec2310b755d4beff6",
        1_696_544,
        ", the paper's network",
    ),
)
"""The paper's network narrowed, which x4, x8 and x16 were before; by name only."""

ALEXNET = WeightRecord(
    name="alexnet",
    file="alexnet-owt-7be5be79.pth",
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    size=244_408_911,
    licence="BSD-3-Clause code, trained on ImageNet: non-commercial research",
    purpose="features of LPIPS (torchvision's AlexNet)",
)

LPIPS_CHANNELS = WeightRecord(
    name="lpips-alex",
    file="weights/v0.1/alex.pth",
    package="lpips",
    sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    size=6_009,
    licence="BSD-2-Clause",
    purpose="weights of LPIPS's channels (version 0.1)",
)

RECORDS: tuple[WeightRecord, ...] = (*PAIRS, *EARLIER, ALEXNET, LPIPS_CHANNELS)
