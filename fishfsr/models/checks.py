"""What the networks ask of their inputs."""

from torch import Tensor

from fishfsr.errors import InputError


def check_image(image: Tensor, name: str, channels: int = 3) -> None:
    """Raise InputError unless `image` is a floating-point (N, channels, h, w), none of them 0."""
    if image.ndim != 4 or image.shape[1] != channels:
        raise InputError(f"{name} must have the shape (N, {channels}, h, w); it has {tuple(image.shape)}")
    if image.numel() == 0:
        raise InputError(f"{name} is empty: its shape is {tuple(image.shape)}")
    if not image.is_floating_point():
        raise InputError(f"{name} must be floating point in [0, 1]; it is {image.dtype}: divide by 255 first")


def check_map(parsing: Tensor | None, lr: Tensor, channels: int) -> None:
    """Raise InputError unless `parsing` is a map (N, channels, h, w) that goes with the LR image `lr`."""
    if parsing is None:
        raise InputError(f"this network needs a parsing map of shape (N, {channels}, h, w); none was given")
    check_image(parsing, "the parsing map", channels)
    if parsing.shape[0] != lr.shape[0] or parsing.shape[2:] != lr.shape[2:]:
        raise InputError(
            f"the parsing map must have the LR image's batch and size; "
            f"the map is {tuple(parsing.shape)}, the image {tuple(lr.shape)}"
        )
