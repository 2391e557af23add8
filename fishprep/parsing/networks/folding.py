"""Batch normalisation folded into convolutions, for inference."""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONV_BN = (("conv", "bn"), ("conv1", "bn1"), ("conv2", "bn2"), ("conv_atten", "bn_atten"), ("0", "1"))


def fold_batch_norms(net: nn.Module) -> None:
    """Fold every batch normalisation of an `eval` network into the convolution before it, in place."""
    for module in list(net.modules()):
        for conv_name, norm_name in _CONV_BN:
            conv, norm = getattr(module, conv_name, None), getattr(module, norm_name, None)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())
