"""What Schemathesis is told about this API: real ids for most cases, and checks that the document cannot express.

A document says that a path has an id, not which ids exist; left alone, nearly every case would end in 404. So for three
cases out of four the ids, phone numbers, email addresses and the like in a case are replaced by ones that will do
(`resources.py`), always of resources made for that case alone. Which cases, is decided by a hash of the case: a case
that is tried again (to make a failure smaller) is treated the same way again.
"""

import atexit
import collections
import json
import os
import re
import zlib

import resources
import schemathesis
from schemathesis import Response
from schemathesis.openapi.checks import JsonSchemaError

answers = collections.defaultdict(collections.Counter)
failed = set()


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


def is_to_be_helped(case):
    text = json.dumps(
        [case.method, case.path, dict(case.path_parameters or {}), dict(case.query or {}), case.body],
        sort_keys=True,
        default=lambda value: type(value).__name__,
    )
    return zlib.crc32(text.encode()) % 4 != 0


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_to_be_helped(case):
        return
    operation = operation_id(case)
    if case.query:
        documented = {parameter.name for parameter in case.operation.query}
        case.query = resources.helped_query(operation, case.query, documented)
    bodies = case.body if isinstance(case.body, list) else [case.body]
    if not case.path_parameters and not any(isinstance(body, dict) for body in bodies):
        return
    made = resources.Resources(operation)
    ids = made.path_parameters(case.path_parameters or {})
    for name, value in ids.items():
        case.path_parameters[name] = value
    if operation.startswith("Attempt") and isinstance(case.body, dict):
        case.body = resources.helped_attempt(operation, case.body, ids)
        return
    helped = [resources.helped_body(operation, dict(one), made) if isinstance(one, dict) else one for one in bodies]
    case.body = helped if isinstance(case.body, list) else helped[0]


@schemathesis.hook
def after_call(context, case, response):
    answers[operation_id(case)][str(response.status_code)] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if isinstance(failure, JsonSchemaError) and is_sound_page(case, response):
        return False  # it is none
    failed.add(operation_id(case))
    return True  # it stays a failure


def is_sound_page(case, response):
    """The form of a list that the document knows only by the name of its parameter, and that the official JavaScript
    SDK asks for: the documented list as `data`, beside the count of all."""
    if (case.query or {}).get("paginated") not in (True, "true", "True", "1"):
        return False
    page = json.loads(response.content)
    if not isinstance(page, dict) or set(page) != {"data", "total_count"} or type(page["total_count"]) is not int:
        return False
    plain = Response(
        status_code=response.status_code,
        headers=response.headers,
        content=json.dumps(page["data"]).encode(),
        request=response.request,
        elapsed=response.elapsed,
        verify=response.verify,
    )
    return case.operation.is_valid_response(plain)


@schemathesis.hook
def after_network_error(context, case, request):
    failed.add(operation_id(case))


@atexit.register
def write_tally():
    if path := os.environ.get("VERGER_INTEROP_TALLY"):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"answers": answers, "failed": sorted(failed)}, file)


@schemathesis.check
def only_200_is_success(context, response, case):
    """The official Python SDK takes no other status for success unless the document names it, and the API has no
    redirects."""
    if response.status_code != 200 and response.status_code < 400 and not is_documented_silence(case, response):
        raise AssertionError(f"{response.status_code} is neither 200 nor a refusal")


def is_documented_silence(case, response):
    """204 without a body, where the document says so."""
    return response.status_code == 204 and "204" in case.operation.definition.raw["responses"] and not response.content


@schemathesis.check
def content_type_is_exact(context, response, case):
    """The official JavaScript SDK reads anything but exactly this as text."""
    content_types = response.headers.get("content-type")
    if content_types is None and is_documented_silence(case, response):
        return
    if content_types != ["application/json"]:
        raise AssertionError(f"the content type is {content_types}")


@schemathesis.check
def refusals_have_the_documented_shape(context, response, case):
    """Whatever the status, and whether the document lists it for the operation or not."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    try:
        body = json.loads(response.content)
    except ValueError as error:
        raise AssertionError(f"a refusal that is not JSON: {response.content[:200]!r}") from error
    if not isinstance(body, dict) or set(body) != {"errors", "clerk_trace_id"}:
        raise AssertionError(f"not the keys of a refusal: {body}")
    if not re.fullmatch("[0-9a-f]{32}", body["clerk_trace_id"]):
        raise AssertionError(f"the trace id is {body['clerk_trace_id']!r}")
    if response.headers.get("x-clerk-trace-id") != [body["clerk_trace_id"]]:
        raise AssertionError("the trace id in the header is another one")
    if not body["errors"]:
        raise AssertionError("a refusal without an error")
    for error in body["errors"]:
        texts = [error.get(name) for name in ("message", "long_message", "code")]
        if not all(isinstance(text, str) and text for text in texts):
            raise AssertionError(f"an error without words: {error}")
        if not re.fullmatch("[a-z0-9_]+", error["code"]):
            raise AssertionError(f"not a code: {error['code']!r}")
        if set(error) - {"message", "long_message", "code", "meta"} or error.get("meta") == {}:
            raise AssertionError(f"not the keys of an error: {error}")
    first = body["errors"][0]
    if first["code"].startswith("form_param_") and "param_name" not in first.get("meta", {}):
        raise AssertionError(f"{first['code']} names no parameter")


@schemathesis.check
def built_operations_are_enabled(context, response, case):
    """The list of built operations and the server agree. What an operation has not is refused with its parameter."""
    if response.status_code == 403 and b"feature_not_enabled" in response.content:
        error = json.loads(response.content)["errors"][0]
        if "param_name" not in error.get("meta", {}):
            raise AssertionError("the server says that this operation is not built")
