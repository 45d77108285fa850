"""What is on the server for one case: resources made for it, and values that can succeed in place of random ones."""

import itertools
import json
import os
import urllib.request
import zlib

URL = os.environ["VERGER_URL"].rstrip("/") + "/v1"
SECRET_KEY = os.environ["VERGER_SECRET_KEY"]
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))

PASSWORD = "correct horse battery"
BACKUP_CODES = ["wxyz-12345-mnop", "wxyz-12345-mnoq"]
TOTP_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
# Of "Verger-test-1!", by the cheapest cost there is.
BCRYPT_DIGEST = "$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO"

# What the server refuses as not built, by operation.
NOT_BUILT = {
    "CreateUser": {"web3_wallet"},
    "UpdateUser": {"notify_primary_email_address_changed", "primary_web3_wallet_id", "profile_image_id"},
    "GetUserList": {"web3_wallet", "organization_id", "provider", "provider_user_id"},
    "GetUsersCount": {"web3_wallet", "organization_id", "provider", "provider_user_id"},
    "createSession": {"active_organization_id"},
    "CreateSignInToken": {"org_id"},
    "UpdateInstance": {"hibp", "url_based_session_syncing"},
    "UpdateInstanceRestrictions": {"block_disposable_email_domains"},
    "UpdateInstanceAuthConfig": {"from_email_address"},
}
ORDERS = {
    "ListInvitations": ["created_at", "-created_at", "+email_address", "-expires_at"],
    "GetUserList": [
        *("created_at", "-created_at", "+updated_at", "email_address", "-phone_number", "username", "last_name"),
        *("last_sign_in_at", "-last_active_at"),
    ],
}

counter = itertools.count()
old_templates = []


def api(method, path, body):
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"},
    )
    with LOOPBACK.open(request, timeout=10) as response:
        return json.load(response)


def fresh_number():
    index = next(counter) % 60_000
    return f"+1{300 + index // 100}55501{index % 100:02}"


def fresh_email():
    return f"schemathesis-{next(counter)}@example.com"


def fresh_name():
    return f"schemathesis-{next(counter)}"


def fresh_user(**fields):
    return api(
        "POST",
        "/users",
        {
            "email_address": [fresh_email(), fresh_email()],
            "phone_number": [fresh_number(), fresh_number()],
            "username": fresh_name(),
            **fields,
        },
    )


class Resources:
    """What exists for one case alone, made when it is asked for."""

    def __init__(self, operation):
        self.operation = operation
        fields = {}
        if "Password" in operation:
            fields["password"] = PASSWORD
        if operation in ("VerifyTOTP", "DeleteTOTP", "DeleteBackupCode", "DisableMFA"):
            fields |= {"totp_secret": TOTP_SECRET, "backup_codes": BACKUP_CODES}
        self.user = fresh_user(**fields)

    def path_parameters(self, names):
        """Values for these parameters of one path."""
        values = {
            "user_id": lambda: self.user["id"],
            "phone_number_id": lambda: self.user["phone_numbers"][0]["id"],
            "email_address_id": lambda: self.user["email_addresses"][0]["id"],
            "session_id": lambda: self.session()["id"],
            "client_id": lambda: self.session()["client_id"],
            "sign_in_token_id": lambda: api("POST", "/sign_in_tokens", {"user_id": self.user["id"]})["id"],
            "actor_token_id": lambda: api(
                "POST", "/actor_tokens", {"user_id": self.user["id"], "actor": {"sub": "schemathesis"}}
            )["id"],
            "template_id": lambda: self.template()["id"],
            "template_name": lambda: self.template()["name"],
            "invitation_id": lambda: api(
                "POST", "/invitations", {"email_address": fresh_email(), "notify": False}
            )["id"],
            "identifier_id": self.identifier,
            "id": lambda: api("POST", "/redirect_urls", {"url": f"{fresh_name()}://callback"})["id"],
        }
        return {name: values[name]() for name in names if name in values}

    def session(self):
        return api("POST", "/sessions", {"user_id": self.user["id"]})

    def template(self):
        """An instance has few of them, so that of the case before goes."""
        for old in old_templates[:]:
            old_templates.remove(old)
            if any(template["id"] == old for template in api("GET", "/jwt_templates?limit=500", None)):
                api("DELETE", f"/jwt_templates/{old}", None)
        made = api("POST", "/jwt_templates", {"name": fresh_name(), "claims": {"id": "{{user.id}}"}})
        old_templates.append(made["id"])
        return made

    def identifier(self):
        group = "allowlist" if "Allowlist" in self.operation else "blocklist"
        return api("POST", f"/{group}_identifiers", {"identifier": fresh_email()})["id"]


def helped_query(operation, query, documented):
    """The same query without what is not built or not even documented."""
    wanted = documented - NOT_BUILT.get(operation, set())
    query = {name: value for name, value in query.items() if name in wanted}
    if isinstance(query.get("order_by"), str) and operation in ORDERS:
        orders = ORDERS[operation]
        query["order_by"] = orders[zlib.crc32(query["order_by"].encode()) % len(orders)]
    query.pop("starting_after", None)
    return query


def helped_attempt(operation, body, path_parameters):
    """A code that was sent, and the right one for test numbers."""
    if not (isinstance(body.get("verification_id"), str) and isinstance(body.get("code"), str)):
        return body
    is_phone = "PhoneNumber" in operation
    kind, id_name = ("phone_numbers", "phone_number_id") if is_phone else ("email_addresses", "email_address_id")
    prepared = api("POST", f"/{kind}/{path_parameters[id_name]}/prepare_verification", {})
    helped = {**body, "verification_id": prepared["id"]}
    if is_phone:
        helped["code"] = "424242"
    return helped


def helped_body(operation, body, resources):
    """The same body with values that can succeed, where the type is already right."""
    user = resources.user
    replacements = {
        "user_id": lambda: user["id"],
        "phone_number": fresh_number,
        "email_address": fresh_email,
        "identifier": fresh_email,
        "support_email": fresh_email,
        "primary_phone_number_id": lambda: user["phone_numbers"][1]["id"],
        "primary_email_address_id": lambda: user["email_addresses"][1]["id"],
        "username": lambda: f"user_{next(counter)}",
        "external_id": lambda: f"external-{next(counter)}",
        "created_at": lambda: "2012-10-20T07:15:20.902Z",
        "legal_accepted_at": lambda: "2024-01-02T03:04:05.678Z",
        "password": lambda: PASSWORD,
        "password_digest": lambda: BCRYPT_DIGEST,
        "password_hasher": lambda: "bcrypt",
        "totp_secret": lambda: TOTP_SECRET,
        "code": lambda: BACKUP_CODES[0],
        "redirect_url": lambda: "https://app.example.com/welcome",
        "url": lambda: f"{fresh_name()}://callback",
        "name": fresh_name,
        "allowed_origins": lambda: f"https://{fresh_name()}.example.com",
    }
    if isinstance(body.get("backup_codes"), list):
        body["backup_codes"] = BACKUP_CODES
    for name, replacement in replacements.items():
        if isinstance(body.get(name), str):
            body[name] = replacement()
        elif isinstance(body.get(name), list) and all(isinstance(value, str) for value in body[name]):
            body[name] = [replacement() for _ in body[name][:5]]
    if isinstance(body.get("user_ids"), list):
        body["user_ids"] = [user["id"], *(fresh_user()["id"] for _ in body["user_ids"][1:3])]
    if isinstance(body.get("actor"), dict):
        body["actor"] = {"sub": "schemathesis", **body["actor"]}
    if body.get("custom_signing_key") is True:
        body |= {"signing_algorithm": "HS256", "signing_key": "a key of thirty-two bytes or more"}
    elif operation in ("CreateJWTTemplate", "UpdateJWTTemplate"):
        body.pop("signing_algorithm", None)
        body.pop("signing_key", None)
    for name in NOT_BUILT.get(operation, ()):
        body.pop(name, None)
    if operation in ("CreateUser", "UpdateUser"):
        help_credentials(body)
    if operation == "CreateUser":
        for name in ("phone_number", "email_address"):
            statuses = body.get(f"{name}_identification_status")
            if isinstance(statuses, list):
                body[f"{name}_identification_status"] = (statuses * 5)[: len(body.get(name) or [])]
        if not any(body.get(name) for name in ("phone_number", "email_address", "username")):
            body["username"] = f"user_{next(counter)}"
    return body


def help_credentials(body):
    """Not a password and a digest, no half of a digest, and nothing that needs a password without one."""
    if "password" in body or not ("password_digest" in body and "password_hasher" in body):
        body.pop("password_digest", None)
        body.pop("password_hasher", None)
    if "password" not in body:
        body.pop("skip_password_checks", None)
        body.pop("sign_out_of_other_sessions", None)
