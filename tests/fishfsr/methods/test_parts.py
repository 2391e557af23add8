"""What the methods are made of: wavelet packets, heatmaps, mirrors, priors, adversaries."""

import numpy as np
import pytest
import torch

from fishfsr.data.batch import MIRRORED, Batch, mirrored_classes, mirrored_points, to_faces
from fishfsr.errors import ConfigurationError
from fishfsr.methods import urdgn
from fishfsr.methods.alignment import components, found, heatmaps
from fishfsr.methods.base import published
from fishfsr.methods.every import METHODS
from fishfsr.methods.fsrnet import FSRNetConfig, wanted_priors
from fishfsr.methods.layers import BatchNorm, haar_packets
from fishfsr.methods.sisn import SISN, SISNConfig
from fishfsr.methods.urdgn import AdversarialObjective, Adversaries, URDGNConfig, _shares
from fishfsr.methods.wsrnet import WSRNet, WSRNetConfig, analysed, packets_of_levels, reconstructed, wavelet_loss
from fishfsr.training.optimiser import Average


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_packets_are_orthonormal_and_invert(scale: int) -> None:
    basis = haar_packets(scale)
    rows = basis.flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(scale**2))
    image = torch.rand(2, 3, 4 * scale, 2 * scale)
    torch.testing.assert_close(reconstructed(analysed(image, basis), basis), image)
    assert sum(packets_of_levels(scale)) == scale**2


def test_packets_by_their_definition() -> None:
    """Packet i in base 4, the lowest digit the coarsest level: Kronecker products written out with NumPy."""
    one = {
        0: np.ones((2, 2)),
        1: np.array([[1, -1], [1, -1]]),
        2: np.array([[1, 1], [-1, -1]]),
        3: np.array([[1, -1], [-1, 1]]),
    }
    basis = haar_packets(4)
    for number in range(16):
        coarse, fine = one[number % 4] / 2, one[number // 4] / 2
        np.testing.assert_allclose(basis[number].numpy(), np.kron(coarse, fine))
    image = torch.rand(1, 3, 8, 8)
    means = torch.nn.functional.avg_pool2d(image, 4) * 4
    torch.testing.assert_close(analysed(image, basis)[:, 0], means)


def test_the_wavelet_loss_is_the_picture_s() -> None:
    """Orthonormal: squared errors of all packets are those of the picture; the texture term is 0 where energy is kept."""
    basis = haar_packets(4)
    made, wanted = (analysed(torch.rand(2, 3, 8, 8), basis) for _ in range(2))
    by_packets = (made - wanted).square().sum()
    torch.testing.assert_close(by_packets, (reconstructed(made, basis) - reconstructed(wanted, basis)).square().sum())
    assert wavelet_loss(2 * wanted, wanted) == pytest.approx(
        float((0.99 * wanted[:, 1:].square().sum() + 0.01 * wanted[:, :1].square().sum()) / 4), rel=1e-5
    )


def test_heatmaps_peak_where_the_landmark_is() -> None:
    landmarks = torch.full((1, 68, 2), 0.0)
    landmarks[0, :, 0] = torch.arange(68) + 20.0
    landmarks[0, :, 1] = 61.5  # between two pixels of the face: the middle of pixel 15 of 32
    maps = heatmaps(landmarks, 32)
    assert maps.shape == (1, 68, 32, 32)
    column = (landmarks[0, :, 0] + 0.5) / 4 - 0.5
    torch.testing.assert_close(maps[0, :, 15, :].argmax(1).float(), column.round(), atol=1, rtol=0)
    assert float(maps[0, 1, 15].max()) == pytest.approx(float(np.exp(-0.5 * (column[1] - column[1].round()) ** 2)))
    assert found(maps, landmarks).tolist() == [1.0]
    assert found(maps.roll(8, 3), landmarks).item() < 0.5


def test_a_mirrored_face_has_mirrored_landmarks() -> None:
    """A face drawn by its landmarks, mirrored, is the face drawn by its mirrored landmarks."""
    table = np.array(MIRRORED)
    assert (table[table] == np.arange(68)).all(), "twice in the mirror is once in front of it"
    assert [MIRRORED[n] for n in (0, 8, 17, 21, 27, 31, 36, 39, 48, 51, 60, 64)] == [
        16,
        8,
        26,
        22,
        27,
        35,
        45,
        42,
        54,
        51,
        64,
        60,
    ]
    landmarks = torch.rand(2, 68, 2) * 127
    heat = heatmaps(landmarks, 128)
    torch.testing.assert_close(heatmaps(mirrored_points(landmarks), 128), heat.flip(3)[:, table], atol=1e-4, rtol=0)


def test_mirrored_classes_exchange_left_and_right() -> None:
    classes = torch.tensor([[[1, 4, 5], [6, 7, 8], [9, 10, 18]]], dtype=torch.uint8)
    assert mirrored_classes(classes).tolist() == [[[4, 5, 1], [9, 6, 7], [18, 10, 8]]]


def test_faces_carry_what_was_asked_for() -> None:
    batch = Batch(
        torch.zeros(2, 128, 128, 3, dtype=torch.uint8), torch.zeros(2, 16, 16, 3, dtype=torch.uint8),
        torch.zeros(2, 16, 16, dtype=torch.uint8), torch.arange(2), torch.rand(2, 68, 2) * 127,
        torch.randint(0, 19, (2, 128, 128), dtype=torch.uint8),
    )  # fmt: skip
    faces = to_faces(batch, torch.device("cpu"), torch.tensor([True, False]))
    assert faces.landmarks is not None and faces.classes is not None and batch.landmarks is not None
    torch.testing.assert_close(faces.landmarks[1], batch.landmarks[1])
    torch.testing.assert_close(faces.landmarks[0, 8, 0], 127 - batch.landmarks[0, 8, 0])
    assert torch.equal(faces.classes[0], mirrored_classes(batch.classes[:1])[0].long())  # type: ignore[index]
    priors = wanted_priors(faces, FSRNetConfig(width=8))
    assert priors.shape == (2, 79, 64, 64) and priors.min() >= 0 and priors.max() <= 1
    skin = (faces.classes[1] == 1).float().unflatten(0, (64, 2)).unflatten(2, (64, 2)).mean((1, 3))
    torch.testing.assert_close(priors[1, 68], skin)


def test_components_gather_the_landmarks_of_each_part() -> None:
    maps = torch.zeros(1, 68, 4, 4)
    maps[0, 40, 1, 2] = 0.5  # of the first eye
    parts = components(maps)
    assert parts.shape == (1, 5, 4, 4) and parts[0, 0, 1, 2] == 1.0 and parts.sum() == 1.0


def test_sisn_s_entry_is_a_convolution_on_the_lr_face() -> None:
    """Nearest pixels folded back: the copies' weights summed do the same."""
    network = SISN(SISNConfig(width=8, scale=4, groups=1, blocks=1))
    lr = torch.rand(2, 3, 8, 8)
    folded = network.first((lr - network.mean).repeat_interleave(16, 1))
    summed = network.first.weight.unflatten(1, (3, 16)).sum(2)
    torch.testing.assert_close(
        folded, torch.nn.functional.conv2d(lr - network.mean, summed, padding=1), atol=1e-5, rtol=1e-5
    )
    enlarged = lr.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(torch.nn.functional.pixel_unshuffle(enlarged, 4), lr.repeat_interleave(16, 1))


def test_who_is_ahead_waits_but_never_both() -> None:
    assert [_shares(*losses) for losses in ((0.2, 0.5), (0.5, 0.8), (0.2, 0.8), (0.5, 0.5))] == [
        (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (1.0, 1.0),
    ]  # fmt: skip


def close(one: torch.Tensor, other: torch.Tensor | None) -> None:
    assert other is not None
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


def test_adversaries_learn_each_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator's gradient is that of its own terms, the discriminator's of its own: by two losses taken apart."""
    method = METHODS["urdgn"]
    torch.manual_seed(0)
    network = method.network(URDGNConfig(width=8))
    objective = AdversarialObjective(network)
    adversaries = objective.trained
    assert isinstance(adversaries, Adversaries) and objective.network_of(adversaries) is network
    monkeypatch.setattr(urdgn, "UNSURE", 10.0)  # neither waits
    lr, hr = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 128, 128)
    faces = to_faces(
        Batch(
            (hr * 255).byte().permute(0, 2, 3, 1),
            (lr * 255).byte().permute(0, 2, 3, 1),
            torch.zeros(2, 16, 16),
            torch.arange(2),
        ),
        torch.device("cpu"),
    )
    objective.loss(adversaries, faces, None, published, 0).backward()
    learned = {
        name: parameter.grad.clone() for name, parameter in adversaries.named_parameters() if parameter.grad is not None
    }
    adversaries.zero_grad()
    network.train()
    sr = network(faces.lr)
    taken = adversaries.discriminator(sr.clamp(0, 1))
    cross = torch.nn.functional.binary_cross_entropy_with_logits
    (published(sr, faces.hr) + 0.01 * cross(taken, torch.ones(2))).backward()
    for name, parameter in network.named_parameters():
        close(learned[f"generator.{name}"], parameter.grad)
    adversaries.zero_grad()
    true, made = (adversaries.discriminator(each.detach().clamp(0, 1)) for each in (faces.hr, sr))
    (cross(true, torch.ones(2)) + cross(made, torch.zeros(2))).backward()
    for name, parameter in adversaries.discriminator.named_parameters():
        close(learned[f"discriminator.{name}"], parameter.grad)


def test_batch_norm_keeps_no_count_and_its_average_follows() -> None:
    norm = BatchNorm(4)
    assert set(norm.state_dict()) == {"weight", "bias", "running_mean", "running_var"}
    average = Average(norm, 0.9)
    norm(torch.rand(8, 4, 3, 3) + 5)
    average.update(norm, 100)
    assert torch.equal(average.network.running_mean, norm.running_mean) and norm.running_mean.min() > 0.4
    other = BatchNorm(4)
    other.load_state_dict(norm.state_dict())
    torch.testing.assert_close(other.running_var, norm.running_var)


def test_a_rival_reads_no_map() -> None:
    with pytest.raises(ConfigurationError, match="reads no parsing map"):
        METHODS["srcnn"].config(use_map=True)


def test_wsrnet_s_heads_give_the_packets_of_their_levels() -> None:
    network = WSRNet(WSRNetConfig(width=8, scale=8))
    assert network.packets(torch.rand(1, 3, 4, 4)).shape == (1, 64, 3, 4, 4)
