"""Tokens of the server under test, in the unmodified SDK: with the PEM, since `authenticate_request` takes no URL."""

import base64
import datetime
import json
import os
import secrets
import subprocess

import httpx
import jwt.api_jwt
import pytest
from clerk_backend_api import Clerk
from clerk_backend_api.security import authenticate_request, verify_token
from clerk_backend_api.security.types import (
    AuthenticateRequestOptions,
    TokenVerificationError,
    TokenVerificationErrorReason,
    VerifyTokenOptions,
)

from conftest import required


class Server:
    """What is asked of a server without the SDK, and a session there."""

    def __init__(self, url, secret_key):
        self.url = url
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret_key}"})
        self.clerk = Clerk(bearer_auth=secret_key, server_url=f"{url}/v1")

    def get(self, path):
        response = self.http.get(path)
        response.raise_for_status()
        return response.json()

    def sign_in(self):
        """A session of a new user: its id, the user's, and a token."""
        user = self.clerk.users.create(email_address=[f"py-{secrets.token_hex(8)}@example.com"])
        session = self.clerk.sessions.create(request={"user_id": user.id})
        token = self.clerk.sessions.create_token(session_id=session.id)
        return session.id, user.id, token.jwt


@pytest.fixture(scope="module")
def server(base_url, secret_key):
    return Server(base_url.removesuffix("/v1"), secret_key)


@pytest.fixture(scope="module")
def pem(server):
    keys = server.get("/verger/v1/signing_keys")
    keys = keys if isinstance(keys, list) else keys["data"]
    (signing,) = [key for key in keys if key["state"] == "signing"]
    return signing["public_key_pem"]


@pytest.fixture(scope="module")
def signed_in(server):
    return server.sign_in()


def reason_of(token, pem, **options):
    """Why `authenticate_request` takes nobody for signed in; None if it does. `verify_token` says the same."""
    request = httpx.Request("GET", "http://127.0.0.1:3000/", headers={"Authorization": f"Bearer {token}"})
    state = authenticate_request(request, AuthenticateRequestOptions(jwt_key=pem, **options))
    try:
        payload = verify_token(token, VerifyTokenOptions(jwt_key=pem, **options))
    except TokenVerificationError as error:
        assert not state.is_signed_in
        assert state.reason == error.reason
        return error.reason
    assert state.is_signed_in
    assert state.payload["sub"] == payload["sub"]
    return None


@pytest.fixture
def later(monkeypatch):
    """Moves the clock by which the SDK's library judges tokens."""

    def move(seconds):
        class Later(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.datetime.now(tz) + datetime.timedelta(seconds=seconds)

        monkeypatch.setattr(jwt.api_jwt, "datetime", Later)

    return move


def test_signed_in(signed_in, pem):
    session_id, user_id, token = signed_in
    payload = verify_token(token, VerifyTokenOptions(jwt_key=pem))
    assert (payload["sub"], payload["sid"], payload["sts"], payload["v"]) == (user_id, session_id, "active", 2)
    assert payload["exp"] - payload["iat"] == 60
    assert reason_of(token, pem) is None


def test_a_cookie_is_taken_like_the_header(signed_in, pem):
    request = httpx.Request("GET", "http://127.0.0.1:3000/", headers={"cookie": f"a=b; __session={signed_in[2]}"})
    state = authenticate_request(request, AuthenticateRequestOptions(jwt_key=pem))
    assert state.is_signed_in
    assert state.payload["sid"] == signed_in[0]


def test_expired(signed_in, pem, later):
    later(70)
    assert reason_of(signed_in[2], pem) == TokenVerificationErrorReason.TOKEN_EXPIRED


def test_clocks_four_seconds_apart(signed_in, pem, later):
    later(-4)
    assert reason_of(signed_in[2], pem) is None
    later(-20)
    assert reason_of(signed_in[2], pem) in (
        TokenVerificationErrorReason.TOKEN_IAT_IN_THE_FUTURE,
        TokenVerificationErrorReason.TOKEN_NOT_ACTIVE_YET,
    )


def test_a_revoked_session_gives_no_more_tokens_and_its_last_one_runs_out(server, pem, later):
    session_id, _, token = server.sign_in()
    assert server.clerk.sessions.revoke(session_id=session_id).status.value == "revoked"
    refusal = server.http.post(f"/v1/sessions/{session_id}/tokens", json={})
    assert refusal.status_code == 401
    assert refusal.json()["errors"][0]["code"] == "authentication_invalid"
    assert reason_of(token, pem) is None
    later(70)
    assert reason_of(token, pem) == TokenVerificationErrorReason.TOKEN_EXPIRED


def test_tampered(signed_in, pem):
    header, payload, signature = signed_in[2].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["sub"] = "user_000000000000000000000000000"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    reason = reason_of(f"{header}.{forged}.{signature}", pem)
    assert reason == TokenVerificationErrorReason.TOKEN_INVALID_SIGNATURE


def test_another_instances_token(pem):
    environment = {name: value for name, value in os.environ.items() if name not in ("VERGER_SECRET_KEY", "VERGER_STORE")}
    arguments = ["dev", "--ephemeral", "--listen", "127.0.0.1:0", "--format", "json"]
    with subprocess.Popen(
        [required("VERGER_BINARY"), *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            ready = json.loads(process.stdout.readline())
            _, _, token = Server(ready["url"], ready["secret_key"]).sign_in()
        finally:
            process.terminate()
    assert reason_of(token, pem) == TokenVerificationErrorReason.TOKEN_INVALID_SIGNATURE


def test_a_template_token_is_taken_for_a_session_token_by_this_sdk(server, signed_in, pem):
    """It looks at neither `typ` nor `cat`. What it then lacks is the session."""
    name = f"py-{secrets.token_hex(8)}"
    # Without the SDK, which drops every claim of a template: its model of them has no fields.
    template = server.http.post("/v1/jwt_templates", json={"name": name, "claims": {"role": "editor"}}).json()
    token = server.clerk.sessions.create_token_from_template(session_id=signed_in[0], template_name=name)
    server.clerk.jwt_templates.delete(template_id=template["id"])
    payload = verify_token(token.jwt, VerifyTokenOptions(jwt_key=pem))
    assert (payload["sub"], payload["role"]) == (signed_in[1], "editor")
    assert "sid" not in payload
    assert reason_of(token.jwt, pem) is None


def test_authorized_parties(signed_in, pem):
    # A token that was minted for a backend names none.
    reason = reason_of(signed_in[2], pem, authorized_parties=["http://127.0.0.1:3000"])
    assert reason == TokenVerificationErrorReason.TOKEN_INVALID_AUTHORIZED_PARTIES
