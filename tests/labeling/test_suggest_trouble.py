"""A server that lies, stalls, breaks off and turns away: nothing is lost, and what cannot work ends.

pytest tests/labeling/test_suggest_trouble.py
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from tests.labeling.asking_help import ATTENTION, KEY, ask, asking, endings, freight, in_turn, plan_of
from tests.labeling.model_server import Asked, Said, answer, complaint, completion, serving
from xundan.errors import BadInput, Refused
from xundan.labeling.store import Store
from xundan.labeling.suggest import Examples, Prices, make_plan, run
from xundan.labeling.suggest.run import IN_A_ROW


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as store:
        yield store


def test_nonsense_is_told_and_asked_again(store: Store) -> None:
    with serving(in_turn(completion("运费吧？"), answer(["logistics_freight"]))) as server:
        report = ask(store, server.url, prices=Prices(1.0, 1.0))
    assert endings(report) == {"answered": 1}
    told = server.asked[1].body["messages"]
    assert told[-2] == {"role": "assistant", "content": "运费吧？"}
    assert "不是一个 JSON 对象" in told[-1]["content"]
    (found,) = store.suggestions()
    assert found.details["answers"] == 2
    assert found.price == pytest.approx(2 * 1050 / 1e6)  # the useless answer was paid for too


def test_who_only_talks_nonsense_is_told_so_often_and_never_paid_again(store: Store) -> None:
    with serving(in_turn(completion(None))) as server:
        report = ask(store, server.url, repairs=2)
        assert endings(report) == {"malformed": 1}
        assert report.reasons == (("malformed: not JSON", 1),)
        assert len(server.asked) == 3
        plan = plan_of(store, server.url, repairs=2)
        assert plan.estimate.questions == 0
        again = run(plan, store, KEY)
        assert (again.paid, again.free, len(server.asked)) == (0, 3, 3)
        assert plan_of(store, server.url, repairs=3).estimate.questions == 1  # one more is a new question
    assert store.suggestions() == []


def test_an_invented_leaf_is_named_with_the_nearest(store: Store) -> None:
    with serving(in_turn(answer(["logistics_fright"]), answer(["logistics_freight"]))) as server:
        ask(store, server.url)
    told = server.asked[1].user
    assert "类别表里没有「logistics_fright」" in told
    assert "logistics_freight" in told
    assert store.suggestions()[0].leaves == ("logistics_freight",)


def test_an_answer_cut_off_for_length_is_malformed(store: Store) -> None:
    cut_off = completion('{"reason": "这', choice={"finish_reason": "length"})
    with serving(in_turn(cut_off)) as server:
        report = ask(store, server.url, repairs=1)
    assert report.reasons == (("malformed: cut off", 1),)
    assert "被截断" in server.asked[1].user


def test_a_silent_server_is_asked_again_and_may_have_billed(store: Store) -> None:
    late = threading.Event()
    slow = replace(answer(["price_bargain"]), wait=late)
    with serving(in_turn(slow, answer(["logistics_freight"]))) as server:
        report = ask(store, server.url, timeout_s=0.3, prices=Prices(1.0, 1.0))
        late.set()
    assert endings(report) == {"answered": 1}
    assert store.suggestions()[0].leaves == ("logistics_freight",)
    assert report.unanswered.requests == 1
    assert report.yuan is not None
    assert report.yuan == pytest.approx(report.unanswered.yuan + 1050 / 1e6)
    assert "1 requests of all runs here were never answered" in "\n".join(report.lines())


def test_a_server_that_stays_silent_is_given_up_for_this_run(store: Store) -> None:
    late = threading.Event()
    with serving(in_turn(replace(freight(Asked({}, {}, ""), 0), wait=late))) as server:
        report = ask(store, server.url, timeout_s=0.2, tries=2)
        late.set()
        assert endings(report) == {"unreachable": 1}
        assert report.reasons == (("unreachable: no answer within 0.2 s", 1),)
        assert endings(ask(store, server.url)) == {"answered": 1}


def test_a_broken_connection_is_asked_again(store: Store) -> None:
    broken = Said("", broken=True)
    with serving(in_turn(broken, broken, answer(["logistics_freight"]))) as server:
        report = ask(store, server.url)
    assert endings(report) == {"answered": 1}
    assert report.unanswered.requests == 2
    assert len(server.asked) == 3


def test_nobody_listening_costs_nothing(store: Store) -> None:
    with serving(freight) as server:
        gone = server.url
    report = ask(store, gone, tries=2)
    assert report.reasons == (("unreachable: connection failed (ConnectError)", 1),)
    assert report.unanswered.requests == 0


@pytest.mark.parametrize("after", ["0", formatdate(time() - 5, usegmt=True), "soon", None])
def test_who_is_turned_away_waits_and_comes_back(store: Store, after: str | None) -> None:
    headers = {} if after is None else {"retry-after": after}
    busy = complaint(429, "rate limit", headers)
    with serving(in_turn(busy, busy, answer(["logistics_freight"]))) as server:
        report = ask(store, server.url)
    assert endings(report) == {"answered": 1}
    assert report.unanswered.requests == 0
    assert len(server.asked) == 3


def test_a_very_long_wait_ends_the_run(store: Store) -> None:
    with (
        serving(in_turn(complaint(429, "tomorrow", {"retry-after": "86400"}))) as server,
        pytest.raises(Refused, match="asks for a long wait; got 86400 s; expected 300 s at most"),
    ):
        ask(store, server.url, 3)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        (complaint(401, f"Incorrect API key: {KEY}"), BadInput, "refuses the key .HTTP 401.; set XUNDAN"),
        (complaint(403, "no"), BadInput, "refuses the key .HTTP 403."),
        (complaint(402, "Insufficient Balance"), Refused, "the account has no money left"),
        (complaint(429, "quota", code="insufficient_quota"), Refused, "the account has no money left"),
        (complaint(404, f"model not found {KEY}"), BadInput, "HTTP 404: model not found"),
        (Said("", 307, {"location": "http://127.0.0.1:9/"}), BadInput, "text goes only to the address"),
    ],
)  # fmt: skip
def test_what_cannot_get_better_ends_the_run(
    store: Store, said: Said, error: type[Exception], message: str
) -> None:
    with serving(in_turn(said)) as server, pytest.raises(error, match=message) as caught:
        ask(store, server.url, 5)
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1
    assert store.suggestions() == []


def test_what_was_answered_before_the_end_is_kept(store: Store) -> None:
    with serving(in_turn(answer(["logistics_freight"]), complaint(402, "empty"))) as server:
        with pytest.raises(Refused):
            ask(store, server.url, 5)
        assert len(store.suggestions()) == 1
        assert len(server.asked) == 2


def test_a_server_without_json_schema_is_asked_for_any_json_object(store: Store) -> None:
    def behave(asked: Asked, number: int) -> Said:
        if asked.body.get("response_format", {}).get("type") == "json_schema":
            return complaint(400, "This response_format type is unavailable now")
        return answer(["logistics_freight"])

    with serving(behave) as server:
        report = ask(store, server.url, 3)
        forms = [asked.body["response_format"]["type"] for asked in server.asked]
        assert forms == ["json_schema", "json_object", "json_object", "json_object"]
        assert endings(report) == {"answered": 3}
        assert make_plan(store, ATTENTION, asking(server.url), Examples(), again=True).estimate.kept == 3


def test_a_server_with_other_fields_is_humoured(store: Store) -> None:
    def behave(asked: Asked, number: int) -> Said:
        if "max_tokens" in asked.body:
            return complaint(400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
        if "temperature" in asked.body:
            return complaint(422, "Unsupported value: 'temperature'")
        return answer(["logistics_freight"])

    with serving(behave) as server:
        assert endings(ask(store, server.url)) == {"answered": 1}
    assert server.asked[-1].body["max_completion_tokens"] == 400


def test_what_the_endpoint_will_not_read_is_left_out_and_the_rest_goes_on(store: Store) -> None:
    def behave(asked: Asked, number: int) -> Said:
        if "第1件" in asked.text:
            return complaint(400, f"data_inspection_failed {KEY} 13812345678")
        if "第2件" in asked.text:
            return completion("", choice={"finish_reason": "content_filter"})
        return answer(["logistics_freight"])

    with serving(behave) as server:
        report = ask(store, server.url, 4)
    assert endings(report) == {"answered": 2, "declined": 2}
    said = "\n".join(report.lines())
    assert "declined: HTTP 400: data_inspection_failed *** [手机]" in said
    assert "declined: the endpoint's content filter" in said
    assert len(server.asked) == 4


def test_a_filtered_answer_may_have_cost(store: Store) -> None:
    with serving(in_turn(completion("", choice={"finish_reason": "content_filter"}))) as server:
        report = ask(store, server.url, prices=Prices(1.0, 1.0))
    assert endings(report) == {"declined": 1}
    assert report.unanswered.requests == 1
    assert report.yuan == pytest.approx(report.unanswered.yuan)
    assert report.unanswered.yuan > 0


def test_a_long_complaint_is_read_to_its_end_and_shown_in_part(store: Store) -> None:
    long = "x" * 300

    def behave(asked: Asked, number: int) -> Said:
        if asked.body.get("response_format", {}).get("type") == "json_schema":
            return complaint(400, f"{long} response_format")
        return complaint(400, f"{long} no")

    with serving(behave) as server:
        report = ask(store, server.url)
    assert len(server.asked) == 2
    assert report.reasons == ((f"declined: HTTP 400: {'x' * 200}", 1),)


@pytest.mark.parametrize("key", ["密钥", "sk-1\nX-Other: 1"])
def test_a_key_that_no_header_carries_is_refused_without_showing_it(store: Store, key: str) -> None:
    with serving(freight) as server, pytest.raises(BadInput, match="characters that no key has") as caught:
        run(plan_of(store, server.url), store, key)
    assert key not in str(caught.value)
    assert server.asked == []


def test_what_is_no_chat_completion_counts_as_no_answer(store: Store) -> None:
    odd = [
        Said("<html>sign in</html>"),
        Said("[]"),
        Said({"choices": []}),
        Said({"choices": [{"message": 3}]}),
    ]
    with serving(in_turn(*odd, answer(["logistics_freight"]))) as server:
        report = ask(store, server.url)
    assert endings(report) == {"answered": 1}
    assert report.unanswered.requests == 4
    assert len(server.asked) == 5


def test_ten_questions_in_a_row_without_an_answer_end_the_run(store: Store) -> None:
    with serving(in_turn(complaint(503, "down"))) as server:
        report = ask(store, server.url, 40, tries=1)
    assert f"{IN_A_ROW} questions in a row without an answer, the last: HTTP 503" in report.stopped
    found = endings(report)
    assert found["unreachable"] >= IN_A_ROW
    assert found["unreachable"] + found["stopped"] == 40
    assert f"stopped: {report.stopped}; run again to go on" in report.lines()
