"""Alerts through Airflow's own Slack and SMTP notifiers, into real sinks on the loopback."""

from __future__ import annotations

import email
import json
import logging
from collections.abc import Iterator
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from sync_provider.core.contracts import AlertPlan, Plan, SchedulePlan, SourcePlan, TargetPlan
from sync_provider.notifications import alerts

SLACK = "airflow.providers.slack.notifications.slack_webhook.SlackWebhookNotifier"
SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
OK = {"interface": "erp.shop.orders", "status": "ok", "counters": {"read": 5000, "loaded": 4999, "rejected": 1}}
GATE = {
    "class": "QualityGateError",
    "kind": "business",
    "code": "max_bad",
    "what": "1,204 of 50,000 rows rejected (2.4 %), limit 1 %",
    "fix": "look at them",
}


def plan(*entries: AlertPlan) -> Plan:
    return Plan(
        "erp", "shop", "orders", SourcePlan("sqlite"), TargetPlan("dwh", "orders"), "full", "append",
        SchedulePlan("manual"), title="订单", alerts=entries,
    )  # fmt: skip


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Everything posted to a local Slack, decoded."""
    posted: list[dict[str, Any]] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Sink)
    Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv(
        "AIRFLOW_CONN_SLACK_DEFAULT", json.dumps({"conn_type": "slackwebhook", "host": host, "password": "T0/B0/x"})
    )
    yield posted
    server.shutdown()
    server.server_close()


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every mail a local SMTP server took."""
    from aiosmtpd.controller import Controller

    from tests.services.processes import free_port

    mails: list[Any] = []

    class Box:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            mails.append(email.message_from_bytes(envelope.content))
            return "250 OK"

    controller = Controller(Box(), hostname="127.0.0.1", port=free_port())
    controller.start()
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "sync@example.com"}
    monkeypatch.setenv(
        "AIRFLOW_CONN_SMTP_DEFAULT",
        json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": controller.port, "extra": extra}),
    )
    yield mails
    controller.stop()


def test_slack_gets_the_failure_with_its_fix(slack: list[dict[str, Any]]) -> None:
    entry = AlertPlan(("failure", "max_bad"), SLACK, {"text": "{{ report.summary }}"})
    alerts.send(plan(entry), {**OK, "status": "failed"}, GATE, {})
    assert [message["text"] for message in slack] == [
        "订单 (erp.shop.orders) failed: 1,204 of 50,000 rows rejected (2.4 %), limit 1 %\nfix: look at them"
    ]


def test_mail_gets_the_counters_of_a_success(mailbox: list[Any]) -> None:
    args = {"to": "a@example.com", "subject": "{{ report.summary }}", "html_content": "{{ report.counters.loaded }}"}
    alerts.send(plan(AlertPlan(("success",), SMTP, args)), OK, None, {})
    assert len(mailbox) == 1
    subject = str(make_header(decode_header(mailbox[0]["Subject"])))
    assert subject.replace("\n", "") == "订单 (erp.shop.orders): read 5,000, loaded 4,999, rejected 1"
    assert "4999" in mailbox[0].get_payload()[0].get_payload(decode=True).decode()


@pytest.mark.parametrize(
    ("on", "error", "sent"),
    [
        (("success",), None, 1),
        (("failure", "max_bad"), None, 0),
        (("failure",), {**GATE, "class": "ConnectError", "code": ""}, 1),
        (("max_bad",), {**GATE, "class": "ConnectError", "code": ""}, 0),
        (("max_bad",), GATE, 1),
        (("success",), GATE, 0),
    ],
)
def test_an_alert_is_sent_for_its_events_only(
    slack: list[dict[str, Any]], on: tuple[str, ...], error: dict[str, str] | None, sent: int
) -> None:
    alerts.send(plan(AlertPlan(on, SLACK, {"text": "x"})), OK, error, {})
    assert len(slack) == sent


@pytest.mark.parametrize(
    "entry",
    [
        AlertPlan(("success",), "no.such.Notifier"),
        AlertPlan(("success",), SLACK, {"text": "x", "slack_webhook_conn_id": "not_there"}),
        AlertPlan(("success",), SLACK, {}),
    ],
)
def test_a_notifier_that_fails_is_logged_and_the_next_still_sent(
    slack: list[dict[str, Any]], caplog: pytest.LogCaptureFixture, entry: AlertPlan
) -> None:
    with caplog.at_level(logging.ERROR, logger=alerts.__name__):
        alerts.send(plan(entry, AlertPlan(("success",), SLACK, {"text": "still"})), OK, None, {})
    assert [message["text"] for message in slack] == ["still"]
    assert f"alert by {entry.notifier} could not be sent" in caplog.text
