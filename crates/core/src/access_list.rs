//! The allow-list and the block-list: which identifiers may come to an instance.
//!
//! The lists say who may sign up, and unless the settings say otherwise who may sign in. What a backend creates with a secret
//! key is not held against them: an operator's own calls are the way round a list that shuts somebody out.

use crate::email::Email;
use crate::phone_number::{E164, TestNumbers};
use crate::settings::Settings;
use crate::{Malformed, Unit};
use verger_wire::{InvitationId, UnixMillis};

/// The most entries of one list.
pub const ENTRIES_MAX: i64 = 100_000;
/// The most bytes of an identifier.
const IDENTIFIER_BYTES_MAX: usize = 256;
/// Hexadecimal digits of the address of a wallet.
const WALLET_DIGITS: usize = 40;

/// One of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessList {
    /// Who is on it may come, where the list is on.
    Allow,
    /// Who is on it may not.
    Block,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// An email address, or all of a domain.
    EmailAddress,
    /// A phone number.
    PhoneNumber,
    /// The address of a wallet. Nobody signs in with one, so that such an entry decides nothing.
    Web3Wallet,
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// `alid_…` or `blid_…`.
    pub id: String,
    /// Which list it is on.
    pub list: AccessList,
    /// What it is about.
    pub kind: AccessKind,
    /// An address in lower case, `*@` and a domain, a number in E.164, or a wallet in lower case.
    pub identifier: String,
    /// The invitation that was sent with it.
    pub invitation_id: Option<InvitationId>,
    /// When it was added.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// A stored entry whose identifier is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenEntry;

/// What somebody comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A new user.
    SignUp,
    /// A user that exists.
    SignIn,
}

/// Why somebody may not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// The allow-list is on, and nothing of theirs is on it.
    NotOnAllowlist,
    /// Something of theirs is on the block-list.
    OnBlocklist,
    /// The email address has a `+` in it, and those are kept out.
    Subaddress,
}

impl AccessList {
    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }

    /// The list with this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allow, Self::Block].into_iter().find(|list| list.as_str() == text)
    }
}

impl AccessKind {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmailAddress => "email_address",
            Self::PhoneNumber => "phone_number",
            Self::Web3Wallet => "web3_wallet",
        }
    }

    /// The kind with this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::EmailAddress, Self::PhoneNumber, Self::Web3Wallet]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl AccessEntry {
    /// Looks at the rule of a single entry. Runs after every load.
    ///
    /// # Errors
    /// It has no identifier.
    pub fn check(&self) -> Result<(), BrokenEntry> {
        if self.identifier.is_empty() { Err(BrokenEntry) } else { Ok(()) }
    }
}

/// What an identifier is, and its stored form. A domain is written `example.com`, `@example.com` or `*@example.com`.
///
/// # Errors
/// What is wrong with it.
pub fn read_identifier(text: &str, test_numbers: TestNumbers) -> Result<(AccessKind, String), Malformed> {
    let text = text.trim();
    if text.len() > IDENTIFIER_BYTES_MAX {
        return Err(Malformed::TooLong {
            max: IDENTIFIER_BYTES_MAX,
            length: text.len(),
            unit: Unit::Characters,
        });
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let is_wallet = digits.len() == WALLET_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if is_wallet {
            Ok((AccessKind::Web3Wallet, text.to_ascii_lowercase()))
        } else {
            Err(Malformed::Form("must have 40 hexadecimal digits after 0x"))
        };
    }
    let domain = match text.rsplit_once('@') {
        Some(("" | "*", domain)) => Some(domain),
        Some(_) => None,
        None if text.contains('.') && text.bytes().any(|byte| byte.is_ascii_alphabetic()) => Some(text),
        None => {
            let number = E164::parse(text, test_numbers).map_err(|why| match why {
                Malformed::Form(_) => Malformed::Form(
                    "must be an email address, a domain such as *@example.com, a phone number in E.164, or the address of a wallet",
                ),
                other => other,
            })?;
            return Ok((AccessKind::PhoneNumber, number.as_str().to_owned()));
        }
    };
    match domain {
        Some(domain) => {
            // What an address of it would have to be.
            let address = Email::parse(&format!("a@{domain}"))?;
            Ok((AccessKind::EmailAddress, format!("*{}", &address.as_str()[1..])))
        }
        None => Ok((AccessKind::EmailAddress, Email::parse(text)?.as_str().to_owned())),
    }
}

/// The texts of entries that would be about this identifier, which is in its stored form: whoever judges looks for them in
/// the lists.
pub fn entries_about(identifier: &str) -> Vec<String> {
    let domain = identifier.rsplit_once('@').map(|(_, domain)| format!("*@{domain}"));
    std::iter::once(identifier.to_owned()).chain(domain).collect()
}

/// Judges whether somebody with these identifiers, in their stored forms, may come. `found`: the entries of both lists that
/// are about any of them, by [`entries_about`]. `is_invited`: they come with an invitation, which stands above the allow-list.
///
/// # Errors
/// Why not.
pub fn judge<'a>(
    settings: &Settings,
    arrival: Arrival,
    identifiers: impl IntoIterator<Item = &'a str>,
    found: &[AccessEntry],
    is_invited: bool,
) -> Result<(), NotAllowed> {
    let restrictions = &settings.restrictions;
    if arrival == Arrival::SignUp && restrictions.block_email_subaddresses {
        let is_subaddress = |text: &str| text.split_once('@').is_some_and(|(local, _)| local.contains('+'));
        if identifiers.into_iter().any(is_subaddress) {
            return Err(NotAllowed::Subaddress);
        }
    }
    if arrival == Arrival::SignIn && restrictions.allowlist_blocklist_disabled_on_sign_in {
        return Ok(());
    }
    let is_on = |list| found.iter().any(|entry| entry.list == list);
    if restrictions.blocklist && is_on(AccessList::Block) {
        return Err(NotAllowed::OnBlocklist);
    }
    if restrictions.allowlist && !is_invited && !is_on(AccessList::Allow) {
        return Err(NotAllowed::NotOnAllowlist);
    }
    Ok(())
}
