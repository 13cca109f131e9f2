"""The served OpenAPI document as an attacker's map: schemathesis sends each call what it allows and what it forbids.

As every role and as nobody. Answers are held to the document (statuses, content types, bodies, headers), what the
document forbids must be refused, and nothing may be a fault of ours. ``REGULARS_FUZZ=long`` sends many more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from chalicelib.api.door import PREFIX, Door, Operation
from tests.fuzz.serving import Served, serving
from tests.fuzz.world import BODIES, label

EXAMPLES = 300 if os.environ.get("REGULARS_FUZZ") == "long" else 2
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
FRAMING = ("content-length", "expect", "host", "connection", "transfer-encoding", "upgrade")
"""How a request stands on the wire. A made-up one makes another request of it than the case tells, and is answered by
what stands before the app (``tests/local/test_gateway.py``), so a document of the app has nothing to say of it."""

ENDS = {"DELETE /members/{member_id}", "DELETE /members/{member_id}/sessions", "DELETE /me/session"}
"""Calls after which a member's token is worth nothing."""


def as_who_asks(operation: Operation, role: str, status: int) -> bool:
    """Whether nobody was told 401, a role that may not 403, and everybody else neither."""
    name = label(operation)
    if not operation.roles:
        return status not in (401, 403)
    if role == "nobody":
        return status == 401
    if role == "member" and name in ENDS and status == 401:
        return True
    if role == "storefront" and name == "GET /members":  # it may look one person up, but neither list nor search
        return status != 401
    may = role in operation.roles or (role == "owner" and operation.roles != ("member",))
    return status != 401 and (status == 403) != may


class Mapped:
    def __init__(self, served: Served) -> None:
        shop = served.world.shop
        self.served = served
        self.address = f"http://127.0.0.1:{served.port}"
        self.schema = schemathesis.openapi.from_url(f"{self.address}{PREFIX}/openapi.json")
        self.session = requests.Session()
        self.keys = {
            "owner": shop.owner,
            "staff": shop.staff,
            "storefront": shop.storefront,
            "member": served.world.token,
            "nobody": None,
        }

    def aim(self, data: st.DataObject, case: Any, operation: Operation) -> None:
        """Let some cases ask for what is there and say what the program knows, so that they come past its door."""
        if case.path_parameters and data.draw(st.booleans(), label="there"):
            case.path_parameters |= {name: self.served.world.path[name] for name in case.path_parameters}
        if isinstance(case.body, dict) and data.draw(st.booleans(), label="known"):
            for name, value in BODIES.get(label(operation), {}).items():
                if name in case.body and data.draw(st.booleans(), label=name):
                    case.body[name] = value

    def send(self, case: Any, role: str) -> schemathesis.Response:
        for made_up in [name for name in case.headers or () if name.lower() in (*FRAMING, "authorization")]:
            del case.headers[made_up]

        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # Last of all, for schemathesis sends some cases without any credential, whatever it is told.
            if self.keys[role] is not None:
                request.headers["Authorization"] = f"Bearer {self.keys[role]}"
            return request

        answer: schemathesis.Response = case.call(base_url=self.address, session=self.session, auth=sign)
        return answer


@pytest.fixture
def mapped() -> Iterator[Mapped]:
    """A shop for each call, for some calls take away what the others ask about."""
    with serving() as served:
        yield Mapped(served)


@pytest.mark.parametrize("operation", Door.operations, ids=label)
def test_a_call_answers_as_its_document_says_whatever_it_is_sent(mapped: Mapped, operation: Operation) -> None:
    described = mapped.schema[PREFIX + operation.path][operation.method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), role=st.sampled_from(sorted(mapped.keys)), mode=st.sampled_from(MODES))
    def send(data: st.DataObject, role: str, mode: GenerationMode) -> None:
        case = data.draw(described.as_strategy(generation_mode=mode))
        mapped.aim(data, case, operation)
        before = mapped.served.world.written.count
        answer = mapped.send(case, role)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
            assert mapped.served.world.written.count == before
        assert as_who_asks(operation, role, answer.status_code), (role, answer.text)

    send()
