"""The keys of config/project.yaml, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sync_provider.core.config.loading import Keys
from sync_provider.core.config.models import Shared
from sync_provider.core.config.values import Names, null_is_empty, wrong


class Environment(Keys):
    """One environment of project.yaml."""

    defaults: Shared = Shared()
    force: Shared = Field(default=Shared(), description="beats everything: dev never writes prod")
    targets: Names | None = Field(
        default=None, description="the only connections that may be written here", min_length=1
    )


def check_staging(text: str) -> str:
    """Return where stages hand over files, as written: a folder, with or without `file://`."""
    if "://" in text and not text.startswith("file:///"):
        raise wrong("only a folder can hand over files", "write a folder every worker sees: file:///mnt/sync/staging")
    return text


class Staging(Keys):
    """`staging:` of project.yaml."""

    url: Annotated[str, AfterValidator(check_staging)] = Field(
        default=".sync/staging", description="where stages hand over files: file:///mnt/sync/staging"
    )
    shared: bool = Field(default=False, description="every worker sees this folder, and SQLite files, at the same path")


def read_staging(value: Any) -> Any:
    """Read the short form: the URL alone."""
    return {"url": value} if isinstance(value, str) else value


StagingField = Annotated[Staging, BeforeValidator(read_staging, json_schema_input_type=str | Staging)]


class ProjectFile(Keys):
    """config/project.yaml."""

    version: Literal[1] = 1
    defaults: Shared = Shared()
    templates: dict[str, Any] = Field(default={}, description="name: keys of an interface, for `use:`")
    environment: str | None = Field(default=None, description="the environment where none is asked for")
    environments: dict[str, Annotated[Environment, BeforeValidator(null_is_empty)]] = Field(default={})
    store: str | None = Field(
        default=None, description="where runs are kept: a URL without password, or a connection id"
    )
    staging: StagingField | None = Field(default=None, description="where stages hand over files")
