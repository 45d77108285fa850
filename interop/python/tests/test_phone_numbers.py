"""Every phone number call of the SDK, asserted on what it decodes. The rules are those of the contract's section 3."""

import os

import pytest
from clerk_backend_api import models
from conftest import UNKNOWN_IDENTIFICATION_ID, is_verified_by_admin


@pytest.fixture(scope="session")
def add(clerk):
    def add(user, phone_number, **params):
        return clerk.phone_numbers.create(request={"user_id": user.id, "phone_number": phone_number, **params})

    return add


# The documented example


def test_verified_false_takes_the_verification_away(clerk, new_user, fresh):
    user = new_user(phone_number=[fresh.number()])
    assert is_verified_by_admin(user.phone_numbers[0])

    phone_number = clerk.phone_numbers.update(phone_number_id=user.phone_numbers[0].id, verified=False)

    assert isinstance(phone_number, models.PhoneNumber)
    assert phone_number.id == user.phone_numbers[0].id
    assert phone_number.object == "phone_number"
    assert phone_number.phone_number == user.phone_numbers[0].phone_number
    assert phone_number.verification is None
    assert phone_number.linked_to == []
    assert phone_number.reserved is False
    assert phone_number.reserved_for_second_factor is False
    assert phone_number.default_second_factor is False
    assert phone_number.backup_codes is None, "sent, and null"
    assert clerk.users.get(user_id=user.id).primary_phone_number_id == phone_number.id, "it stays primary"


def test_verified_false_on_an_id_that_the_server_printed(clerk):
    phone_number_id = os.environ.get("VERGER_PHONE_NUMBER_ID")
    if not phone_number_id:
        pytest.skip("VERGER_PHONE_NUMBER_ID is not set")
    phone_number = clerk.phone_numbers.update(phone_number_id=phone_number_id, verified=False)
    assert phone_number.verification is None
    assert phone_number.linked_to == []


# create


def test_the_first_number_is_primary_verified_or_not(clerk, new_user, add, fresh):
    user = new_user()
    phone_number = add(user, fresh.number())
    assert phone_number.verification is None
    assert clerk.users.get(user_id=user.id).primary_phone_number_id == phone_number.id


def test_a_later_number_is_neither_primary_nor_verified_unless_asked(clerk, new_user, add, fresh):
    user = new_user(phone_number=[fresh.number()])
    phone_number = add(user, fresh.number())
    assert phone_number.verification is None
    after = clerk.users.get(user_id=user.id)
    assert after.primary_phone_number_id == user.primary_phone_number_id
    assert [held.id for held in after.phone_numbers] == [phone_number.id, user.phone_numbers[0].id], "newest first"


def test_create_with_every_field_set(clerk, new_user, add, fresh):
    user = new_user(phone_number=[fresh.number()])
    phone_number = add(user, fresh.number(), verified=True, primary=True, reserved_for_second_factor=True)
    assert is_verified_by_admin(phone_number)
    assert phone_number.reserved_for_second_factor is True
    assert phone_number.default_second_factor is True
    after = clerk.users.get(user_id=user.id)
    assert after.primary_phone_number_id == phone_number.id
    assert after.two_factor_enabled is True
    assert after.mfa_enabled_at is not None
    assert after.mfa_disabled_at is None


def test_create_takes_explicit_nulls_as_absent(new_user, add, fresh):
    phone_number = add(new_user(), fresh.number(), verified=None, primary=None, reserved_for_second_factor=None)
    assert phone_number.verification is None


def test_create_stores_one_form_however_it_was_typed(new_user, add, fresh):
    number = fresh.number()
    typed = f"{number[:2]} ({number[2:5]}) {number[5:8]}-{number[8:]}"
    assert add(new_user(), typed).phone_number == number


def test_create_without_a_request_names_what_is_missing(clerk, refused):
    refused(422, "form_param_missing", clerk.phone_numbers.create, param_name="user_id", count=2)


# get


def test_get_returns_what_create_returned(clerk, new_user, add, fresh):
    phone_number = add(new_user(), fresh.number())
    assert clerk.phone_numbers.get(phone_number_id=phone_number.id) == phone_number


def test_get_refuses_an_unknown_id_and_an_id_of_another_kind(clerk, new_user, refused):
    user = new_user()
    for phone_number_id in [UNKNOWN_IDENTIFICATION_ID, user.email_addresses[0].id, user.id, "x"]:
        refused(404, "resource_not_found", lambda: clerk.phone_numbers.get(phone_number_id=phone_number_id))


# update

def test_update_all_three_fields_at_once(clerk, new_user, add, fresh):
    user = new_user(phone_number=[fresh.number()])
    phone_number = add(user, fresh.number())
    updated = clerk.phone_numbers.update(
        phone_number_id=phone_number.id, verified=True, reserved_for_second_factor=True, primary=True
    )
    assert is_verified_by_admin(updated)
    assert updated.reserved_for_second_factor and updated.default_second_factor
    after = clerk.users.get(user_id=user.id)
    assert (after.primary_phone_number_id, after.two_factor_enabled) == (phone_number.id, True)
    assert updated in after.phone_numbers


def test_update_that_is_refused_names_the_field_and_changes_nothing(clerk, new_user, add, fresh, refused):
    user = new_user(phone_number=[fresh.number()])
    phone_number = add(user, fresh.number())
    before = clerk.users.get(user_id=user.id)
    refused(
        400,
        "identification_update_second_factor_unverified",
        lambda: clerk.phone_numbers.update(
            phone_number_id=phone_number.id, verified=None, reserved_for_second_factor=True
        ),
        param_name="reserved_for_second_factor",
    )
    assert clerk.users.get(user_id=user.id) == before


def test_update_without_fields_changes_nothing(clerk, new_user, fresh):
    user = new_user(phone_number=[fresh.number()])
    answer = clerk.phone_numbers.update(phone_number_id=user.phone_numbers[0].id)
    assert answer == user.phone_numbers[0]
    assert clerk.users.get(user_id=user.id) == user


# delete


def test_delete_returns_the_deleted_object(clerk, new_user, fresh, refused):
    user = new_user(phone_number=[fresh.number(), fresh.number()])
    primary_id = user.primary_phone_number_id
    (other,) = [held for held in user.phone_numbers if held.id != primary_id]

    deleted = clerk.phone_numbers.delete(phone_number_id=primary_id)

    assert isinstance(deleted, models.DeletedObject)
    assert (deleted.id, deleted.object, deleted.deleted) == (primary_id, "phone_number", True)
    refused(404, "resource_not_found", lambda: clerk.phone_numbers.get(phone_number_id=primary_id))
    refused(404, "resource_not_found", lambda: clerk.phone_numbers.delete(phone_number_id=primary_id))
    assert clerk.users.get(user_id=user.id).primary_phone_number_id == other.id, "the oldest verified is promoted"


# replace


@pytest.mark.parametrize("status", [None, "verified", "reserved", "unverified"])
def test_replace_leaves_one_primary_number(clerk, new_user, fresh, refused, status):
    user = new_user(phone_number=[fresh.number(), fresh.number()])
    old_id = user.phone_numbers[0].id
    clerk.phone_numbers.update(phone_number_id=old_id, reserved_for_second_factor=True)
    number = fresh.number()
    params = {}
    if status:
        params["identification_status"] = models.ReplaceUserPhoneNumberIdentificationStatus(status)

    replaced = clerk.phone_numbers.replace_for_user(user_id=user.id, phone_number=number, **params)

    assert replaced.phone_number == number
    assert is_verified_by_admin(replaced) == (status in (None, "verified"))
    assert replaced.reserved == (status == "reserved")
    assert replaced.reserved_for_second_factor is False
    after = clerk.users.get(user_id=user.id)
    assert after.phone_numbers == [replaced]
    assert after.primary_phone_number_id == replaced.id
    assert after.two_factor_enabled is False
    assert after.mfa_disabled_at is not None
    refused(404, "resource_not_found", lambda: clerk.phone_numbers.get(phone_number_id=old_id))


# codes


def unverified_number(clerk, new_user, fresh):
    user = new_user(phone_number=[fresh.number()])
    request = {"user_id": user.id, "phone_number": fresh.deliverable_number(), "verified": False}
    return clerk.phone_numbers.create(request=request)


def test_the_code_that_was_sent_verifies_the_number(clerk, new_user, fresh, refused, inbox):
    number = unverified_number(clerk, new_user, fresh)
    assert number.verification is None
    prepared = clerk.phone_numbers.prepare_verification(phone_number_id=number.id)
    assert (prepared.object, prepared.status, prepared.strategy) == ("verification_otp", "unverified", "phone_code")
    assert (prepared.attempts, prepared.channel) == (0, "sms")
    message = inbox(number.phone_number)[0]
    assert message["phone_number_id"] == number.id
    assert message["verification_id"] == prepared.id
    assert message["code"] in message["text"]

    def attempt(code):
        return clerk.phone_numbers.attempt_verification(
            phone_number_id=number.id, verification_id=prepared.id, code=code
        )

    wrong = attempt("000000" if message["code"] != "000000" else "000001")
    assert (wrong.status, wrong.attempts) == ("unverified", 1)
    right = attempt(message["code"])
    assert (right.id, right.status, right.attempts) == (prepared.id, "verified", 2)
    assert right.expire_at == prepared.expire_at
    refused(400, "verification_already_verified", lambda: attempt(message["code"]))
    verification = clerk.phone_numbers.get(phone_number_id=number.id).verification
    assert verification.object == "verification_otp"
    assert (verification.status, verification.attempts) == ("verified", 2)
