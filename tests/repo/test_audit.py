"""``make lint`` fails for known vulnerabilities, and never takes "nobody answered" for "nothing was found"."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.supply import audit
from scripts.supply.advisories import (
    KNOWN_TO_BE_VULNERABLE,
    Answer,
    Release,
    Service,
    ServiceSilentError,
    Vulnerability,
)
from scripts.supply.audit import Accepted, Result, ask, faults, not_checked
from scripts.supply.licenses import POLICY
from scripts.supply.locks import LOCKS, ROOT, read_lock

OURS = Release("click", "8.5.1")
THEIRS = Release("numpy", "2.0.0")
LOCKED = {OURS: ["requirements-dev.txt", "cli/requirements.txt"], THEIRS: ["requirements-lint.txt"]}
HOLE = Vulnerability(OURS, ("PYSEC-2027-1", "CVE-2027-1"), ("8.5.2",))
TODAY = date(2027, 1, 31)
REASON = "Only the part for Windows has it, which is not used"


class Advisories(BaseHTTPRequestHandler):
    """Answers as OSV does: https://google.github.io/osv.dev/post-v1-query/"""

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        release = Release(query["package"]["name"], query["version"])
        server = self.server
        assert isinstance(server, OsvServer)
        server.asked.append(release)
        body = json.dumps({"vulns": [self.advisory(release)]} if release in server.vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass

    @staticmethod
    def advisory(release: Release) -> dict[str, Any]:
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}]
        package = {"name": release.name, "ecosystem": "PyPI"}
        return {
            "id": "PYSEC-2027-1",
            "aliases": ["CVE-2027-1"],
            "summary": "Something is wrong",
            "published": "2027-01-01T00:00:00Z",
            "affected": [{"package": package, "ranges": ranges, "versions": [release.version]}],
        }


class OsvServer(ThreadingHTTPServer):
    asked: list[Release]
    vulnerable: set[Release]


@pytest.fixture
def osv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OsvServer]:
    """A service of advisories on this machine that knows what everybody knows."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OsvServer(("127.0.0.1", 0), Advisories) as server:
        server.asked, server.vulnerable = [], {KNOWN_TO_BE_VULNERABLE}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_pip_audit_finds_what_a_service_knows(osv: OsvServer) -> None:
    osv.vulnerable.add(OURS)
    options = ("--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{osv.server_port}/v1/query")
    answer = Service("osv", audit.PIP_AUDIT, options).ask([OURS, THEIRS])
    assert answer.answered == {OURS, THEIRS}
    assert answer.vulnerabilities == (Vulnerability(OURS, ("PYSEC-2027-1", "CVE-2027-1"), ("99.1",)),)
    assert sorted(osv.asked) == sorted([KNOWN_TO_BE_VULNERABLE, OURS, THEIRS])


def dependency(release: Release, *ids: str) -> dict[str, Any]:
    vulnerabilities = [{"id": id_, "aliases": [], "fix_versions": []} for id_ in ids]
    return {"name": release.name, "version": release.version, "vulns": vulnerabilities}


def audit_program(tmp_path: Path, *entries: dict[str, Any]) -> Service:
    """Return a service whose pip-audit says these things of what it is asked about, and skips everything else."""
    script = tmp_path / "pip-audit"
    script.write_text(f"""#!{sys.executable}
import json, pathlib, sys
asked = pathlib.Path(sys.argv[-1]).read_text().split()
names = [line.partition("==")[0] for line in asked]
assert len(names) == len(set(names)), "package has duplicate requirements"
known = {{f"{{one['name']}}=={{one['version']}}": one for one in {entries!r}}}
skipped = {{"name": "", "skip_reason": "Dependency not found on PyPI and could not be audited"}}
print(json.dumps({{"dependencies": [known.get(line, skipped) for line in asked], "fixes": []}}))
""")
    script.chmod(0o755)
    return Service("pypi", script, ())


CANARY = dependency(KNOWN_TO_BE_VULNERABLE, "PYSEC-2020-96")


def test_a_package_that_the_service_skips_is_not_answered_for(tmp_path: Path) -> None:
    assert audit_program(tmp_path, CANARY, dependency(OURS)).ask(LOCKED) == Answer(frozenset({OURS}), ())


def test_every_version_of_a_package_is_asked_about(tmp_path: Path) -> None:
    older = Release("numpy", "1.0.0")
    service = audit_program(tmp_path, CANARY, dependency(THEIRS), dependency(older, "PYSEC-1"))
    assert service.ask([THEIRS, older]) == Answer(frozenset({THEIRS, older}), (Vulnerability(older, ("PYSEC-1",), ()),))


@pytest.mark.parametrize("canary", [(), (dependency(KNOWN_TO_BE_VULNERABLE),)], ids=["skipped", "clean"])
def test_a_service_that_does_not_know_what_everybody_knows_is_not_believed(
    canary: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    with pytest.raises(ServiceSilentError, match=r"knows no vulnerability of pyyaml 5\.1, which has one"):
        audit_program(tmp_path, *canary, dependency(OURS)).ask([OURS])


def test_a_service_that_cannot_be_reached_is_not_believed(tmp_path: Path) -> None:
    script = tmp_path / "pip-audit"
    script.write_text(
        "#!/bin/sh\necho 'Traceback' >&2; echo 'ConnectionError: (Caused by No route to host)' >&2; exit 1\n"
    )
    script.chmod(0o755)
    with pytest.raises(ServiceSilentError, match="No route to host"):
        Service("pypi", script, ()).ask([OURS])


def test_what_one_service_skips_the_next_is_asked_about() -> None:
    first, second = Fake("pypi", Answer(frozenset({OURS}), ())), Fake("osv", Answer(frozenset({THEIRS}), ()))
    result = ask([first, second], LOCKED)
    assert (first.asked, second.asked) == ([OURS, THEIRS], [THEIRS])
    assert result == Result((), frozenset(), {})


def test_where_nobody_answers_nothing_is_taken_for_clean() -> None:
    result = ask([Fake("pypi", None), Fake("osv", None)], LOCKED)
    assert result.unanswered == set(LOCKED)
    assert result.silent == {"pypi": "away", "osv": "away"}


class Fake(Service):
    """A service with one answer; None: it is silent."""

    def __init__(self, name: str, answer: Answer | None) -> None:
        super().__init__(name, Path(), ())
        self.__dict__ |= {"answer": answer, "asked": []}

    def ask(self, releases: Any) -> Answer:
        self.__dict__["asked"] += sorted(releases)
        if self.__dict__["answer"] is None:
            raise ServiceSilentError("away")
        found: Answer = self.__dict__["answer"]
        return found

    @property
    def asked(self) -> list[Release]:
        found: list[Release] = self.__dict__["asked"]
        return found


def found(*vulnerabilities: Vulnerability, unanswered: frozenset[Release] = frozenset()) -> Result:
    return Result(vulnerabilities, unanswered, {})


def test_a_vulnerability_is_named_with_its_locks_and_what_mends_it() -> None:
    (fault,) = faults(found(HOLE), [], TODAY, LOCKED)
    assert fault == (
        "requirements-dev.txt, cli/requirements.txt: click 8.5.1 has PYSEC-2027-1 = CVE-2027-1, fixed in 8.5.2. "
        "Run make lock, or accept it in scripts/supply/policy.toml with reason and date."
    )


@pytest.mark.parametrize("id_", HOLE.ids)
def test_an_accepted_vulnerability_is_none_until_its_day_is_over(id_: str) -> None:
    exception = Accepted("click", id_, REASON, TODAY)
    assert faults(found(HOLE), [exception], TODAY, LOCKED) == []
    (fault,) = faults(found(HOLE), [exception], date(2027, 2, 1), LOCKED)
    assert f"accepted until 2027-01-31: {REASON}" in fault


def test_an_exception_covers_its_own_package_alone() -> None:
    exception = Accepted("numpy", "CVE-2027-1", REASON, TODAY)
    assert len(faults(found(HOLE), [exception], TODAY, LOCKED)) == 2, "the hole, and the exception of no use"


def test_an_exception_of_no_use_is_named_once_everybody_answered() -> None:
    exception = Accepted("click", "CVE-2027-1", REASON, TODAY)
    (fault,) = faults(found(), [exception], TODAY, LOCKED)
    assert fault == "scripts/supply/policy.toml: CVE-2027-1 of click is no longer found: remove the entry."
    assert faults(found(unanswered=frozenset({OURS})), [exception], TODAY, LOCKED) == []


def test_what_was_not_checked_is_said_with_why_and_what_to_do() -> None:
    result = Result((), frozenset({OURS}), {"pypi": "away"})
    said = not_checked(result, 2)
    assert all(line.startswith("!! ") for line in said.splitlines())
    assert "NOT CHECKED for known vulnerabilities: 1 of 2 packages (click 8.5.1)." in said
    assert "Advisory service unreachable" in said
    assert "pypi (https://pypi.org/pypi/pyyaml/5.1/json): away" in said
    assert "make lint AUDIT=required" in said


@pytest.mark.parametrize(
    ("arguments", "result", "status"),
    [
        ([], found(), 0),
        ([], found(HOLE), 1),
        ([], found(unanswered=frozenset(LOCKED)), 0),
        (["--mode", "required"], found(), 0),
        (["--mode", "required"], found(unanswered=frozenset({THEIRS})), 1),
        ([], found(HOLE, unanswered=frozenset({THEIRS})), 1),
    ],
)
def test_the_status_tells(
    arguments: list[str],
    result: Result,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(audit, "ask", lambda _services, _locks: result)
    monkeypatch.setattr(audit, "locked", lambda: LOCKED)
    monkeypatch.setattr(audit, "accepted", list)
    assert audit.main(arguments) == status
    assert ("NOT CHECKED" in capsys.readouterr().err) is bool(result.unanswered)


@pytest.mark.parametrize(
    "entry",
    [
        'package = "click"\nid = "CVE-2027-1"\nreason = "fine, really, it is harmless"',
        'package = "click"\nid = "CVE-2027-1"\nreason = "fine"\nuntil = 2027-01-31',
        'package = "click"\nid = "CVE-2027-1"\nreason = "fine, really, it is harmless"\nuntil = "for ever"',
    ],
)
def test_an_exception_without_reason_or_day_is_refused(entry: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(f"[[accepted_vulnerabilities]]\n{entry}\n")
    with pytest.raises(audit.PolicyError, match=r"reason \(a sentence\) and until \(a date"):
        audit.accepted(tmp_path / "policy.toml")


def test_the_policy_can_be_read_and_every_lock_is_audited() -> None:
    assert audit.accepted(POLICY) == audit.accepted()
    locked = audit.locked()
    for path in LOCKS.values():
        for pin in read_lock(ROOT / path):
            assert str(path) in locked[Release(pin.name, pin.version)]
