"""docker-compose.yaml is complete and consistent; checked without an engine, which few test machines have."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
import yaml

from tests.house.sources import ROOT, texts

TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
AIRFLOW = {"airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-worker"}
SYSTEMS = {"postgres", "mysql", "kafka", "mosquitto", "sftp"}
#: system → port inside the network, which the connection or the listener of the same name uses
PORTS = {"airflow-apiserver": 8080, "postgres": 5432, "mysql": 3306, "kafka": 19092, "mosquitto": 1883, "sftp": 2022}


def test_every_service_that_was_asked_for_is_there() -> None:
    assert set(SERVICES) == AIRFLOW | SYSTEMS | {"airflow-init", "redis"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        dockerfile = (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).read_text()
        assert re.search(r"^ARG AIRFLOW_VERSION=3\.[3-9]\.\d+$", dockerfile, re.MULTILINE)
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.?\d*(-alpine)?", service["image"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"airflow-init"}))
def test_service_says_whether_it_is_healthy(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", sorted(PORTS))
def test_port_is_published_on_the_loopback_only_and_once(name: str) -> None:
    (published,) = SERVICES[name]["ports"]
    match = re.fullmatch(r"127\.0\.0\.1:\$\{\w+:-(\d+)\}:(\d+)", published)
    assert match
    assert int(match[2]) == PORTS[name]
    everywhere = [
        re.findall(r":-(\d+)\}:", port)[0] for service in SERVICES.values() for port in service.get("ports", [])
    ]
    assert len(everywhere) == len(set(everywhere)) == len(PORTS)


@pytest.mark.parametrize("name", sorted(AIRFLOW | {"airflow-init"}))
def test_airflow_sees_dags_config_plugins_and_shares_what_must_be_shared(name: str) -> None:
    service = SERVICES[name]
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    for folder in ("dags", "config", "plugins"):
        assert mounts[f"./{folder}"] == f"/opt/airflow/{folder}"
        assert (ROOT / folder).is_dir()
    assert {"logs", "staging"} <= set(mounts)
    environment = service["environment"]
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert environment["AIRFLOW__CELERY__BROKER_URL"].endswith("@redis:6379/0")
    shared = [
        key for key in environment if key.endswith(("JWT_SECRET", "FERNET_KEY", "SECRET_KEY", "SQL_ALCHEMY_CONN"))
    ]
    assert len(shared) == 4
    assert all(environment[key] == SERVICES["airflow-init"]["environment"][key] for key in shared)


def test_project_yaml_calls_shared_what_compose_mounts_on_every_worker() -> None:
    project = yaml.safe_load((ROOT / "config/project.yaml").read_text(encoding="utf-8"))
    assert project["staging"]["shared"] is True
    folder = f"/opt/airflow/{project['staging']['url']}"
    for name in AIRFLOW:
        mounts = dict(volume.split(":")[:2] for volume in SERVICES[name]["volumes"])
        assert folder.startswith(f"{mounts['staging']}/"), name


def test_the_development_fernet_key_is_one() -> None:
    key = _filled(SERVICES["airflow-init"]["environment"]["AIRFLOW__CORE__FERNET_KEY"])
    assert len(base64.urlsafe_b64decode(key)) == 32


def test_dependencies_wait_for_health_or_for_the_end_of_init() -> None:
    for name in AIRFLOW:
        needs = {other: need["condition"] for other, need in SERVICES[name]["depends_on"].items()}
        assert needs["airflow-init"] == "service_completed_successfully"
        assert needs["postgres"] == needs["redis"] == "service_healthy"
    for service in SERVICES.values():
        for other, need in service.get("depends_on", {}).items():
            waits_for_health = need["condition"] == "service_healthy"
            assert other in SERVICES
            assert waits_for_health == ("healthcheck" in SERVICES[other])


def test_named_volumes_are_declared_and_mounted_files_exist() -> None:
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            place = volume.split(":")[0]
            if place.startswith("./"):
                assert (ROOT / place).exists(), place
            else:
                used.add(place)
    assert used == set(COMPOSE["volumes"])


def test_no_password_is_written_down_without_a_variable_before_it() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|FERNET", name):
                assert re.fullmatch(r"\$\{\w+:-[\w=-]+\}", value), name


def test_connections_name_services_and_their_ports() -> None:
    environment = SERVICES["airflow-worker"]["environment"]
    for name, value in environment.items():
        if name.startswith("AIRFLOW_CONN_"):
            assert any(host in _filled(value) for host in SYSTEMS), name


def test_docs_name_only_services_that_exist() -> None:
    for path, text in texts():
        if path.endswith(".md"):
            for named in re.findall(
                r"docker compose (?:up|logs|exec|restart|stop)((?: --?\w[\w-]*)*)((?: [a-z][\w-]*)*)", text
            ):
                assert set(named[1].split()) <= set(SERVICES), path
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    if "docker compose" in readme:
        for system in ("postgresql", "mysql", "kafka", "mosquitto", "sftp", "redis"):
            assert system in readme


def _filled(text: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
