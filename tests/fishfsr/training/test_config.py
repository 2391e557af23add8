"""The configuration: the paper's figures, layers, and that no key is misread in silence."""

import tomllib
from pathlib import Path

import pytest

from fishfsr.errors import ConfigurationError
from fishfsr.models.config import TaperNetConfig
from fishfsr.training.config import StageSection, TrainingConfig, parse_assignments, read_settings, resolve_training
from fishfsr.training.optimiser import rate


def test_the_default_is_the_paper() -> None:
    config = resolve_training("paper")
    assert config == TrainingConfig()
    for section in (config.parsing, config.sr):
        assert (section.betas, section.eps, section.lr, section.batch_size) == ((0.9, 0.99), 1e-8, 1e-4, 8)
        assert (section.loss, section.width, section.schedule, section.clip, section.ema) == (
            "l1",
            64,
            "constant",
            0,
            0,
        )
    assert config.parsing.blocks == 8 and not config.sr.global_residual and config.precision == "float32"


def test_the_page_has_all_settings_with_their_defaults() -> None:
    """As a file that `--config` takes; what stands in a comment, or in another section too, is named there."""
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text()
    block = page.partition("```toml\n")[2].partition("```")[0]
    assert resolve_training("paper", tomllib.loads(block)) == TrainingConfig()
    for name, field in TrainingConfig.model_fields.items():
        known = getattr(field.annotation, "model_fields", {})
        missing = {key for key in {name} | set(known) if key not in block} - {"preset"}
        assert not missing, f"{name}: {missing}"


def test_the_last_layer_wins() -> None:
    config = resolve_training(
        "laptop", {"sr": {"width": 24, "lr": 5e-4}}, parse_assignments(["sr.width=32", "precision=bfloat16"])
    )
    laptop = resolve_training("laptop")
    assert config.sr.width == 32 and config.sr.lr == 5e-4 and config.precision == "bfloat16"
    assert config.sr.steps == laptop.sr.steps and config.parsing == laptop.parsing
    assert config.differences(laptop) == [
        "precision: bfloat16 → auto",
        f"sr.lr: 0.0005 → {laptop.sr.lr}",
        f"sr.width: 32 → {laptop.sr.width}",
    ]


def test_values_are_toml() -> None:
    asked = ["sr.betas=[0.9, 0.999]", "flip=false", "degradation.jpeg=[30, 90]", "sr.schedule=cosine", "sr.lr = 1e-3"]
    assert parse_assignments(asked) == {
        "sr": {"betas": [0.9, 0.999], "schedule": "cosine", "lr": 1e-3},
        "flip": False,
        "degradation": {"jpeg": [30, 90]},
    }
    assert resolve_training("paper", parse_assignments(asked)).sr.betas == (0.9, 0.999)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("sr.widht=16", "unknown key 'sr.widht'; known are initial, "),
        ("epochs=3", "unknown key 'epochs'; known are preset, scale"),
        ("degradation.blurr=1", "unknown key 'degradation.blurr'; known are name, resized, sizes, share, blur"),
        ("sr.width=15", "width = 15: must be divisible by 4"),
        ("sr.lr=-1", "sr.lr: Input should be greater than 0"),
        ("sr.lr=nan", "sr.lr: Input should be"),
        ("parsing.steps=0", "parsing.steps"),
        ("scale=3", "scale = 3: must be one of 2, 4, 8, 16"),
        ("degradation.noise=[9, 1]", "first of the two limits"),
        ("degradation.jpeg=[0, 50]", "degradation.jpeg"),
        ("sr=16", "sr: Input should be"),
        ("precision=fp8", "precision: Input should be 'auto'"),
    ],
)
def test_what_is_wrong_is_named(assignment: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        resolve_training("paper", parse_assignments([assignment]))
    assert message in str(error.value)


def test_wrong_words_are_refused(tmp_path: Path) -> None:
    for wrong in ("sr.width", "=3", "sr.=3"):
        with pytest.raises(ConfigurationError, match=r"expected SECTION\.NAME=VALUE"):
            parse_assignments([wrong])
    with pytest.raises(ConfigurationError, match="there are paper, laptop"):
        resolve_training("desktop")
    (tmp_path / "broken.toml").write_text("[sr\n")
    with pytest.raises(ConfigurationError, match=r"broken\.toml: not a TOML file"):
        read_settings(tmp_path / "broken.toml")


def test_a_file_that_begins_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "windows.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\n")
    assert read_settings(tmp_path / "windows.toml") == {"seed": 3}


def test_the_rate_rises_then_falls_on_a_cosine() -> None:
    section = StageSection(steps=110, lr=1.0, warmup=10, schedule="cosine", final_lr=0.1)
    assert [rate(section, step) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert rate(section, 60) == pytest.approx(0.55) and rate(section, 110) == pytest.approx(0.1)
    constant = StageSection(steps=110, lr=1e-4)
    assert {rate(constant, step) for step in (0, 50, 109)} == {1e-4}


def test_the_architecture_has_options_of_its_own() -> None:
    config = resolve_training("laptop", {"scale": 4, "sr": {"width": 16, "blocks": 3}})
    assert config.sr.network(4) == TaperNetConfig(width=16, blocks=3, scale=4)
    with pytest.raises(ConfigurationError, match=r"sr\.global_residual: tapernet has no such option"):
        resolve_training("laptop", {"sr": {"global_residual": True}})
    with pytest.raises(ConfigurationError, match=r"sr\.blocks: fishfsrnet has no such option"):
        resolve_training("laptop-fishfsrnet", {"sr": {"blocks": 3}})


def test_the_loss_of_the_last_steps_is_another() -> None:
    section = StageSection(steps=10, loss="l1", finish="log-mse", finish_share=0.3)
    assert [section.loss_at(step) for step in range(10)] == ["l1"] * 7 + ["log-mse"] * 3
    assert {StageSection(steps=10).loss_at(step) for step in range(10)} == {"l1"}
