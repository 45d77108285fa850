"""The instance and its lists, asserted on what the SDK decodes."""

import pytest
from clerk_backend_api import models


def test_invitations(clerk, fresh, refused):
    email_address = fresh.email()
    created = clerk.invitations.create(
        request={"email_address": email_address, "public_metadata": {"plan": "trial"}, "expires_in_days": 1}
    )
    assert isinstance(created, models.Invitation)
    assert (created.email_address, created.status.value) == (email_address, "pending")
    assert created.public_metadata == {"plan": "trial"}
    assert created.expires_at - created.created_at == 86_400_000
    (listed,) = clerk.invitations.list(query=email_address)
    assert listed.id == created.id
    refused(
        400,
        "duplicate_record",
        lambda: clerk.invitations.create(request={"email_address": email_address}),
        param_name="email_address",
    )
    revoked = clerk.invitations.revoke(invitation_id=created.id)
    assert (revoked.id, revoked.status.value, revoked.REVOKED) == (created.id, "revoked", True)
    refused(400, "invitation_already_revoked", lambda: clerk.invitations.revoke(invitation_id=created.id))
    addresses = [fresh.email(), fresh.email()]
    several = clerk.invitations.bulk_create(
        request=[{"email_address": address, "notify": False} for address in addresses]
    )
    assert [one.email_address for one in several] == addresses


def test_allowlist_and_blocklist(clerk, fresh, refused):
    for group, listed in (
        (clerk.allowlist_identifiers, lambda: clerk.allowlist_identifiers.list(limit=500)),
        (clerk.blocklist_identifiers, lambda: clerk.blocklist_identifiers.list().data),
    ):
        identifier = fresh.email()
        created = group.create(request={"identifier": identifier})
        assert (created.identifier, created.identifier_type.value) == (identifier, "email_address")
        assert created in listed()
        refused(
            400,
            "duplicate_record",
            lambda group=group, identifier=identifier: group.create(request={"identifier": identifier}),
            param_name="identifier",
        )
        deleted = group.delete(identifier_id=created.id)
        assert (deleted.id, deleted.deleted) == (created.id, True)
        refused(404, "resource_not_found", lambda group=group, id=created.id: group.delete(identifier_id=id))


def test_redirect_urls(clerk, fresh, refused):
    created = clerk.redirect_urls.create(request={"url": f"com.example.{fresh.word('p')}://callback"})
    assert isinstance(created, models.RedirectURL)
    assert clerk.redirect_urls.get(id=created.id) == created
    assert created in clerk.redirect_urls.list(limit=500)
    deleted = clerk.redirect_urls.delete(id=created.id)
    assert (deleted.id, deleted.deleted) == (created.id, True)
    refused(404, "resource_not_found", lambda: clerk.redirect_urls.get(id=created.id))


def test_domains(clerk, base_url, refused):
    domains = clerk.domains.list()
    assert domains.total_count == len(domains.data)
    primary = next(one for one in domains.data if not one.is_satellite)
    assert primary.frontend_api_url == base_url.removesuffix("/v1")
    refused(
        403,
        "feature_not_enabled",
        lambda: clerk.domains.add(request={"name": "satellite.example.com", "is_satellite": True}),
    )


@pytest.fixture
def settings(clerk):
    """The settings of the instance, which are as they were afterwards."""
    yield clerk.instance_settings
    clerk.instance_settings.update_restrictions(
        request={"allowlist": False, "blocklist": False, "block_email_subaddresses": False}
    )
    clerk.instance_settings.update_communication(request={"blocked_country_codes": []})
    clerk.instance_settings.update(request={"allowed_origins": []})


def test_instance(clerk, settings, refused):
    before = settings.get()
    assert (before.object.value, before.environment_type) == ("instance", "development")
    # 204 without a body.
    assert settings.update(request={"allowed_origins": ["https://app.example.com"]}) is None
    assert settings.get().allowed_origins == ["https://app.example.com"]
    restrictions = settings.update_restrictions(request={"blocklist": True, "block_email_subaddresses": True})
    assert (restrictions.blocklist, restrictions.block_email_subaddresses) == (True, True)
    communication = settings.update_communication(request={"blocked_country_codes": ["NG"]})
    assert communication.blocked_country_codes == ["NG"]
    assert settings.get_communication() == communication
    on = clerk.beta_features.update_instance_settings(request={"restricted_to_allowlist": True})
    assert on.restricted_to_allowlist is True
    off = clerk.beta_features.update_instance_settings(request={"restricted_to_allowlist": False})
    assert off.restricted_to_allowlist is False
    refused(403, "feature_not_enabled", lambda: settings.get_organization_settings())
