"""Sessions, clients, JWT templates and tickets, asserted on what the SDK decodes."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from clerk_backend_api import models
from conftest import UNKNOWN_USER_ID

DAY_MS = 86_400_000


@pytest.fixture
def session(clerk, new_user):
    return clerk.sessions.create(request={"user_id": new_user().id})


def claims_of(token):
    """The claims of a token, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


# sessions


def test_create_get_and_revoke(clerk, new_user):
    user = new_user()
    session = clerk.sessions.create(request={"user_id": user.id})
    assert isinstance(session, models.Session)
    assert (session.object.value, session.user_id, session.status.value) == ("session", user.id, "active")
    assert (session.actor, session.last_active_organization_id, session.latest_activity) == (None, None, None)
    assert session.created_at == session.updated_at == session.last_active_at
    assert session.expire_at - session.created_at == 7 * DAY_MS
    assert session.abandon_at - session.created_at == 30 * DAY_MS
    assert clerk.sessions.get(session_id=session.id) == session
    revoked = clerk.sessions.revoke(session_id=session.id)
    assert (revoked.id, revoked.status.value) == (session.id, "revoked")
    assert clerk.sessions.get(session_id=session.id) == revoked


def test_list_by_user_client_and_status(clerk, new_user):
    user_id = new_user().id
    sessions = [clerk.sessions.create(request={"user_id": user_id}) for _ in range(3)]
    clerk.sessions.revoke(session_id=sessions[1].id)
    everything = clerk.sessions.list(user_id=user_id)
    assert {one.id for one in everything} == {one.id for one in sessions}
    assert [one.created_at for one in everything] == sorted((one.created_at for one in everything), reverse=True)
    assert len(clerk.sessions.list(user_id=user_id, limit=1, offset=1)) == 1
    active = clerk.sessions.list(user_id=user_id, status=models.QueryParamStatus.ACTIVE)
    assert {one.id for one in active} == {sessions[0].id, sessions[2].id}
    (of_client,) = clerk.sessions.list(client_id=sessions[2].client_id)
    assert of_client == sessions[2]


def test_tokens(clerk, session):
    token = clerk.sessions.create_token(session_id=session.id)
    assert token.object.value == "token"
    claims = claims_of(token.jwt)
    assert (claims["sid"], claims["sub"], claims["exp"] - claims["iat"]) == (session.id, session.user_id, 60)
    longer = claims_of(clerk.sessions.create_token(session_id=session.id, expires_in_seconds=600).jwt)
    assert longer["exp"] - longer["iat"] == 600


def test_refresh_wants_a_token_with_an_origin(clerk, session, refused):
    token = clerk.sessions.create_token(session_id=session.id).jwt
    refused(
        401,
        "expired_session_token_missing_azp",
        lambda: clerk.sessions.refresh(
            session_id=session.id, expired_token=token, refresh_token="x", request_origin="http://127.0.0.1:3000"
        ),
    )


def test_sessions_that_nobody_has(clerk, refused):
    refused(404, "resource_not_found", lambda: clerk.sessions.get(session_id="sess_unknown"))
    refused(404, "resource_not_found", lambda: clerk.sessions.revoke(session_id="sess_unknown"))
    refused(404, "resource_not_found", lambda: clerk.sessions.create_token(session_id="sess_unknown"))
    refused(404, "resource_not_found", lambda: clerk.sessions.create(request={"user_id": UNKNOWN_USER_ID}))


# clients


def test_clients(clerk, session, refused):
    client = clerk.clients.get(client_id=session.client_id)
    assert isinstance(client, models.Client)
    assert (client.object.value, client.id, client.session_ids) == ("client", session.client_id, [session.id])
    assert client.sessions == [session]
    assert client.last_active_session_id == session.id
    assert (client.sign_in_id, client.sign_up_id) == (None, None)
    assert client in clerk.clients.list(limit=500)
    refused(404, "resource_not_found", lambda: clerk.clients.get(client_id="client_unknown"))
    refused(400, "cookie_invalid", lambda: clerk.clients.verify(request={"token": "x"}), param_name="token")


# JWT templates


def test_jwt_templates(clerk, requests, session, fresh, refused):
    name = fresh.word("py-")
    # This SDK drops every claim: its model of them has no fields. So they come by themselves.
    template = clerk.jwt_templates.create(request={"name": name, "claims": {"role": "editor"}, "lifetime": 300})
    assert requests("GET", f"/jwt_templates/{template.id}")["claims"] == {}
    assert isinstance(template, models.JWTTemplate)
    assert (template.name, template.lifetime, template.allowed_clock_skew) == (name, 300, 5)
    assert (template.custom_signing_key, template.signing_algorithm) == (False, "RS256")
    assert clerk.jwt_templates.get(template_id=template.id) == template
    assert template in clerk.jwt_templates.list(limit=500)
    claims = {"role": "editor", "id": "{{user.id}}"}
    requests("PATCH", f"/jwt_templates/{template.id}", {"name": name, "claims": claims, "lifetime": 300})
    token = clerk.sessions.create_token_from_template(session_id=session.id, template_name=name)
    seen = claims_of(token.jwt)
    assert (seen["role"], seen["id"], seen["exp"] - seen["iat"]) == ("editor", session.user_id, 300)
    shorter = clerk.sessions.create_token_from_template(
        session_id=session.id, template_name=name, expires_in_seconds=30
    )
    seen = claims_of(shorter.jwt)
    assert seen["exp"] - seen["iat"] == 30
    updated = clerk.jwt_templates.update(template_id=template.id, name=name, claims={}, lifetime=60)
    assert (updated.id, updated.lifetime) == (template.id, 60)
    token = clerk.sessions.create_token_from_template(session_id=session.id, template_name=name)
    assert "role" not in claims_of(token.jwt)
    refused(
        422,
        "form_param_value_invalid",
        lambda: clerk.jwt_templates.create(request={"name": fresh.word("py-"), "claims": {}, "lifetime": 29}),
        param_name="lifetime",
    )
    deleted = clerk.jwt_templates.delete(template_id=template.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (template.id, True, "jwt_template")
    refused(404, "resource_not_found", lambda: clerk.jwt_templates.get(template_id=template.id))


# tickets


def test_sign_in_tokens(clerk, new_user, base_url, refused):
    user_id = new_user().id
    created = clerk.sign_in_tokens.create(request={"user_id": user_id, "expires_in_seconds": 600})
    assert isinstance(created, models.SignInToken)
    assert (created.user_id, created.status.value) == (user_id, "pending")
    assert created.url == f"{base_url}/tickets/accept?ticket={created.token}"
    revoked = clerk.sign_in_tokens.revoke(sign_in_token_id=created.id)
    assert (revoked.id, revoked.status.value) == (created.id, "revoked")
    refused(
        400,
        "sign_in_token_cannot_be_revoked_code",
        lambda: clerk.sign_in_tokens.revoke(sign_in_token_id=created.id),
    )


def test_actor_tokens(clerk, new_user, refused):
    user_id = new_user().id
    created = clerk.actor_tokens.create(request={"user_id": user_id, "actor": {"sub": "user_of_support"}})
    assert isinstance(created, models.ActorToken)
    assert (created.user_id, created.status.value) == (user_id, "pending")
    assert created.token in created.url
    revoked = clerk.actor_tokens.revoke(actor_token_id=created.id)
    assert (revoked.id, revoked.status.value) == (created.id, "revoked")
    refused(400, "actor_token_cannot_be_revoked_code", lambda: clerk.actor_tokens.revoke(actor_token_id=created.id))


def test_testing_tokens(clerk):
    created = clerk.testing_tokens.create()
    assert created.object.value == "testing_token"
    assert created.token


def test_key_set(clerk, session):
    token = clerk.sessions.create_token(session_id=session.id).jwt
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    keys = {key.kid: key for key in clerk.jwks.get_jwks().keys}
    key = keys[header["kid"]]
    assert (key.use, key.kty, key.alg, key.e) == ("sig", "RSA", "RS256", "AQAB")


# what users sign in with


def test_passwords(clerk, new_user, refused):
    user = new_user(password="correct horse battery")
    assert user.password_enabled is True
    session = clerk.sessions.create(request={"user_id": user.id})
    assert clerk.users.verify_password(user_id=user.id, password="correct horse battery").verified is True
    refused(
        422,
        "incorrect_password",
        lambda: clerk.users.verify_password(user_id=user.id, password="another horse"),
    )
    clerk.users.set_password_compromised(user_id=user.id, revoke_all_sessions=True)
    assert clerk.sessions.get(session_id=session.id).status.value == "revoked"
    clerk.users.unset_password_compromised(user_id=user.id)
    without = clerk.users.remove_password(user_id=user.id, sign_out_of_other_sessions=True)
    assert without.password_enabled is False
    refused(400, "no_password_set", lambda: clerk.users.verify_password(user_id=user.id, password="x"))


def authenticator_code():
    """What an authenticator shows now for the secret below, whose bytes are these digits (RFC 6238)."""
    step = int(time.time() // 30).to_bytes(8, "big")
    mac = hmac.new(b"12345678901234567890", step, hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def test_second_factors(clerk, new_user, refused):
    codes = ["wxyz-12345-mnop", "wxyz-12345-mnoq"]
    user = new_user(totp_secret="GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", backup_codes=codes)
    assert (user.totp_enabled, user.backup_code_enabled, user.two_factor_enabled) == (True, True, True)
    answer = clerk.users.verify_totp(user_id=user.id, code=codes[0])
    assert (answer.verified, answer.code_type.value) == (True, "backup_code")
    refused(422, "totp_incorrect_code", lambda: clerk.users.verify_totp(user_id=user.id, code=codes[0]))
    answer = clerk.users.verify_totp(user_id=user.id, code=authenticator_code())
    assert (answer.verified, answer.code_type.value) == (True, "totp")
    assert clerk.users.delete_backup_codes(user_id=user.id).user_id == user.id
    assert clerk.users.delete_totp(user_id=user.id).user_id == user.id
    refused(400, "totp_disabled", lambda: clerk.users.verify_totp(user_id=user.id, code="123456"))
