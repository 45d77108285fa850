"""What Schemathesis is told about this API: real ids for most cases, and checks that the document cannot express.

A document says that a path has an id, not which ids exist; left alone, nearly every case would end in 404. So for three
cases out of four the ids, phone numbers, email addresses and the like in a case are replaced by ones that will do,
always of a user made for that case alone. Which cases, is decided by a hash of the case: a case that is tried again
(to make a failure smaller) is treated the same way again.
"""

import atexit
import collections
import itertools
import json
import os
import re
import urllib.request
import zlib

import schemathesis

URL = os.environ["VERGER_URL"].rstrip("/") + "/v1"
SECRET_KEY = os.environ["VERGER_SECRET_KEY"]
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What the server takes at POST and PATCH /users and at GET /users; the rest it refuses as not built.
BUILT_USER_FIELDS = {
    "external_id",
    "first_name",
    "last_name",
    "locale",
    "email_address",
    "email_address_identification_status",
    "phone_number",
    "phone_number_identification_status",
    "username",
    "public_metadata",
    "private_metadata",
    "unsafe_metadata",
    "created_at",
    "banned",
    "locked",
    "primary_email_address_id",
    "primary_phone_number_id",
    "delete_self_enabled",
    "create_organization_enabled",
    "create_organizations_limit",
    "legal_accepted_at",
    "bypass_client_trust",
    "skip_password_checks",
    "skip_password_requirement",
    "skip_legal_checks",
    "skip_user_requirement",
}
BUILT_FILTERS = {
    "email_address",
    "phone_number",
    "external_id",
    "username",
    "user_id",
    "query",
    "email_address_query",
    "phone_number_query",
    "username_query",
    "name_query",
    "banned",
    "created_at_before",
    "created_at_after",
    "limit",
    "offset",
    "starting_after",
    "order_by",
}

counter = itertools.count()
answers = collections.defaultdict(collections.Counter)
failed = set()


def api(method, path, body):
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"},
    )
    with LOOPBACK.open(request, timeout=10) as response:
        return json.load(response)


def fresh_number():
    index = next(counter) % 60_000
    return f"+1{300 + index // 100}55501{index % 100:02}"


def fresh_email():
    return f"schemathesis-{next(counter)}@example.com"


def fresh_user():
    return api(
        "POST",
        "/users",
        {
            "email_address": [fresh_email(), fresh_email()],
            "phone_number": [fresh_number(), fresh_number()],
            "username": f"schemathesis-{next(counter)}",
        },
    )


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
    if operation in ("GetUserList", "GetUsersCount"):
        help_query(case)
        return
    user = fresh_user()
    ids = {
        "user_id": user["id"],
        "phone_number_id": user["phone_numbers"][0]["id"],
        "email_address_id": user["email_addresses"][0]["id"],
    }
    for name in case.path_parameters or {}:
        if name in ids:
            case.path_parameters[name] = ids[name]
    if operation.startswith("Attempt") and isinstance(case.body, dict):
        help_attempt(operation, case, ids)
    elif isinstance(case.body, dict):
        case.body = help_body(operation, dict(case.body), user)


def help_attempt(operation, case, ids):
    """A code that was sent, and the right one for test numbers."""
    if not (isinstance(case.body.get("verification_id"), str) and isinstance(case.body.get("code"), str)):
        return
    is_phone = "PhoneNumber" in operation
    path = f"/phone_numbers/{ids['phone_number_id']}" if is_phone else f"/email_addresses/{ids['email_address_id']}"
    prepared = api("POST", path + "/prepare_verification", {})
    case.body["verification_id"] = prepared["id"]
    if is_phone:
        case.body["code"] = "424242"


def help_query(case):
    query = {name: value for name, value in (case.query or {}).items() if name in BUILT_FILTERS}
    if isinstance(query.get("order_by"), str):
        orders = ["created_at", "-created_at", "+updated_at", "email_address", "-phone_number", "username", "last_name"]
        query["order_by"] = orders[zlib.crc32(query["order_by"].encode()) % len(orders)]
    query.pop("starting_after", None)
    case.query = query


def help_body(operation, body, user):
    """The same body with values that can succeed, where the type is already right."""
    replacements = {
        "user_id": lambda: user["id"],
        "phone_number": fresh_number,
        "email_address": fresh_email,
        "primary_phone_number_id": lambda: user["phone_numbers"][1]["id"],
        "primary_email_address_id": lambda: user["email_addresses"][1]["id"],
        "username": lambda: f"user_{next(counter)}",
        "external_id": lambda: f"external-{next(counter)}",
        "created_at": lambda: "2012-10-20T07:15:20.902Z",
        "legal_accepted_at": lambda: "2024-01-02T03:04:05.678Z",
    }
    for name, replacement in replacements.items():
        if isinstance(body.get(name), str):
            body[name] = replacement()
        elif isinstance(body.get(name), list) and all(isinstance(value, str) for value in body[name]):
            body[name] = [replacement() for _ in body[name][:5]]
    if isinstance(body.get("user_ids"), list):
        body["user_ids"] = [user["id"], *(fresh_user()["id"] for _ in body["user_ids"][1:3])]
    if operation in ("CreateUser", "UpdateUser"):
        for name in set(body) - BUILT_USER_FIELDS:
            del body[name]
    if operation == "CreateUser":
        for name in ("phone_number", "email_address"):
            statuses = body.get(f"{name}_identification_status")
            if isinstance(statuses, list):
                body[f"{name}_identification_status"] = (statuses * 5)[: len(body.get(name) or [])]
        if not any(body.get(name) for name in ("phone_number", "email_address", "username")):
            body["username"] = f"user_{next(counter)}"
    return body


@schemathesis.hook
def after_call(context, case, response):
    answers[operation_id(case)][str(response.status_code)] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    failed.add(operation_id(case))
    return True  # it stays a failure


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
    """The official Python SDK takes no other status for success, and the API has no redirects."""
    if response.status_code != 200 and response.status_code < 400:
        raise AssertionError(f"{response.status_code} is neither 200 nor a refusal")


@schemathesis.check
def content_type_is_exact(context, response, case):
    """The official JavaScript SDK reads anything but exactly this as text."""
    content_types = response.headers.get("content-type")
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
    """The list of built operations and the server agree."""
    if response.status_code == 403 and b"feature_not_enabled" in response.content:
        raise AssertionError("the server says that this operation is not built")
