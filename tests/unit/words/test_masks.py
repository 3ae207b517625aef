"""The three masks keep the contract; the presets are what people expect to see."""

# ruff: noqa: RUF012 - the attributes of a contract are declarations
from __future__ import annotations

import hashlib
import hmac

import polars as pl
import pytest

from sync_provider.core.masks.hmac import MASK as HMAC
from sync_provider.core.masks.partial import MASK as PARTIAL
from sync_provider.core.masks.redact import MASK as REDACT
from sync_provider.testing.word_contracts import MaskContract


class TestPhone(MaskContract):
    mask = PARTIAL
    params = {"as": "phone"}
    refused = [{"as": "fax"}, {"as": "phone", "keep_end": 4}, {"as": "phone", "char": "**"}]
    masked = {"13812341234": "138****1234", "1381234": "*******", "12": "**"}


class TestIdCard(MaskContract):
    mask = PARTIAL
    params = {"as": "id"}
    masked = {"110101199003071234": "110101********1234"}


class TestBankCard(MaskContract):
    mask = PARTIAL
    params = {"as": "card"}
    masked = {"6222021234567890123": "6222***********0123", "1234 5678": "*********"}


class TestName(MaskContract):
    mask = PARTIAL
    params = {"as": "name"}
    masked = {"张三": "张*", "欧阳修": "欧**", "李": "*"}


class TestEmail(MaskContract):
    mask = PARTIAL
    params = {"as": "email"}
    masked = {
        "alice@x.com": "a***@x.com",
        "al@x.com": "***@x.com",
        "call me at home": "***************",
        "a@b@c.d": "*******",
    }


class TestPartial(MaskContract):
    mask = PARTIAL
    refused = [{"keep_start": -1}, {"keep_end": "2"}, {"char": ""}, {"keep": 1}]
    masked = {"abcdef": "a****f", "abc": "a*c", "ab": "**"}


class TestPartialEnds(MaskContract):
    mask = PARTIAL
    params = {"keep_start": 2, "keep_end": 0, "char": "#"}
    masked = {"abcdef": "ab####", "abc": "ab#", "ab": "##"}


class TestHmac(MaskContract):
    mask = HMAC
    params = {"key": "mask_key"}
    refused = [{}, {"key": ""}, {"key": 5}]
    masked = {"13812341234": hmac.new(b"a key for tests", b"13812341234", hashlib.sha256).hexdigest()}


class TestRedact(MaskContract):
    mask = REDACT
    refused = [{"value": 5}]
    masked = {"anything": "***", "": "***"}


class TestRedactWith(MaskContract):
    mask = REDACT
    params = {"value": "[gone]"}
    masked = {"anything": "[gone]"}


def test_another_key_gives_another_text() -> None:
    frame = pl.DataFrame({"v": ["x"]})
    one, two = (frame.select(HMAC.apply("v", {"key": "k"}, key)).item() for key in (b"one", b"two"))
    assert one != two


def test_an_empty_key_is_refused_by_the_name_of_its_connection() -> None:
    with pytest.raises(ValueError, match="mask_key"):
        HMAC.apply("v", {"key": "mask_key"}, b"")
