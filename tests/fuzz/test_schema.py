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
from tests.fuzz.world import label

EXAMPLES = 150 if os.environ.get("REGULARS_FUZZ") == "long" else 2
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
TAKES_ANY = {"GET /health", "GET /openapi.json", "GET /docs"}


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

    def send(self, case: Any, role: str) -> schemathesis.Response:
        headers = {} if self.keys[role] is None else {"Authorization": f"Bearer {self.keys[role]}"}
        answer: schemathesis.Response = case.call(base_url=self.address, session=self.session, headers=headers)
        return answer


@pytest.fixture(scope="module")
def mapped() -> Iterator[Mapped]:
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
        before = mapped.served.world.written.count
        answer = mapped.send(case, role)
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
            assert mapped.served.world.written.count == before
        if role == "nobody" and operation.roles:
            assert answer.status_code == 401
        elif (
            operation.roles and role not in operation.roles and not (role == "owner" and operation.roles != ("member",))
        ):
            assert answer.status_code in (401, 403), (role, answer.text)

    send()
