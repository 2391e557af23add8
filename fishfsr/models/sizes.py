"""Parameters and multiply-accumulates of every network of the registry, as counted: whoever lists them waits for no count.

`tests/fishfsr/methods/test_sizes.py` counts them anew.
"""

from collections.abc import Mapping
from types import MappingProxyType

SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "parsingnet_x2": (593_217, 2_425_356_288),
        "parsingnet_x4": (593_217, 606_339_072),
        "parsingnet_x8": (593_217, 151_584_768),
        "parsingnet_x16": (593_217, 37_896_192),
        "fishfsrnet_x2": (1_929_347, 19_489_144_832),
        "fishfsrnet_x4": (4_240_835, 26_528_350_208),
        "fishfsrnet_x8": (7_011_843, 30_217_568_256),
        "fishfsrnet_x16": (10_316_227, 33_006_374_912),
        "tapernet_x2": (344_556, 1_387_270_656),
        "tapernet_x4": (1_607_160, 1_893_354_624),
        "tapernet_x8": (2_959_972, 1_072_335_360),
        "tapernet_x16": (6_741_912, 816_838_784),
        "srcnn_x4": (69_251, 1_132_986_368),
        "srcnn_x8": (69_251, 1_132_986_368),
        "srcnn_x16": (69_251, 1_132_986_368),
        "urdgn_x4": (1_045_763, 14_576_975_872),
        "urdgn_x8": (1_053_731, 14_584_754_176),
        "urdgn_x16": (1_090_787, 14_615_342_080),
        "vdsr_x4": (667_008, 10_928_259_072),
        "vdsr_x8": (667_008, 10_928_259_072),
        "vdsr_x16": (667_008, 10_928_259_072),
        "wsrnet_x4": (51_353_968, 52_563_738_624),
        "wsrnet_x8": (74_999_296, 19_189_383_168),
        "wsrnet_x16": (226_203_712, 14_469_672_960),
        "superfan_x4": (1_445_636, 5_211_619_328),
        "superfan_x8": (1_659_588, 4_461_477_888),
        "superfan_x16": (1_873_540, 4_273_942_528),
        "fsrnet_x4": (3_266_959, 15_314_976_768),
        "fsrnet_x8": (3_266_959, 15_314_976_768),
        "fsrnet_x16": (3_266_959, 15_314_976_768),
        "dic_x4": (21_799_817, 45_336_510_464),
        "dic_x8": (21_803_849, 45_336_510_464),
        "dic_x16": (21_819_977, 45_336_510_464),
        "sisn_x4": (8_072_512, 6_304_194_560),
        "sisn_x8": (8_302_912, 2_224_185_344),
        "sisn_x16": (8_782_144, 1_204_183_040),
        "sparnet_x4": (4_265_763, 6_029_770_752),
        "sparnet_x8": (4_265_763, 6_029_770_752),
        "sparnet_x16": (4_265_763, 6_029_770_752),
        "authors_fishfsrnet_x4": (4_948_419, 31_064_752_128),
        "authors_fishfsrnet_x8": (8_177_331, 36_283_908_096),
    }
)
"""By name: parameters, and multiply-accumulates of one face at the record's input size."""
