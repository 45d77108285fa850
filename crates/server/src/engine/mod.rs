//! Load, decide, save: no HTTP, no SQL.
//!
//! A decision that meets a newer version of an aggregate is made again from what is there now, until the deadline; so that
//! of requests that arrive together each gets its own answer (contract section 4, rule 11). There is one loop for that,
//! [`run::Engine::decide`], for aggregates of every kind and for requests, commands of the command line and jobs alike.

mod codes;
mod guesses;
mod jwt_templates;
mod kept;
mod precondition;
mod records;
mod run;
mod sessions;
mod settings;
mod signing_keys;
mod tickets;
mod users;
mod webhook_endpoints;
mod writing;

pub(crate) use codes::Letter;
pub(crate) use records::Addition;
pub(crate) use run::Engine;
pub(crate) use settings::{SettingsChange, first_settings};
pub(crate) use signing_keys::{KeyAction, KeyChange};
pub(crate) use users::{Decision, Target, object_name};
pub(crate) use webhook_endpoints::AddEndpoint;
pub(crate) use writing::Writing;
