"""Settings: defaults, presets, windows and errors that name the valid keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.settings import LIMIT_PRESETS, PRESETS, LossDefinition, Settings, load_settings

START = datetime(2026, 9, 13, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai


def _write(folder: Path, text: str) -> Path:
    path = folder / "xundan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(None) == Settings()
    assert Settings().session_gap_hours == 4.0


def test_every_section_is_read(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        '[session]\ngap_hours = 2\n[loss]\npreset = "pdd"\n[limits]\nfirst_response_s = 30\n'
        '[privacy]\nsalt = "pepper"\n[shop]\nown_accounts = ["店主小号"]\n[report]\nmin_n = 50\n',
    )
    settings = load_settings(path)
    assert settings.session_gap_hours == 2.0
    assert settings.loss.label == "pdd-3d/1 付款口径 3d"
    assert settings.limits.first_response_s == 30.0
    assert settings.limits.urge_pay_minutes == 15.0
    assert settings.own_accounts == ("店主小号",)
    assert settings.min_n == 50
    assert settings.salt == "pepper"


def test_a_changed_preset_gets_a_name_of_its_own(tmp_path: Path) -> None:
    settings = load_settings(_write(tmp_path, '[loss]\npreset = "jd"\nwindow = "3d"\n'))
    assert settings.loss.label == "jd-own/1 下单口径 3d"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sesion]\n", "unknown key sesion; expected one of session, loss"),
        ("[session]\ngap = 1\n", "unknown key gap in [session]; expected one of gap_hours"),
        ('[loss]\nwindow = "48h"\n', "loss.window is not known; got '48h'; expected one of 24h, day+1"),
        ('[loss]\npreset = "ebay"\n', "loss.preset is not known; got 'ebay'; expected one of taobao"),
        ('[loss]\nexclude = ["after"]\n', "expected one of aftersale, agent_initiated, own_accounts, spam"),
        ("[limits]\nfirst_response_s = -1\n", "limits.first_response_s is negative"),
        ('[limits]\nfirst_response_s = "x"\n', "limits.first_response_s is no number"),
        ("[session]\ngap_hours = 0\n", "session.gap_hours must be above zero"),
        ("[report]\nmin_n = 1.5\n", "report.min_n is no whole number"),
        ("[privacy]\nsalt = ''\n", "privacy.salt is no text"),
        ("[shop]\nown_accounts = 'a'\n", "shop.own_accounts is no list"),
        ("session = 3\n", "session must be a section"),
        ("[session\n", "not a TOML file"),
    ],
)
def test_a_mistake_names_the_file_and_what_is_valid(tmp_path: Path, text: str, message: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(BadInput) as error:
        load_settings(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such settings file"):
        load_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("window", "closes"),
    [
        ("24h", datetime(2026, 9, 14, 15, 30, tzinfo=UTC)),
        ("day+1", datetime(2026, 9, 14, 16, 0, tzinfo=UTC)),  # midnight after the 14th in Shanghai
        ("3d", datetime(2026, 9, 15, 16, 0, tzinfo=UTC)),
        ("7d", datetime(2026, 9, 19, 16, 0, tzinfo=UTC)),
        ("15d", datetime(2026, 9, 27, 16, 0, tzinfo=UTC)),
    ],
)
def test_windows_end_at_midnight_in_shanghai_or_after_24_hours(window: str, closes: datetime) -> None:
    assert LossDefinition(window=window).closes(START) == closes


def test_day_plus_one_moves_with_the_day_in_shanghai_not_in_utc() -> None:
    after_midnight = datetime(2026, 9, 13, 16, 30, tzinfo=UTC)
    assert LossDefinition().closes(after_midnight) == datetime(2026, 9, 15, 16, 0, tzinfo=UTC)


def test_presets_follow_the_platforms() -> None:
    rules = {name: (rule.numerator, rule.window) for name, rule in PRESETS.items()}
    assert rules["taobao"] == ("paid", "day+1")
    assert rules["chitu"] == ("paid", "7d")
    assert rules["pdd"] == ("paid", "3d")
    assert rules["jd"] == ("ordered", "24h")
    assert rules["jd_pop_15d"] == ("ordered", "15d")


def test_limits_have_presets_of_which_single_ones_can_be_changed(tmp_path: Path) -> None:
    assert load_settings(None).limits == LIMIT_PRESETS["platform"]
    jd = load_settings(_write(tmp_path, '[limits]\npreset = "jd"\nurge_pay_minutes = 5\n')).limits
    assert (jd.first_response_s, jd.slow_response_s, jd.urge_pay_minutes) == (30, 40, 5)
    with pytest.raises(BadInput, match=r"limits\.preset is not known; got .fast.; expected one of platform"):
        load_settings(_write(tmp_path, '[limits]\npreset = "fast"\n'))


def test_json_keeps_all_but_the_salt() -> None:
    text = Settings(salt="pepper", own_accounts=("店主",)).to_json()
    assert "pepper" not in text
    assert json.loads(text)["loss"]["window"] == "day+1"
    assert json.loads(text)["own_accounts"] == ["店主"]
