"""Every user call of the SDK that is built, asserted on what it decodes; and that the others say so."""

import time

import pytest
from clerk_backend_api import models
from conftest import UNKNOWN_IDENTIFICATION_ID, UNKNOWN_USER_ID, is_verified_by_admin, phone_number_of

# create and get


def test_create_with_everything_that_is_built(clerk, fresh):
    email, reserved_email, number = fresh.email(), fresh.email(), fresh.number()
    username, external_id = fresh.word("user_"), fresh.word("ext|")
    user = clerk.users.create(
        external_id=external_id,
        first_name="Ada",
        last_name="Lovelace",
        email_address=[email, reserved_email],
        email_address_identification_status=["verified", "reserved"],
        phone_number=[number],
        phone_number_identification_status=["verified"],
        username=username,
        public_metadata={"plan": "gold", "nested": {"camelCase": [1, None, "ä"]}},
        private_metadata={"note": "private"},
        unsafe_metadata={"theme": "dark"},
        created_at="2019-10-20T07:15:20.902Z",
        skip_password_checks=True,
        skip_password_requirement=True,
        skip_legal_checks=True,
    )
    assert isinstance(user, models.User)
    assert user.external_id == external_id
    assert (user.first_name, user.last_name, user.username) == ("Ada", "Lovelace", username)
    assert user.created_at == 1571555720902
    assert user.public_metadata == {"plan": "gold", "nested": {"camelCase": [1, None, "ä"]}}
    assert user.private_metadata == {"note": "private"}
    assert user.unsafe_metadata == {"theme": "dark"}
    by_text = {held.email_address: held for held in user.email_addresses}
    assert user.primary_email_address_id == by_text[email].id
    assert is_verified_by_admin(by_text[email])
    assert by_text[reserved_email].verification is None
    assert by_text[reserved_email].reserved is True
    assert user.primary_phone_number_id == phone_number_of(user, number).id
    assert clerk.users.get(user_id=user.id) == user


def test_what_is_not_built_is_empty(new_user):
    user = new_user()
    assert user.phone_numbers == user.web3_wallets == user.passkeys == []
    assert user.external_accounts == user.saml_accounts == user.enterprise_accounts == []
    assert not any([user.password_enabled, user.two_factor_enabled, user.totp_enabled, user.backup_code_enabled])
    assert not any([user.banned, user.locked, user.has_image])
    for field in (
        "username first_name last_name external_id primary_phone_number_id primary_web3_wallet_id last_sign_in_at "
        "last_active_at lockout_expires_in_seconds mfa_enabled_at mfa_disabled_at legal_accepted_at"
    ).split():
        assert getattr(user, field) is None, field


def test_create_by_each_kind_of_identifier_alone(clerk, fresh):
    assert clerk.users.create(email_address=[fresh.email()]).email_addresses
    assert clerk.users.create(phone_number=[fresh.number()]).phone_numbers
    assert clerk.users.create(username=fresh.word("u")).username
    assert clerk.users.create(first_name="Nobody", skip_user_requirement=True).first_name == "Nobody"


def test_create_banned_and_locked(new_user):
    user = new_user(banned=True, locked=True)
    assert (user.banned, user.locked) == (True, True)


def test_create_refuses_a_user_without_any_identifier(clerk, refused):
    refused(422, "form_data_missing", lambda: clerk.users.create(first_name="Ada"))


def test_create_refuses_a_time_that_is_none(clerk, fresh):
    with pytest.raises(models.ClerkErrors) as caught:
        clerk.users.create(username=fresh.word("u"), created_at="yesterday")
    assert caught.value.status_code == 422
    assert caught.value.data.errors[0].meta == {"param_name": "created_at"}


def test_create_takes_an_explicit_null_for_what_is_not_built(new_user):
    user = new_user(password=None, password_digest=None, totp_secret=None)
    assert user.password_enabled is False


def test_get_refuses_an_unknown_id(clerk, refused):
    for user_id in [UNKNOWN_USER_ID, UNKNOWN_IDENTIFICATION_ID, "x"]:
        refused(404, "resource_not_found", lambda: clerk.users.get(user_id=user_id))


# update


def test_update_names_username_external_id_and_time(clerk, new_user, fresh):
    user = new_user(first_name="Ada", username=fresh.word("u"))
    username, external_id = fresh.word("user-"), fresh.word("e")
    updated = clerk.users.update(
        user_id=user.id,
        first_name="Grace",
        last_name="Hopper",
        username=username,
        external_id=external_id,
        created_at="2012-10-20T07:15:20.902Z",
    )
    assert (updated.first_name, updated.last_name) == ("Grace", "Hopper")
    assert (updated.username, updated.external_id) == (username, external_id)
    assert updated.created_at == 1350717320902
    assert clerk.users.get(user_id=user.id) == updated


def test_update_what_the_user_may_do_and_has_agreed_to(clerk, new_user):
    user = new_user(locale="en-GB")
    assert user.locale == "en-GB"
    updated = clerk.users.update(
        user_id=user.id,
        locale="fr-FR",
        delete_self_enabled=not user.delete_self_enabled,
        create_organization_enabled=not user.create_organization_enabled,
        create_organizations_limit=3,
        legal_accepted_at="2024-01-02T03:04:05.678Z",
        bypass_client_trust=True,
    )
    assert updated.locale == "fr-FR"
    assert updated.delete_self_enabled is not user.delete_self_enabled
    assert updated.create_organization_enabled is not user.create_organization_enabled
    assert updated.create_organizations_limit == 3
    assert updated.legal_accepted_at == 1704164645678
    assert updated.bypass_client_trust is True


def test_update_with_null_removes_a_name(clerk, new_user, fresh):
    user = new_user(first_name="Ada", last_name="Lovelace", external_id=fresh.word("e"))
    updated = clerk.users.update(user_id=user.id, first_name=None, external_id=None)
    assert (updated.first_name, updated.last_name, updated.external_id) == (None, "Lovelace", None)


def test_update_without_fields_changes_nothing(clerk, new_user):
    user = new_user(first_name="Ada")
    assert clerk.users.update(user_id=user.id) == user


def test_update_primary_identifiers(clerk, new_user, fresh, refused):
    user = new_user(email_address=[fresh.email(), fresh.email()], phone_number=[fresh.number(), fresh.number()])
    other = new_user(phone_number=[fresh.number()])
    (phone,) = [held for held in user.phone_numbers if held.id != user.primary_phone_number_id]
    (email,) = [held for held in user.email_addresses if held.id != user.primary_email_address_id]
    updated = clerk.users.update(user_id=user.id, primary_phone_number_id=phone.id, primary_email_address_id=email.id)
    assert (updated.primary_phone_number_id, updated.primary_email_address_id) == (phone.id, email.id)

    request = {"user_id": user.id, "phone_number": fresh.number()}
    unverified = clerk.phone_numbers.create(request=request)
    for phone_number_id, code in [
        (unverified.id, "form_verification_needed"),
        (other.phone_numbers[0].id, "form_resource_not_found"),
        (UNKNOWN_IDENTIFICATION_ID, "form_resource_not_found"),
    ]:
        refused(
            422,
            code,
            lambda: clerk.users.update(user_id=user.id, primary_phone_number_id=phone_number_id),
            param_name="primary_phone_number_id",
        )


# metadata


def test_update_metadata_merges_deeply_and_null_removes(clerk, new_user):
    user = new_user(public_metadata={"a": 1, "deep": {"b": 2, "c": 3}}, private_metadata={"secret": "x"})
    updated = clerk.users.update_metadata(
        user_id=user.id,
        public_metadata={"a": None, "deep": {"c": None, "d": 4}},
        unsafe_metadata={"theme": "dark"},
    )
    assert updated.public_metadata == {"deep": {"b": 2, "d": 4}}
    assert updated.private_metadata == {"secret": "x"}
    assert updated.unsafe_metadata == {"theme": "dark"}


def test_replace_metadata_replaces_what_is_named(clerk, new_user):
    user = new_user(public_metadata={"a": 1}, private_metadata={"b": 2})
    updated = clerk.users.replace_metadata(user_id=user.id, public_metadata={"c": 3})
    assert (updated.public_metadata, updated.private_metadata) == ({"c": 3}, {"b": 2})


def test_metadata_calls_without_fields_change_nothing(clerk, new_user, refused):
    user = new_user(public_metadata={"a": 1})
    assert clerk.users.update_metadata(user_id=user.id) == user
    assert clerk.users.replace_metadata(user_id=user.id) == user
    refused(404, "resource_not_found", lambda: clerk.users.update_metadata(user_id=UNKNOWN_USER_ID))


# ban and lock


@pytest.mark.parametrize("on, off, flag", [("ban", "unban", "banned"), ("lock", "unlock", "locked")])
def test_ban_and_lock(clerk, new_user, refused, on, off, flag):
    user = new_user()
    for call, value in [(on, True), (on, True), (off, False), (off, False)]:
        answer = getattr(clerk.users, call)(user_id=user.id)
        assert isinstance(answer, models.User)
        assert getattr(answer, flag) is value
    refused(404, "resource_not_found", lambda: getattr(clerk.users, on)(user_id=UNKNOWN_USER_ID))


def test_bulk_ban_and_unban(clerk, new_user):
    ids = [new_user().id for _ in range(3)]
    banned = clerk.users.bulk_ban(user_ids=ids)
    assert sorted(user.id for user in banned) == sorted(ids)
    assert all(user.banned for user in banned)
    unbanned = clerk.users.bulk_unban(user_ids=ids[:2])
    assert sorted(user.id for user in unbanned) == sorted(ids[:2])
    assert [clerk.users.get(user_id=user_id).banned for user_id in ids] == [False, False, True]


def test_bulk_ban_with_an_unknown_id_changes_nothing(clerk, new_user, refused):
    user = new_user()
    refused(404, "resource_not_found", lambda: clerk.users.bulk_ban(user_ids=[user.id, UNKNOWN_USER_ID]))
    assert clerk.users.get(user_id=user.id) == user


@pytest.mark.parametrize("call", ["bulk_ban", "bulk_unban"])
def test_bulk_calls_refuse_none_and_too_many(clerk, call):
    for user_ids in [[], [UNKNOWN_USER_ID] * 51]:
        with pytest.raises(models.ClerkBaseError) as caught:
            getattr(clerk.users, call)(user_ids=user_ids)
        assert caught.value.status_code in (400, 422), caught.value.body


# second factors


def test_disable_mfa_clears_every_second_factor(clerk, new_user, fresh, refused):
    user = new_user(phone_number=[fresh.number(), fresh.number()])
    for held in user.phone_numbers:
        clerk.phone_numbers.update(phone_number_id=held.id, reserved_for_second_factor=True)
    enabled = clerk.users.get(user_id=user.id)
    assert enabled.two_factor_enabled is True

    answer = clerk.users.disable_mfa(user_id=user.id)

    assert answer.user_id == user.id
    after = clerk.users.get(user_id=user.id)
    assert after.two_factor_enabled is False
    assert after.mfa_enabled_at == enabled.mfa_enabled_at
    assert after.mfa_disabled_at is not None
    assert not any(held.reserved_for_second_factor or held.default_second_factor for held in after.phone_numbers)
    refused(404, "resource_not_found", lambda: clerk.users.disable_mfa(user_id=UNKNOWN_USER_ID))


# delete


def test_delete_returns_the_deleted_object_and_frees_the_identifiers(clerk, new_user, fresh, refused):
    user = new_user(phone_number=[fresh.number()], username=fresh.word("u"))
    deleted = clerk.users.delete(user_id=user.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (user.id, "user", True)
    refused(404, "resource_not_found", lambda: clerk.users.get(user_id=user.id))
    refused(404, "resource_not_found", lambda: clerk.users.delete(user_id=user.id))
    phone_number_id = user.phone_numbers[0].id
    refused(404, "resource_not_found", lambda: clerk.phone_numbers.get(phone_number_id=phone_number_id))
    again = new_user(phone_number=[user.phone_numbers[0].phone_number], username=user.username)
    assert again.id != user.id


# list and count


@pytest.fixture(scope="module")
def three(clerk, fresh):
    """Three users that sort differently by name, number and time, and the word that only they contain."""
    word = fresh.word("w")

    def create(name, last_name, created_at):
        user = clerk.users.create(
            email_address=[f"{name}.{word}@example.com"],
            phone_number=[fresh.number()],
            username=f"{name}-{word}",
            external_id=f"{name}-{word}",
            first_name=name,
            last_name=f"{last_name}{word}",
            created_at=created_at,
        )
        while time.time() * 1000 < user.updated_at + 1:
            pass  # so that no two were updated in one millisecond
        return user

    bob = create("bob", "Young", "2020-02-02T00:00:00Z")
    ada = create("ada", "Zuse", "2020-03-03T00:00:00Z")
    cyd = create("cyd", "Xu", "2020-01-01T00:00:00Z")
    cyd = clerk.users.ban(user_id=cyd.id)
    return {"word": word, "ada": ada, "bob": bob, "cyd": cyd, "ids": [ada.id, bob.id, cyd.id]}


def test_list_decodes_users(clerk, three):
    found = clerk.users.list(request={"user_id": three["ids"]})
    assert found == [three["ada"], three["bob"], three["cyd"]], "newest first"
    count = clerk.users.count(request={"user_id": three["ids"]})
    assert (count.object, count.total_count) == ("total_count", 3)


def test_list_and_count_without_a_request(clerk, three):
    assert 3 <= len(clerk.users.list()) <= 10
    assert clerk.users.count().total_count >= 3


@pytest.mark.parametrize(
    "request_of, names",
    [
        (lambda t: {"email_address": [f"ada.{t['word']}@example.com"]}, "ada"),
        (lambda t: {"phone_number": [t["bob"].phone_numbers[0].phone_number]}, "bob"),
        (lambda t: {"username": [f"ada-{t['word']}", f"cyd-{t['word']}"]}, "ada cyd"),
        (lambda t: {"external_id": [f"cyd-{t['word']}"]}, "cyd"),
        (lambda t: {"user_id": [t["ada"].id, UNKNOWN_USER_ID]}, "ada"),
        (lambda t: {"user_id": ["-" + t["ada"].id], "query": t["word"]}, "bob cyd"),
        (lambda t: {"user_id": ["+" + t["ada"].id]}, "ada"),
        (lambda t: {"query": t["word"].upper()}, "ada bob cyd"),
        (lambda t: {"query": t["word"] + "%"}, ""),
        (lambda t: {"email_address_query": f"ADA.{t['word']}"}, "ada"),
        (lambda t: {"phone_number_query": t["bob"].phone_numbers[0].phone_number[2:]}, "bob"),
        (lambda t: {"username_query": f"CYD-{t['word']}"}, "cyd"),
        (lambda t: {"name_query": f"young{t['word']}"}, "bob"),
        (lambda t: {"user_id": t["ids"], "banned": True}, "cyd"),
        (lambda t: {"user_id": t["ids"], "banned": False}, "ada bob"),
        (lambda t: {"user_id": t["ids"], "created_at_before": t["ada"].created_at}, "bob cyd"),
        (lambda t: {"user_id": t["ids"], "created_at_after": t["cyd"].created_at}, "ada bob"),
    ],
)
def test_list_and_count_filter_alike(clerk, three, request_of, names):
    request = request_of(three)
    expected = sorted(three[name].id for name in names.split())
    assert sorted(user.id for user in clerk.users.list(request=request)) == expected
    assert clerk.users.count(request=request).total_count == len(expected)


def test_list_pages_by_limit_and_offset(clerk, three):
    def page(offset):
        request = {"user_id": three["ids"], "order_by": "username", "limit": 2, "offset": offset}
        return [user.first_name for user in clerk.users.list(request=request)]

    assert [page(0), page(2), page(4)] == [["ada", "bob"], ["cyd"], []]


# keys, and what is not built


def test_a_wrong_key_is_refused_before_anything_else(new_client, refused):
    stranger = new_client("sk_test_thisKeyBelongsToNobody")
    refused(401, "clerk_key_invalid", lambda: stranger.phone_numbers.get(phone_number_id=UNKNOWN_IDENTIFICATION_ID))
    refused(401, "clerk_key_invalid", lambda: stranger.users.get(user_id=UNKNOWN_USER_ID))


# What the suite of the official JavaScript SDK does not call, and one call with a file.
NOT_BUILT = {
    "users.set_profile_image": lambda c, u: c.users.set_profile_image(
        user_id=u, file={"file_name": "a.png", "content": b"png", "content_type": "image/png"}
    ),
    "users.get_billing_subscription": lambda c, u: c.users.get_billing_subscription(user_id=u),
    "users.get_billing_credit_balance": lambda c, u: c.users.get_billing_credit_balance(user_id=u),
    "users.list_trusted_devices": lambda c, u: c.users.list_trusted_devices(user_id=u),
    "users.revoke_trusted_device": lambda c, u: c.users.revoke_trusted_device(user_id=u, trusted_device_id="x"),
    "organizations.get": lambda c, u: c.organizations.get(organization_id="org_1"),
}


@pytest.mark.parametrize("name", NOT_BUILT)
def test_a_documented_call_that_is_not_built_says_so(clerk, refused, name):
    refused(403, "feature_not_enabled", lambda: NOT_BUILT[name](clerk, UNKNOWN_USER_ID))
