from pathlib import Path

import pytest

from assistant.errors import AssistantError, SettingRefused
from assistant.settings import Settings


def test_home_as_given_wins_over_the_environment_and_that_over_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "env"))
    assert Settings.read(tmp_path / "given").home == tmp_path / "given"
    assert Settings.read().knowledge == tmp_path / "env" / "knowledge"
    monkeypatch.delenv("ASSISTANT_HOME")
    monkeypatch.chdir(tmp_path)
    assert Settings.read().index == tmp_path / "index"


def test_the_environment_is_read_when_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_EMBEDDER", "some/model")
    monkeypatch.setenv("ASSISTANT_THRESHOLD", "0.7")
    monkeypatch.setenv("ASSISTANT_READER", "some/reader")
    assert (Settings.read().embedder, Settings.read().threshold) == ("some/model", 0.7)
    assert Settings.read().reader == "some/reader"


@pytest.mark.parametrize("value", ["high", "1.5", "-1", "nan"])
def test_a_bad_setting_names_itself_and_what_is_wanted(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_THRESHOLD", value)
    with pytest.raises(SettingRefused, match=r"(?i)threshold is .*; it must be a"):
        Settings.read()


def test_counts_are_one_or_more() -> None:
    with pytest.raises(AssistantError, match="statements is 0; it must be 1 or more"):
        Settings(home=Path(), statements=0)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000", "https://chroma.example/our-team", "http://[::1]:8000/", "http://a"],
)
def test_a_chroma_server_is_named_by_its_address(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CHROMA", address)
    monkeypatch.setenv("ASSISTANT_CHROMA_TOKEN", "s3cret")
    assert (Settings.read().chroma, Settings.read().chroma_token) == (address, "s3cret")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8000",
        "file:///etc/passwd",
        "ftp://a",
        "http://",
        "http://a:port",
        "http://a:0",
        "http://a:99999",
        "http://a/team/more",
        "http://a/..",
        "http://a/x.gen-000001",
        "http://a/?q",
        "http://a/#f",
        "http://me:s3cret@a",
        "http://s3cret@a:8000/team",
        "me:s3cret@a",
        "http://a:s3@cret@b",
    ],
)
def test_an_address_that_is_none_is_refused_and_no_password_shown(address: str) -> None:
    with pytest.raises(SettingRefused, match="chroma is .* must be http") as refused:
        Settings(home=Path(), chroma=address)
    assert "s3" not in str(refused.value)
    assert "s3" not in repr(refused.value.value)


def test_a_chat_model_is_named_by_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.read()
    assert (settings.model, settings.model_url, settings.model_seconds) == ("", "", 30)
    monkeypatch.setenv("ASSISTANT_MODEL", "ollama:llama3.2:3b")
    monkeypatch.setenv("ASSISTANT_MODEL_URL", "http://127.0.0.1:11434/v1/")
    monkeypatch.setenv("ASSISTANT_MODEL_SECONDS", "2.5")
    settings = Settings.read()
    assert settings.model == "ollama:llama3.2:3b"
    assert (settings.model_url, settings.model_seconds) == ("http://127.0.0.1:11434/v1/", 2.5)


@pytest.mark.parametrize(
    "model", ["llama3", ":llama3", "ollama:", "ollama:a b", "ollama:a\nb", "x"]
)
def test_a_model_without_its_provider_is_refused(model: str) -> None:
    with pytest.raises(SettingRefused, match="model is .* must be provider:name"):
        Settings(home=Path(), model=model)


@pytest.mark.parametrize("url", ["localhost:1", "ftp://a", "http://", "http://me:s3cret@a", "x?q"])
def test_a_models_address_that_is_none_is_refused_and_no_password_shown(url: str) -> None:
    with pytest.raises(SettingRefused, match="model_url is .* must be http") as refused:
        Settings(home=Path(), model="openai:a", model_url=url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
def test_a_model_is_waited_for_but_not_for_ever(seconds: float) -> None:
    with pytest.raises(SettingRefused, match="model_seconds"):
        Settings(home=Path(), model_seconds=seconds)
