"""Table names and the convention of an environment."""

from __future__ import annotations

import re

import pytest

from dynamodb_backup.naming import NamingConvention, is_table_name


@pytest.mark.parametrize("name", ["abc", "a.b", "...", "A_1-2.3", "x" * 255])
def test_what_dynamodb_allows_is_a_table_name(name: str) -> None:
    assert is_table_name(name)


@pytest.mark.parametrize("name", ["", "ab", "x" * 256, "a b c", "a/b", "täb", "abc\n"])
def test_what_dynamodb_refuses_is_none(name: str) -> None:
    assert not is_table_name(name)


def test_a_convention_is_matched_as_a_whole() -> None:
    convention = NamingConvention(re.compile(r"mfa-api_test_[a-z]+_global"))
    assert convention.allows("mfa-api_test_users_global")
    assert not convention.allows("mfa-api_test_users_global2")
    assert not convention.allows("x-mfa-api_test_users_global")
    assert not convention.allows("mfa-api_production_users_global")
    # A pattern with alternatives is no way around it.
    assert not NamingConvention(re.compile("a|abc")).allows("abcd")


def test_an_exception_is_allowed_by_its_whole_name_only() -> None:
    convention = NamingConvention(re.compile("inside_.*"), frozenset({"scratch"}))
    assert convention.allows("scratch")
    assert not convention.allows("scratch2")


def test_without_a_convention_everything_is_allowed() -> None:
    assert NamingConvention().allows("anything")


def test_a_refusal_says_which_table_which_rule_and_what_to_do() -> None:
    said = NamingConvention(re.compile("inside_.*")).refusal("outside")
    assert "'outside'" in said
    assert "inside_.*" in said
    assert "allow" in said
