"""`xundan models`: what stands in a registry, how versions differ, going back, copies from and to elsewhere.

xundan models list --registry registry
xundan models rollback --registry registry --why "sizes misread since Monday"
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from xundan.terminal import AsJson, Registry, Tree, out, print_json

models_app = typer.Typer(help="Look at model versions, compare, roll back, push.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A version such as v2, or champion, or shipped")]


@models_app.command("list")
def models_list(registry: Registry, tree: Tree = "attention", as_json: AsJson = False) -> None:
    """Every version of a tree's model with its state and figures.

    Example: xundan models list --registry registry
    """
    from xundan.models.inventory import list_versions

    versions = list_versions(registry, tree)
    if as_json:
        print_json([asdict(version) for version in versions])
        return
    table = Table("version", "state", "made", "rows", "micro-F1", "macro-F1", "groups")
    for version in versions:
        figures = [
            str(version.figures[m]) if m in version.figures else "" for m in ("micro", "macro", "group")
        ]
        rows = f"{version.data_rows:,}" if version.data_rows else ""
        table.add_row(version.name, version.problem or version.state, version.made_at[:16], rows, *figures)
    out.print(table)


@models_app.command("show")
def models_show(name: Name, registry: Registry, tree: Tree = "attention", as_json: AsJson = False) -> None:
    """What a version was made of and what it reaches.

    Example: xundan models show v2 --registry registry
    """
    from xundan.models.inventory import show
    from xundan.models.registry import version_folder

    version = show(version_folder(registry, tree, name))
    if as_json:
        print_json(asdict(version))
        return
    for key, value in asdict(version).items():
        if not isinstance(value, dict) and value not in ("", 0):
            out.print(f"{key}: {value}")
    for part in (version.settings, version.figures, version.leaves):
        for key, value in part.items():
            out.print(f"  {key}: {value}")


@models_app.command("diff")
def models_diff(
    before: Name, after: Name, registry: Registry, tree: Tree = "attention", as_json: AsJson = False
) -> None:
    """What differs between two versions: data, taxonomy, settings, figures, files.

    Example: xundan models diff v1 v2 --registry registry
    """
    from xundan.models.inventory import diff
    from xundan.models.registry import version_folder

    found = diff(version_folder(registry, tree, before), version_folder(registry, tree, after))
    if as_json:
        print_json(asdict(found))
        return
    for title in ("facts", "settings", "figures", "leaves", "files"):
        for change in getattr(found, title):
            out.print(f"{title} {change.name}: {change.before} -> {change.after}")
    out.print(
        "each figure is the version's own; compare on the same messages with: xundan evaluate --against"
    )


@models_app.command("rollback")
def models_rollback(
    registry: Registry,
    tree: Tree = "attention",
    why: Annotated[str, typer.Option(help="Why, for the history")] = "",
    as_json: AsJson = False,
) -> None:
    """Go back to the champion before this one; again, to the one before that.

    Example: xundan models rollback --registry registry --why "sizes misread since Monday"
    """
    from xundan.models.registry import rollback

    event = rollback(registry, tree, why)
    if as_json:
        print_json(asdict(event))
    else:
        out.print(f"{tree}: champion {event.before} -> {event.after}")


@models_app.command("push")
def models_push(
    name: Name,
    to: Annotated[
        str, typer.Argument(help="A folder such as ./copy, or a repository such as shop/attention")
    ],
    registry: Registry,
    tree: Tree = "attention",
    endpoint: Annotated[str | None, typer.Option(help="Address of the hub; needed for a repository")] = None,
    public: Annotated[bool, typer.Option("--public", help="Not private")] = False,
) -> None:
    """Copy a version to a folder or a Hugging Face hub; rows and held-out scores stay here.

    Example: xundan models push v2 ./copy --registry registry
    """
    from xundan.models.hub import PushPlan, push
    from xundan.models.registry import verified, version_folder

    def announce(plan: PushPlan) -> None:
        for file, size in plan.files:
            out.print(f"  {file}  {size:,} bytes")

    folder = version_folder(registry, tree, name)
    key = verified(registry, folder).key
    out.print(push(folder, to, {key}, announce, endpoint=endpoint, public=public))


@models_app.command("fetch")
def models_fetch(
    source: Annotated[str, typer.Argument(help="A repository such as shop/attention, or a folder")],
    registry: Registry,
    tree: Tree = "attention",
    endpoint: Annotated[str | None, typer.Option(help="Address of the hub, if not huggingface.co")] = None,
) -> None:
    """Take a version from a hub or folder into your registry as a candidate, if a trusted key signed it.

    Example: xundan models fetch shop/attention --registry registry
    """
    from xundan.models.hub import fetch
    from xundan.models.registry import adopt
    from xundan.models.signing import trusted_keys

    folder = fetch(source, trusted_keys(registry) or set(), endpoint=endpoint)
    out.print(f"{adopt(folder, registry, tree)} is a candidate in {registry / tree}")


@models_app.command("trust")
def models_trust(
    key: Annotated[str, typer.Argument(help="The fingerprint that the error named")],
    registry: Registry,
    why: Annotated[str, typer.Option(help="Whose key it is")] = "",
) -> None:
    """Accept versions signed by another person's key.

    Example: xundan models trust 3f6c0d1e --registry registry --why "Lin, data team"
    """
    from xundan.models.signing import trust

    trust(registry, key, why)
    out.print(f"{key} is trusted in {registry}")
