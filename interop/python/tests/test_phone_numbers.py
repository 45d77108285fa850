"""Every phone number call of the SDK, asserted on what it decodes. The rules are those of the contract's section 3."""

import itertools
import os

import pytest
from clerk_backend_api import models
from conftest import (
    PHONE_NUMBER_TAKEN,
    UNKNOWN_IDENTIFICATION_ID,
    UNKNOWN_USER_ID,
    is_verified_by_admin,
    phone_number_of,
)


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


@pytest.mark.parametrize("text", ["", "abc", "5551234567", "+1", "++12125550100", "+1 212 555 0100 ext 1", "+0123456"])
def test_create_refuses_what_is_not_a_phone_number(new_user, add, refused, text):
    user = new_user()
    refused(422, "form_param_format_invalid", lambda: add(user, text), param_name="phone_number")


def test_create_refuses_an_unknown_user(clerk, fresh, refused):
    request = {"user_id": UNKNOWN_USER_ID, "phone_number": fresh.number()}
    refused(404, "resource_not_found", lambda: clerk.phone_numbers.create(request=request))


def test_create_without_a_request_names_what_is_missing(clerk, refused):
    refused(422, "form_param_missing", clerk.phone_numbers.create, param_name="user_id", count=2)


def test_create_refuses_a_number_that_the_user_has(new_user, add, fresh, refused):
    user = new_user(phone_number=[fresh.number()])
    refused(
        422,
        "form_identifier_exists",
        lambda: add(user, user.phone_numbers[0].phone_number),
        param_name="phone_number",
        message=PHONE_NUMBER_TAKEN,
    )


def test_create_refuses_to_verify_a_number_that_another_user_has(new_user, add, fresh, refused):
    number = fresh.number()
    new_user(phone_number=[number])
    other = new_user()
    refused(
        422,
        "form_identifier_exists",
        lambda: add(other, number, verified=True),
        param_name="phone_number",
        message=PHONE_NUMBER_TAKEN,
    )


def test_create_refuses_an_unverified_second_factor(clerk, new_user, add, fresh, refused):
    user = new_user()
    refused(
        400,
        "identification_create_second_factor_unverified",
        lambda: add(user, fresh.number(), reserved_for_second_factor=True),
        param_name="reserved_for_second_factor",
    )
    assert clerk.users.get(user_id=user.id) == user, "a refusal changes nothing"


# get


def test_get_returns_what_create_returned(clerk, new_user, add, fresh):
    phone_number = add(new_user(), fresh.number())
    assert clerk.phone_numbers.get(phone_number_id=phone_number.id) == phone_number


def test_get_refuses_an_unknown_id_and_an_id_of_another_kind(clerk, new_user, refused):
    user = new_user()
    for phone_number_id in [UNKNOWN_IDENTIFICATION_ID, user.email_addresses[0].id, user.id, "x"]:
        refused(404, "resource_not_found", lambda: clerk.phone_numbers.get(phone_number_id=phone_number_id))


# update

STATES = ["unverified", "reserved", "verified", "second factor", "primary"]


def given(clerk, new_user, add, fresh, state):
    """A user with an email address, a verified primary number, and one more number in this state."""
    first, subject = fresh.number(), fresh.number()
    if state == "unverified":
        user = new_user(phone_number=[first])
        add(user, subject)
    else:
        status = "reserved" if state == "reserved" else "verified"
        user = new_user(phone_number=[first, subject], phone_number_identification_status=["verified", status])
        phone_number_id = phone_number_of(user, subject).id
        if state == "second factor":
            clerk.phone_numbers.update(phone_number_id=phone_number_id, reserved_for_second_factor=True)
        elif state == "primary":
            clerk.phone_numbers.update(phone_number_id=phone_number_id, primary=True)
    user = clerk.users.get(user_id=user.id)
    return user, phone_number_of(user, subject)


def seen(user, phone_number_id):
    (phone_number,) = [held for held in user.phone_numbers if held.id == phone_number_id]
    assert phone_number.default_second_factor == phone_number.reserved_for_second_factor, "the only one is default"
    assert user.two_factor_enabled == phone_number.reserved_for_second_factor
    return {
        "verified": is_verified_by_admin(phone_number),
        "reserved": phone_number.reserved,
        "second_factor": phone_number.reserved_for_second_factor,
        "primary": user.primary_phone_number_id == phone_number_id,
    }


def expected(before, verified=None, reserved_for_second_factor=None, primary=None):
    """The contract's table as a function: what the number is afterwards, or how the request is refused."""
    after = dict(before)
    if verified is True:
        after.update(verified=True, reserved=False)
    elif verified is False and after["verified"]:
        after.update(verified=False, second_factor=False)
    if reserved_for_second_factor is True:
        if not after["verified"]:
            return 400, "identification_update_second_factor_unverified", "reserved_for_second_factor"
        after["second_factor"] = True
    elif reserved_for_second_factor is False:
        after["second_factor"] = False
    if primary is True:
        if not after["verified"] and not after["reserved"]:
            return 422, "form_verification_needed", "primary"
        after["primary"] = True
    return after


@pytest.mark.parametrize("state", STATES)
def test_update_every_combination_of_fields(clerk, new_user, add, fresh, refused, state):
    absent = object()
    names = ["verified", "reserved_for_second_factor", "primary"]
    for values in itertools.product([absent, None, True, False], repeat=3):
        params = {name: value for name, value in zip(names, values, strict=True) if value is not absent}
        user, phone_number = given(clerk, new_user, add, fresh, state)
        before = seen(user, phone_number.id)
        want = expected(before, **params)

        def update():
            return clerk.phone_numbers.update(phone_number_id=phone_number.id, **params)

        if isinstance(want, tuple):
            status, code, param_name = want
            refused(status, code, update, param_name=param_name)
            assert clerk.users.get(user_id=user.id) == user, f"{params}: a refusal changes nothing"
            continue
        answer = update()
        after = clerk.users.get(user_id=user.id)
        assert seen(after, phone_number.id) == want, params
        assert answer in after.phone_numbers, params
        if want == before:
            assert after == user, f"{params}: nothing to do moves no timestamp"


def test_update_without_fields_changes_nothing(clerk, new_user, fresh):
    user = new_user(phone_number=[fresh.number()])
    answer = clerk.phone_numbers.update(phone_number_id=user.phone_numbers[0].id)
    assert answer == user.phone_numbers[0]
    assert clerk.users.get(user_id=user.id) == user


def test_update_refuses_unknown_ids(clerk, new_user, refused):
    user = new_user()
    for phone_number_id in [UNKNOWN_IDENTIFICATION_ID, user.email_addresses[0].id]:
        refused(
            404,
            "resource_not_found",
            lambda: clerk.phone_numbers.update(phone_number_id=phone_number_id, verified=False),
        )


def test_the_first_of_two_users_to_verify_a_number_has_it(clerk, new_user, add, fresh, refused):
    number = fresh.number()
    winning, losing = add(new_user(), number), add(new_user(), number)

    assert is_verified_by_admin(clerk.phone_numbers.update(phone_number_id=winning.id, verified=True))
    refused(
        422,
        "form_identifier_exists",
        lambda: clerk.phone_numbers.update(phone_number_id=losing.id, verified=True),
        param_name="phone_number",
        message=PHONE_NUMBER_TAKEN,
    )

    clerk.phone_numbers.update(phone_number_id=winning.id, verified=False)
    assert is_verified_by_admin(clerk.phone_numbers.update(phone_number_id=losing.id, verified=True))


def test_the_only_way_to_sign_in_cannot_become_a_second_factor(clerk, fresh, refused):
    user = clerk.users.create(phone_number=[fresh.number()])
    refused(
        400,
        "identification_update_failed",
        lambda: clerk.phone_numbers.update(
            phone_number_id=user.phone_numbers[0].id, reserved_for_second_factor=True
        ),
        param_name="reserved_for_second_factor",
    )
    assert clerk.users.get(user_id=user.id) == user


def test_the_default_second_factor_moves_to_the_oldest_other_one(clerk, new_user, fresh):
    numbers = [fresh.number() for _ in range(3)]
    user = new_user(phone_number=numbers)
    ids = [phone_number_of(user, number).id for number in numbers]
    for phone_number_id in ids:
        clerk.phone_numbers.update(phone_number_id=phone_number_id, reserved_for_second_factor=True)

    def defaults():
        after = clerk.users.get(user_id=user.id)
        return [phone_number_of(after, number).default_second_factor for number in numbers], after

    assert defaults()[0] == [True, False, False]
    clerk.phone_numbers.update(phone_number_id=ids[0], reserved_for_second_factor=False)
    assert defaults()[0] == [False, True, False]
    clerk.phone_numbers.update(phone_number_id=ids[1], verified=False)
    assert defaults()[0] == [False, False, True]
    enabled_at = defaults()[1].mfa_enabled_at
    clerk.phone_numbers.delete(phone_number_id=ids[2])
    after = clerk.users.get(user_id=user.id)
    assert after.two_factor_enabled is False
    assert after.mfa_disabled_at is not None
    assert after.mfa_enabled_at == enabled_at, "not cleared by the opposite event"


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


def test_the_last_identification_cannot_be_deleted(clerk, fresh, refused):
    user = clerk.users.create(phone_number=[fresh.number()])
    refused(
        400,
        "identification_deletion_failed",
        lambda: clerk.phone_numbers.delete(phone_number_id=user.phone_numbers[0].id),
    )
    assert clerk.users.get(user_id=user.id) == user


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


def test_replace_refuses_taken_and_bad_numbers_and_unknown_users(clerk, new_user, fresh, refused):
    taken = fresh.number()
    new_user(phone_number=[taken])
    user = new_user(phone_number=[fresh.number()])

    def replace(user_id, number):
        return lambda: clerk.phone_numbers.replace_for_user(user_id=user_id, phone_number=number)

    refused(422, "form_identifier_exists", replace(user.id, taken), param_name="phone_number")
    refused(422, "form_param_format_invalid", replace(user.id, "x"), param_name="phone_number")
    refused(404, "resource_not_found", replace(UNKNOWN_USER_ID, fresh.number()))
    assert clerk.users.get(user_id=user.id) == user


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


def test_another_code_within_half_a_minute_is_refused(clerk, new_user, fresh, refused):
    number = unverified_number(clerk, new_user, fresh)
    clerk.phone_numbers.prepare_verification(phone_number_id=number.id)
    refused(
        429,
        "verification_code_too_many_requests",
        lambda: clerk.phone_numbers.prepare_verification(phone_number_id=number.id),
    )


def test_unknown_numbers_and_verifications_are_refused(clerk, new_user, fresh, refused):
    number = unverified_number(clerk, new_user, fresh)
    refused(
        404,
        "resource_not_found",
        lambda: clerk.phone_numbers.prepare_verification(phone_number_id=UNKNOWN_IDENTIFICATION_ID),
    )
    refused(
        404,
        "resource_not_found",
        lambda: clerk.phone_numbers.attempt_verification(
            phone_number_id=number.id, verification_id="ver_000000000000000000000000000", code="424242"
        ),
    )
