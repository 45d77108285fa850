//! The active organization of a session, as both versions of the session token write it.

use super::put;
use super::reader::Reader;
use super::session::SessionVersion;
use crate::error::TokenError;
use serde_json::{Map, Value};

/// The active organization: `o` in version 2, `org_id`, `org_slug`, `org_role` and `org_permissions` in version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationClaims {
    /// `org_…`.
    pub id: String,
    /// The slug, if it has one.
    pub slug: Option<String>,
    /// The role of the user, without `org:`.
    pub role: Option<String>,
    /// Version 2: the actions of custom permissions, by comma.
    pub per: Option<String>,
    /// Version 2: for each feature of the organization a decimal number; its bit *i* grants the action at *i* in `per`.
    pub fpm: Option<String>,
    /// Version 1: custom permissions, `org:feature:action`.
    pub permissions: Vec<String>,
}

impl OrganizationClaims {
    pub(super) fn read(reader: &mut Reader, version: SessionVersion) -> Result<Option<Self>, TokenError> {
        match version {
            SessionVersion::V1 => Self::read_v1(reader),
            SessionVersion::V2 => Self::read_v2(reader),
        }
    }

    fn read_v1(reader: &mut Reader) -> Result<Option<Self>, TokenError> {
        let id = reader.optional_text("org_id")?;
        let slug = reader.optional_text("org_slug")?;
        let role = reader.optional_text("org_role")?;
        let permissions = reader.optional_texts("org_permissions")?.unwrap_or_default();
        let role = role.map(|role| role.strip_prefix("org:").unwrap_or(&role).to_owned());
        Ok(id.map(|id| Self { id, slug, role, per: None, fpm: None, permissions }))
    }

    fn read_v2(reader: &mut Reader) -> Result<Option<Self>, TokenError> {
        let Some(organization) = reader.optional_object("o")? else {
            return Ok(None);
        };
        let wrong = |_| TokenError::VerificationFailed("o");
        let mut organization = Reader::new(organization);
        Ok(Some(Self {
            id: organization.text("id").map_err(wrong)?,
            slug: organization.optional_text("slg").map_err(wrong)?,
            role: organization.optional_text("rol").map_err(wrong)?,
            per: organization.optional_text("per").map_err(wrong)?,
            fpm: organization.optional_text("fpm").map_err(wrong)?,
            permissions: Vec::new(),
        }))
    }

    pub(super) fn write(&self, claims: &mut Map<String, Value>, version: SessionVersion) {
        match version {
            SessionVersion::V1 => {
                put(claims, "org_id", Some(self.id.as_str()));
                put(claims, "org_slug", self.slug.as_deref());
                put(claims, "org_role", self.role.as_ref().map(|role| format!("org:{role}")));
                put(claims, "org_permissions", Some(self.permissions.clone()));
            }
            SessionVersion::V2 => {
                let mut organization = Map::new();
                put(&mut organization, "id", Some(self.id.as_str()));
                put(&mut organization, "slg", self.slug.as_deref());
                put(&mut organization, "rol", self.role.as_deref());
                put(&mut organization, "per", self.per.as_deref());
                put(&mut organization, "fpm", self.fpm.as_deref());
                put(claims, "o", Some(organization));
            }
        }
    }
}
