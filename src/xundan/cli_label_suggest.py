"""The verb `xundan label suggest`: a language model proposes, people decide.

xundan label suggest --endpoint http://127.0.0.1:11434/v1 --model qwen3:8b --n 200
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from xundan.cli_label_sets import HOME, Home, Tree, say
from xundan.errors import BadInput, Refused
from xundan.terminal import AsJson, err, out, print_json, progress


def suggest(
    home: Home = HOME,
    tree: Tree = "attention",
    taxonomy_file: Annotated[Path | None, typer.Option("--taxonomy", help="Your own tree: .yaml")] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="OpenAI-compatible address, such as http://127.0.0.1:11434/v1")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at that address")] = None,
    examples: Annotated[
        Path | None,
        typer.Option(help="labels.jsonl whose nearest rows are shown to the model; else the last frozen set"),
    ] = None,
    which: Annotated[
        str, typer.Option(help="unlabelled, labelled (to compare with people) or all")
    ] = "unlabelled",
    n: Annotated[int | None, typer.Option("--n", min=1, help="At most so many tasks")] = None,
    batch: Annotated[str | None, typer.Option(help="Only tasks of this draw")] = None,
    shots: Annotated[int, typer.Option(help="Examples a question shows")] = 6,
    price_in: Annotated[float | None, typer.Option(help="Yuan per million tokens of input")] = None,
    price_out: Annotated[float | None, typer.Option(help="Yuan per million tokens of output")] = None,
    price_cached: Annotated[float | None, typer.Option(help="The same for input read before")] = None,
    max_yuan: Annotated[float | None, typer.Option(help="This command spends no more")] = None,
    per_minute: Annotated[float, typer.Option(help="Requests a minute")] = 60,
    concurrent: Annotated[int, typer.Option(help="Requests at once")] = 4,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer")] = 120,
    max_tokens: Annotated[int, typer.Option(help="Longest answer")] = 400,
    extra_body: Annotated[
        str, typer.Option(help='Further fields as JSON, such as {"enable_thinking": false} for Qwen3')
    ] = "{}",
    key_env: Annotated[str, typer.Option(help="Environment variable that holds the key")] = "XUNDAN_LLM_KEY",
    again: Annotated[
        bool, typer.Option("--again", help="Also answered tasks; what was answered is not paid again")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before sending")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Send nothing; show agreement with people")
    ] = False,
    purpose: Annotated[
        str | None, typer.Option(help="With --compare: only this draw, such as random")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have a language model propose leaves for drawn tasks; `push --suggested` shows them, none is a label.

    Only masked text is sent, only to --endpoint, after the cost was shown and agreed to. The key comes from
    XUNDAN_LLM_KEY or is asked for, and is stored nowhere.

    Example: xundan label suggest --endpoint http://127.0.0.1:11434/v1 --model qwen3:8b --n 200

    Example: xundan label suggest --compare --purpose random
    """
    from xundan.labeling import suggest as room
    from xundan.labeling.freeze.latest import latest_train
    from xundan.labeling.store import Store
    from xundan.taxonomy.trees import load

    taxonomy = load(taxonomy_file or tree)
    with Store.existing(home) as store:
        if compare:
            from xundan.labeling.suggest.compare import compare as compared
            from xundan.labeling.suggest.show import tables, to_json

            found = compared(store, taxonomy, model=model, purpose=purpose)
            if as_json:
                print_json([to_json(one) for one in found])
                return
            for one in found:
                for part in tables(one, taxonomy):
                    if isinstance(part, str):
                        say(part)
                    else:
                        out.print(part)
            return
        if endpoint is None or model is None:
            raise BadInput("no endpoint or no model", expected="--endpoint and --model, or --compare")
        if purpose is not None:
            raise BadInput("--purpose chooses what is compared, not what is asked", do="add --compare")
        if (price_in is None) != (price_out is None) or (price_cached is not None and price_in is None):
            raise BadInput("prices are incomplete", expected="--price-in and --price-out")
        prices = (
            None if price_in is None or price_out is None else room.Prices(price_in, price_out, price_cached)
        )
        asking = room.Asking(
            endpoint,
            model,
            prices,
            max_yuan,
            per_minute=per_minute,
            concurrent=concurrent,
            shots=shots,
            timeout_s=timeout,
            max_tokens=max_tokens,
            extra_body=_object(extra_body),
        )
        source = examples or latest_train(home, taxonomy.tree)
        rows = room.Examples.read(source, taxonomy) if source else room.Examples()
        plan = room.make_plan(store, taxonomy, asking, rows, which=which, batch=batch, n=n, again=again)
        for line in plan.lines():
            say(line, err)
        if plan.estimate.questions and not yes:
            if not sys.stdin.isatty():
                raise BadInput(
                    "nobody can be asked here, so nothing was sent", do="look at the cost, then add --yes"
                )
            if not typer.confirm(f"Send {plan.estimate.questions:,} questions?", err=True):
                raise Refused("nothing was sent")
        key = _key(key_env, asking.loopback) if plan.estimate.questions else None
        with progress() as begin:
            report = room.run(plan, store, key, begin)
    if as_json:
        print_json(report.to_json())
    else:
        for line in report.lines():
            say(line)
    if report.stopped:
        raise Refused("the run ended early", got=report.stopped, do="run the same command again to go on")
    silent = dict(report.endings).get("unreachable", 0)
    if silent:
        raise Refused(
            f"{silent:,} of {report.tasks:,} tasks got no answer", do="run the same command again to go on"
        )


def _object(text: str) -> dict[str, object]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise BadInput(
            "not a JSON object", got=text, expected='such as {"enable_thinking": false}', where="--extra-body"
        )
    return body


def _key(variable: str, loopback: bool) -> str | None:
    """The key from the environment, else typed in unseen; a server on this machine needs none."""
    if not variable.isidentifier():  # which is not repeated: it may be the key itself
        raise BadInput("not the name of a variable", expected="such as XUNDAN_LLM_KEY", where="--key-env")
    given = os.environ.get(variable, "").strip()
    if given or loopback:
        return given or None
    if not sys.stdin.isatty():
        raise BadInput("no key for the endpoint", do=f"set {variable} (none, if it needs no key)")
    typed: str = typer.prompt(
        "Key of the endpoint (empty: none)", default="", hide_input=True, show_default=False, err=True
    )
    return typed.strip() or None
