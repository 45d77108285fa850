"""Every email address call of the SDK, asserted on what it decodes."""

import pytest
from clerk_backend_api import models
from conftest import UNKNOWN_IDENTIFICATION_ID, is_verified_by_admin


@pytest.fixture(scope="session")
def add(clerk):
    def add(user, email_address, **params):
        return clerk.email_addresses.create(request={"user_id": user.id, "email_address": email_address, **params})

    return add


def test_create_adds_an_unverified_address(clerk, new_user, add, fresh):
    user = new_user()
    text = fresh.email()
    email_address = add(user, text.upper())
    assert isinstance(email_address, models.EmailAddress)
    assert email_address.object == "email_address"
    assert email_address.email_address == text, "in lower case"
    assert email_address.verification is None
    assert email_address.linked_to == []
    assert email_address.reserved is False
    assert clerk.users.get(user_id=user.id).primary_email_address_id == user.primary_email_address_id


def test_the_first_address_is_primary(clerk, add, fresh):
    user = clerk.users.create(phone_number=[fresh.number()])
    email_address = add(user, fresh.email())
    assert clerk.users.get(user_id=user.id).primary_email_address_id == email_address.id


def test_create_verified_and_primary(clerk, new_user, add, fresh):
    user = new_user()
    email_address = add(user, fresh.email(), verified=True, primary=True)
    assert is_verified_by_admin(email_address)
    assert clerk.users.get(user_id=user.id).primary_email_address_id == email_address.id


def test_get_returns_what_the_user_holds(clerk, new_user, fresh, refused):
    user = new_user(phone_number=[fresh.number()])
    email_address = clerk.email_addresses.get(email_address_id=user.email_addresses[0].id)
    assert email_address == user.email_addresses[0]
    assert is_verified_by_admin(email_address)
    for email_address_id in [UNKNOWN_IDENTIFICATION_ID, user.phone_numbers[0].id]:
        refused(404, "resource_not_found", lambda: clerk.email_addresses.get(email_address_id=email_address_id))


def test_update_verifies_then_makes_primary(clerk, new_user, add, fresh, refused):
    user = new_user()
    email_address_id = add(user, fresh.email()).id

    def update(**params):
        return clerk.email_addresses.update(email_address_id=email_address_id, **params)

    refused(422, "form_verification_needed", lambda: update(primary=True), param_name="primary")
    assert is_verified_by_admin(update(verified=True))
    update(primary=True)
    assert clerk.users.get(user_id=user.id).primary_email_address_id == email_address_id
    assert update(verified=False).verification is None
    assert clerk.users.get(user_id=user.id).primary_email_address_id == email_address_id, "it stays primary"


def test_update_without_fields_changes_nothing(clerk, new_user):
    user = new_user()
    email_address = user.email_addresses[0]
    assert clerk.email_addresses.update(email_address_id=email_address.id) == email_address
    assert clerk.email_addresses.update(email_address_id=email_address.id, verified=None, primary=None) == email_address
    assert clerk.users.get(user_id=user.id) == user


def test_delete_returns_the_deleted_object(clerk, new_user, fresh, refused):
    user = new_user(email_address=[fresh.email(), fresh.email()])
    deleted = clerk.email_addresses.delete(email_address_id=user.primary_email_address_id)
    assert (deleted.id, deleted.object, deleted.deleted) == (user.primary_email_address_id, "email_address", True)
    after = clerk.users.get(user_id=user.id)
    assert after.primary_email_address_id == after.email_addresses[0].id != user.primary_email_address_id
    refused(
        400,
        "identification_deletion_failed",
        lambda: clerk.email_addresses.delete(email_address_id=after.primary_email_address_id),
    )


@pytest.mark.parametrize("status", [None, "verified", "reserved", "unverified"])
def test_replace_leaves_one_primary_address(clerk, new_user, fresh, status):
    user = new_user(email_address=[fresh.email(), fresh.email()])
    text = fresh.email()
    params = {}
    if status:
        params["identification_status"] = models.IdentificationStatus(status)

    replaced = clerk.email_addresses.replace_for_user(user_id=user.id, email_address=text, **params)

    assert replaced.email_address == text
    assert is_verified_by_admin(replaced) == (status in (None, "verified"))
    assert replaced.reserved == (status == "reserved")
    after = clerk.users.get(user_id=user.id)
    assert after.email_addresses == [replaced]
    assert after.primary_email_address_id == replaced.id


def test_the_code_that_was_sent_verifies_the_address(clerk, new_user, fresh, inbox):
    user = new_user()
    request = {"user_id": user.id, "email_address": fresh.email(), "verified": False}
    address = clerk.email_addresses.create(request=request)
    prepared = clerk.email_addresses.prepare_verification(email_address_id=address.id)
    assert (prepared.object, prepared.status, prepared.strategy) == ("verification_otp", "unverified", "email_code")
    message = inbox(email_address=address.email_address)[0]
    assert message["email_address_id"] == address.id
    right = clerk.email_addresses.attempt_verification(
        email_address_id=address.id, verification_id=prepared.id, code=message["code"]
    )
    assert (right.status, right.attempts) == ("verified", 1)
    read = clerk.email_addresses.get(email_address_id=address.id)
    assert read.verification.status == "verified"
