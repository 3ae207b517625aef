"""JSON Schema for editors, from the models the validator uses and the options of every installed source type."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter

from sync_provider.core import registry
from sync_provider.core.config.models import Interface, SourceFile, SourceHead
from sync_provider.core.config.project_models import ProjectFile
from sync_provider.core.config.words import ON_FAIL
from sync_provider.core.contracts import SourceType

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
Json = dict[str, Any]


def json_schema() -> Json:
    """Return one schema that fits a source file and project.yaml: a file with `source:` is the former."""
    definitions: Json = {}
    project = _define(ProjectFile, definitions)
    source = _define(SourceFile, definitions)
    interface = _define(Interface, definitions)
    definitions[interface]["properties"].update(_words())
    kinds = [_kind(name, interface, definitions) for name in registry.names("sources")]
    head = definitions[source]["properties"]
    head["source"] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": registry.names("sources")}},
    }
    head["interfaces"] = {"type": "object", "minProperties": 1}
    definitions[source]["allOf"] = kinds
    return {
        "$schema": _DRAFT,
        "title": "sync-provider configuration",
        "if": {"anyOf": [{"required": ["source"]}, {"required": ["interfaces"]}]},
        "then": {"$ref": f"#/$defs/{source}"},
        "else": {"$ref": f"#/$defs/{project}"},
        "$defs": definitions,
    }


def _define(model: type[BaseModel], definitions: Json, prefix: str = "") -> str:
    """Add a model and what it refers to; return its name among the definitions."""
    template = f"#/$defs/{prefix}{{model}}"
    schema = TypeAdapter(model).json_schema(by_alias=True, ref_template=template, mode="validation")
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}{name}"] = definition
    name = f"{prefix}{model.__name__}"
    definitions[name] = schema
    return name


def _kind(name: str, interface: str, definitions: Json) -> Json:
    """Return the condition under which a source file is of one type, and what then holds."""
    found: SourceType = registry.load("sources", name)
    source = definitions[_define(found.source_options, definitions, f"{name}.")]
    options = definitions[_define(found.interface_options, definitions, f"{name}.")]
    head = definitions[_define(SourceHead, definitions, f"{name}.")]
    source["properties"] = {**head["properties"], "type": {"const": name}, **source.get("properties", {})}
    required = ["type", *(["connection"] if found.needs_connection else []), *source.get("required", [])]
    source["required"] = sorted(set(required))
    own, core = options.get("properties", {}), definitions[interface]["properties"]
    definitions[f"{name}.interface"] = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {**own, **core},
        "required": options.get("required", []),
    }
    holds = {
        "source": {"$ref": f"#/$defs/{name}.{found.source_options.__name__}"},
        "interfaces": {"additionalProperties": {"$ref": f"#/$defs/{name}.interface"}},
    }
    condition = {"properties": {"source": {"properties": {"type": {"const": name}}, "required": ["type"]}}}
    return {"if": condition, "then": {"properties": holds}}


def _words() -> Json:
    """Return `checks`, `clean` and `mask` with the installed words."""
    beside = {"name": {"type": "string"}, "on_fail": {"enum": list(ON_FAIL)}}
    rules: Json = {word: {} for word in registry.names("rules")}
    cleaners: Json = {word: {} for word in registry.names("cleaners")}
    methods = registry.names("masks")
    mask = {"anyOf": [{"enum": methods}, {"type": "object", "minProperties": 1}]}
    return {
        "checks": _list_of({**rules, **beside}, "row rules, such as - not_null: [id]"),
        "clean": _list_of(cleaners, "cleaning steps, in order, such as - trim: [name]"),
        "mask": {"type": "object", "additionalProperties": mask, "description": "target column: method"},
    }


def _list_of(words: Json, description: str) -> Json:
    # a dotted name is a plugin of one's own
    item = {
        "type": "object",
        "minProperties": 1,
        "properties": words,
        "patternProperties": {r"\.": {}},
        "additionalProperties": False,
    }
    return {"type": "array", "items": item, "description": description}
