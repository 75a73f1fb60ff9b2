"""What alframe says when the server, the token, the project or a parameter cannot be used."""

from __future__ import annotations

import pytest
from alframe_labelstudio.source import LabelStudio
from fake_label_studio import PERSONAL_TOKEN, FakeLabelStudio
from label_studio_people import Person, labels

from alframe.contracts import CheckableSource
from alframe.errors import BadParams, LabelError
from alframe.types import Request

FOX, DEER = "fox", "red deer"


def test_pages_and_limits(source: LabelStudio, request_: Request, anna: Person, studio: FakeLabelStudio) -> None:
    source.request(request_)
    anna.answer(request_, dict.fromkeys((item.id for item in request_.items), FOX))
    studio.max_page_size, studio.busy = 3, 2
    assert len(labels(source, request_)) == 4
    assert sum(line.startswith("GET /api/tasks") for line in studio.requests[-10:]) >= 2
    studio.busy = 1000
    (problem,) = source.collect(request_).problems
    assert "limits the rate of requests. Wait some minutes" in str(problem)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("<View><Image name='i' value='$i'/></View>", "has no Choices tag for an image"),
        ("<View><Text name='t' value='$t'/><Choices name='c' toName='t'/></View>", "has no Image tag"),
        ("<View>", "is no valid XML"),
    ],
)
def test_an_interface_without_an_answer(config: str, reason: str, studio: FakeLabelStudio, anna: Person) -> None:
    made = anna.call("POST", "/api/projects", {"title": "mine", "label_config": config})
    with pytest.raises(LabelError, match=f"{reason}.*Settings > Labeling Interface"):
        LabelStudio(url=studio.url, project=made["id"]).check()


def test_tokens(
    source: LabelStudio, request_: Request, anna: Person, studio: FakeLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(source, CheckableSource)
    source.request(request_)
    anna.answer(request_, {"cam 1/0.png": FOX})
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", PERSONAL_TOKEN)
    assert len(labels(source, request_)) == 1
    monkeypatch.setattr(studio, "legacy_tokens_enabled", False)
    source.check()
    for token, reason in [
        ("", "LABEL_STUDIO_API_KEY is not set. Copy a token"),
        ("old", "does not accept the token.*: Invalid token"),
        ("a" * 40, "legacy token authentication has been disabled.*Personal Access Token"),
        ("expired.personal.token", "does not accept the token in LABEL_STUDIO_API_KEY: Token is invalid"),
    ]:
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", token)
        with pytest.raises(LabelError, match=reason):
            source.check()
        assert reason.partition(".*")[0] in str(source.collect(request_).problems[0])
        assert not source.collect(request_).labels and not source.collect(request_).cleared


def test_an_access_token_that_expires_meanwhile(
    studio: FakeLabelStudio, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", PERSONAL_TOKEN)
    answer = studio.answer

    def expire_sometimes(*arguments: object) -> tuple[int, object]:
        if len(studio.requests) % 3 == 0:
            studio.access_tokens.clear()
        return answer(*arguments)

    monkeypatch.setattr(studio, "answer", expire_sometimes)
    LabelStudio(url=studio.url).request(request_)
    assert len(studio.tasks) == 4
    assert sum("token/refresh" in line for line in studio.requests) > 2


def test_a_server_that_is_not_there(source: LabelStudio, request_: Request, studio: FakeLabelStudio) -> None:
    source.request(request_)
    studio.close()
    with pytest.raises(
        LabelError, match=r"cannot be reached: Connection refused. Start it, or correct label_source.url"
    ):
        source.request(request_)
    answers = source.collect(request_)
    assert "cannot be reached" in str(answers.problems[0]) and not answers.labels and not answers.cleared


def test_a_project_that_is_gone(source: LabelStudio, request_: Request, anna: Person, studio: FakeLabelStudio) -> None:
    source.request(request_)
    studio.projects.clear()
    assert "has no project 1" in str(source.collect(request_).problems[0])
    with pytest.raises(LabelError, match=r"If it was deleted, delete .*labelstudio.json") as caught:
        source.request(request_)
    (request_.folder / "labelstudio.json").unlink()  # the remedy
    source.request(request_)
    assert len(anna.tasks(request_)) == 4 and not source.collect(request_).problems, str(caught.value)


def test_another_server(source: LabelStudio, request_: Request, studio: FakeLabelStudio) -> None:
    source.request(request_)
    record = request_.folder / "labelstudio.json"
    record.write_text(record.read_text(encoding="utf-8").replace(studio.url, "http://old:8080"), encoding="utf-8")
    with pytest.raises(LabelError, match=r"is in Label Studio at http://old:8080.*correct the address in .*json"):
        source.request(request_)
    assert "http://old:8080" in str(source.collect(request_).problems[0])
    record.write_text("{", encoding="utf-8")
    with pytest.raises(LabelError, match="Restore it from a backup"):
        source.request(request_)


def test_parameters_that_cannot_be() -> None:
    for parameters, reason in [
        ({"url": "localhost:8080"}, "must start with http"),
        ({"exports": "a.json"}, "only without a server"),
        ({"url": None}, "nothing can be uploaded without a server"),
        ({"skipped": "no"}, "must be one of unsure, open"),
        ({"annotators": 0}, "must be at least 1"),
    ]:
        with pytest.raises(BadParams, match=reason):
            LabelStudio(**parameters)
