//! The parameters of a path, typed.

use verger_wire::input::Described;
use verger_wire::schema::json;
use verger_wire::{
    ActorTokenId, AllowlistIdentifierId, BlocklistIdentifierId, ClientId, IdentificationId, InvitationId,
    JwtTemplateId, MessageId, RedirectUrlId, SessionId, SignInTokenId, SigningKeyId, UserId,
    WebhookEndpointId,
};

/// The type of the parameters of a path: nothing, an id, or a tuple of ids.
pub trait Path: Sized + Send {
    /// How many there are.
    const COUNT: usize;

    /// Reads them. `None` if there are not as many.
    fn read(params: &[String]) -> Option<Self>;

    /// Their schemas, under the names of the template.
    fn describe(path: &'static str) -> Vec<Described>;
}

/// One parameter.
pub trait Param: Sized + Send {
    /// What its texts begin with.
    const PREFIX: &'static str;

    /// An id is any text: one that exists nowhere is not found.
    fn parse(text: &str) -> Self;
}

macro_rules! params {
    ($($kind:ty: $prefix:literal;)*) => {
        $(impl Param for $kind {
            const PREFIX: &'static str = $prefix;

            fn parse(text: &str) -> Self {
                Self::from(text)
            }
        })*
    };
}

params! {
    UserId: "user";
    IdentificationId: "idn";
    MessageId: "sms";
    WebhookEndpointId: "whe";
    SigningKeyId: "ins";
    AllowlistIdentifierId: "alid";
    BlocklistIdentifierId: "blid";
    RedirectUrlId: "ru";
    InvitationId: "inv";
    SessionId: "sess";
    ClientId: "client";
    JwtTemplateId: "jtmp";
    SignInTokenId: "sit";
    ActorTokenId: "act";
}

/// What a token of a JWT template is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateName(pub String);

impl Param for TemplateName {
    const PREFIX: &'static str = "";

    fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Path for () {
    const COUNT: usize = 0;

    fn read(params: &[String]) -> Option<Self> {
        params.is_empty().then_some(())
    }

    fn describe(_: &'static str) -> Vec<Described> {
        Vec::new()
    }
}

impl<A: Param> Path for A {
    const COUNT: usize = 1;

    fn read(params: &[String]) -> Option<Self> {
        let [one] = params else { return None };
        Some(A::parse(one))
    }

    fn describe(path: &'static str) -> Vec<Described> {
        names(path).zip([A::PREFIX]).map(describe).collect()
    }
}

impl<A: Param, B: Param> Path for (A, B) {
    const COUNT: usize = 2;

    fn read(params: &[String]) -> Option<Self> {
        let [one, two] = params else { return None };
        Some((A::parse(one), B::parse(two)))
    }

    fn describe(path: &'static str) -> Vec<Described> {
        names(path).zip([A::PREFIX, B::PREFIX]).map(describe).collect()
    }
}

/// The names in a template, such as `user_id` of `/v1/users/{user_id}`.
fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn describe((name, prefix): (&'static str, &'static str)) -> Described {
    let of = name.trim_end_matches("_id").replace('_', " ");
    let form = if prefix.is_empty() { String::new() } else { format!(": `{prefix}_…`") };
    Described {
        name,
        is_required: true,
        schema: json!({ "type": "string", "description": format!("The {of}{form}.") }),
        example: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_in_their_order_and_none_is_left_out() {
        let texts = ["user_1".to_owned(), "idn_1".to_owned()];
        assert_eq!(
            <(UserId, IdentificationId)>::read(&texts),
            Some((UserId::from("user_1"), IdentificationId::from("idn_1")))
        );
        assert_eq!(<UserId as Path>::read(&texts), None);
        assert_eq!(<() as Path>::read(&texts), None);
        assert_eq!(<(UserId, IdentificationId)>::read(&texts[..1]), None);
        let described = <(UserId, IdentificationId)>::describe("/v1/users/{user_id}/x/{phone_number_id}");
        let names: Vec<_> = described.iter().map(|described| described.name).collect();
        assert_eq!(names, ["user_id", "phone_number_id"]);
        assert_eq!(described[1].schema["description"], "The phone number: `idn_…`.");
    }
}
