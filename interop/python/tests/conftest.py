"""What every test here needs: the SDK pointed at the server under test, fresh identifiers, the shape of a refusal."""

import itertools
import json
import os
import re
import secrets

import httpx
import pytest
from clerk_backend_api import Clerk, models
from clerk_backend_api.utils import BackoffStrategy, RetryConfig

UNKNOWN_USER_ID = "user_000000000000000000000000000"
UNKNOWN_IDENTIFICATION_ID = "idn_000000000000000000000000000"


def required(variable):
    value = os.environ.get(variable)
    if not value:
        pytest.exit(
            f"{variable} is not set: these tests need a running server. Run `cargo xtask interop python`, or start "
            "`verger dev --ephemeral` and set VERGER_URL and VERGER_SECRET_KEY to what it prints.",
            returncode=2,
        )
    return value


@pytest.fixture(scope="session")
def base_url():
    """The API base as this SDK wants it: with `/v1`."""
    return required("VERGER_URL").rstrip("/") + "/v1"


@pytest.fixture(scope="session")
def secret_key():
    return required("VERGER_SECRET_KEY")


@pytest.fixture(scope="session")
def requests(base_url, secret_key):
    """A request without the SDK, for what it cannot say. It must succeed."""

    def send(method, path, body=None):
        headers = {"Authorization": f"Bearer {secret_key}"}
        response = httpx.request(method, base_url + path, json=body, headers=headers)
        response.raise_for_status()
        return response.json()

    return send


@pytest.fixture(scope="session")
def inbox(base_url, secret_key):
    """The messages to one number or address, newest first: what a person would have received."""

    def read(phone_number=None, email_address=None):
        wanted = {"phone_number": phone_number, "email_address": email_address}
        response = httpx.get(
            base_url.removesuffix("/v1") + "/verger/v1/messages",
            params={name: value for name, value in wanted.items() if value},
            headers={"Authorization": f"Bearer {secret_key}"},
        )
        response.raise_for_status()
        return response.json()

    return read


def assert_answer_is_sound(response):
    """What holds for every answer. A 5xx would be retried by this SDK for up to an hour."""
    context = f"{response.request.method} {response.request.url}: {response.status_code}"
    assert response.status_code < 500, context
    if response.status_code == 204:
        # The one operation of the document that has nothing to say.
        assert (response.request.method, response.request.url.path) == ("PATCH", "/v1/instance"), context
        assert response.read() == b"", context
    else:
        assert response.status_code == 200 or response.status_code >= 400, f"{context}: only 200 is success"
        assert response.headers["content-type"] == "application/json", context
    assert response.headers["clerk-api-version"] == "2025-11-10", context
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-clerk-trace-id"]), context


@pytest.fixture(scope="session")
def new_client(base_url):
    """Makes an SDK client with a key. Its retries end after a tenth of a second, whatever happens."""
    transport = httpx.Client(event_hooks={"response": [assert_answer_is_sound]}, timeout=10)

    def make(key):
        return Clerk(
            bearer_auth=key,
            server_url=base_url,
            client=transport,
            retry_config=RetryConfig("backoff", BackoffStrategy(1, 10, 1.5, 100), False),
        )

    yield make
    transport.close()


@pytest.fixture(scope="session")
def clerk(new_client, secret_key):
    return new_client(secret_key)


class Fresh:
    """Identifiers that nobody on the server has."""

    def __init__(self):
        self._indexes = itertools.count()

    def number(self):
        """A number of the reserved test range."""
        index = next(self._indexes)
        return f"+1{300 + index // 100}55501{index % 100:02}"

    def deliverable_number(self):
        """A number that codes are sent to: of no test range."""
        return f"+4179{1000000 + next(self._indexes)}"

    def word(self, prefix="x"):
        return prefix + secrets.token_hex(8)

    def email(self):
        return f"{self.word('py-')}@example.com"


FRESH = Fresh()


@pytest.fixture(scope="session")
def fresh():
    return FRESH


@pytest.fixture(scope="session")
def new_user(clerk, fresh):
    """Makes a user with a verified email address, so that no number is its last identification."""

    def make(**params):
        return clerk.users.create(**{"email_address": [fresh.email()], **params})

    return make


@pytest.fixture
def refused():
    """Asserts that a call is refused with exactly this, and returns the SDK's error. A request with several mistakes
    gets several errors; then `count` says how many, and the one that is described is among them."""

    def check(status, code, call, *, param_name=None, message=None, count=1):
        with pytest.raises(models.ClerkBaseError) as caught:
            call()
        error = caught.value
        assert error.status_code == status, error.body
        # The SDK decodes the body for the statuses that it knows for this operation, and hands over the text for
        # others. Either way it is the same body.
        if isinstance(error, models.ClerkErrors):
            assert code in [one.code for one in error.data.errors], error.body
        body = json.loads(error.body)
        assert len(body["errors"]) == count, error.body
        for one in body["errors"]:
            assert one["message"] and one["long_message"], error.body
            assert one.get("meta") != {}, "an empty meta is left out"
        described = [
            one
            for one in body["errors"]
            if one["code"] == code and one.get("meta", {}).get("param_name") == param_name
        ]
        assert len(described) == 1, error.body
        if message:
            assert described[0]["message"] == message
        assert re.fullmatch("[0-9a-f]{32}", body["clerk_trace_id"])
        assert error.headers["x-clerk-trace-id"] == body["clerk_trace_id"]
        return error

    return check


def is_verified_by_admin(resource):
    """The resource has the verification that an administrator gives, and its keys were all sent."""
    verification = resource.verification
    if verification is None:
        return False
    assert verification.object.value == "verification_admin", repr(verification)
    assert verification.status.value == "verified"
    assert verification.strategy.value == "admin"
    assert verification.attempts is None
    assert verification.expire_at is None
    return True


def phone_number_of(user, text):
    """The user's number with this text."""
    (found,) = [held for held in user.phone_numbers if held.phone_number == text]
    return found
