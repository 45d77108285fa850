//! JWT templates.

use super::lists::page;
use super::users::judge_object;
use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::Writing;
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::render;
use crate::tokens::seal_name;
use verger_core::JwtTemplate;
use verger_core::jwt_template::{
    CLOCK_SKEW_SECONDS_DEFAULT, LIFETIME_SECONDS_DEFAULT, SigningKey, TemplateFields, TemplateRefusal,
};
use verger_http::input::Read;
use verger_http::reasons::value_invalid;
use verger_jwt::Algorithm;
use verger_wire::jwt_template::{JwtTemplate as WireTemplate, JwtTemplateParams};
use verger_wire::page::PageParams;
use verger_wire::{DeletedObject, JwtTemplateId, Refused};

operations! {
    /// List JWT templates
    ///
    /// The newest first. With `paginated=true` the answer is `{"data": […], "total_count": …}`.
    ListJWTTemplates: GET "/v1/jwt_templates" in "JWT Templates" {
        caller: SecretKey,
        input: PageParams,
        output: Vec<WireTemplate>, "The templates, as a JSON array.",
        adds: [400, 401, 422],
        run: list,
    }

    /// Create a JWT template
    ///
    /// Shortcodes such as `{{user.id}}` in the texts of its claims are replaced when a token is minted. The template named
    /// `__session` is the session token's.
    CreateJWTTemplate: POST "/v1/jwt_templates" in "JWT Templates" {
        caller: SecretKey,
        input: JwtTemplateParams,
        output: WireTemplate, "The new template.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [
            JWT_TEMPLATE_RESERVED_CLAIM, JWT_TEMPLATE_TOO_LARGE, JWT_TEMPLATE_NAME_TAKEN, JWT_TEMPLATES_QUOTA,
            SESSION_TOKEN_KEY, SIGNING_KEY_INVALID, FORMAT_INVALID, TOO_LONG, TOO_SHORT, METADATA_TOO_LARGE,
        ],
        adds: [401, 403],
        run: create,
    }

    /// Read a JWT template
    ///
    /// Without its key.
    GetJWTTemplate: GET "/v1/jwt_templates/{template_id}" in "JWT Templates" {
        caller: SecretKey,
        path: JwtTemplateId,
        output: WireTemplate, "The template.",
        adds: [400, 401],
        run: get,
    }

    /// Update a JWT template
    ///
    /// Replaces the template: a field that is left out has its default again. With `custom_signing_key` and the same
    /// `signing_algorithm` it keeps its own key; without `custom_signing_key` the key is deleted, and the instance's signs.
    UpdateJWTTemplate: PATCH "/v1/jwt_templates/{template_id}" in "JWT Templates" {
        caller: SecretKey,
        path: JwtTemplateId,
        input: JwtTemplateParams,
        output: WireTemplate, "The updated template.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [
            JWT_TEMPLATE_RESERVED_CLAIM, JWT_TEMPLATE_TOO_LARGE, JWT_TEMPLATE_NAME_TAKEN, SESSION_TEMPLATE_FIXED,
            SESSION_TOKEN_KEY, SIGNING_KEY_INVALID, FORMAT_INVALID, TOO_LONG, TOO_SHORT, METADATA_TOO_LARGE,
        ],
        adds: [401, 403, 404],
        run: update,
    }

    /// Delete a JWT template
    ///
    /// Its tokens stay valid until they expire. The template of the session token cannot be deleted.
    DeleteJWTTemplate: DELETE "/v1/jwt_templates/{template_id}" in "JWT Templates" {
        caller: SecretKey,
        path: JwtTemplateId,
        output: DeletedObject, "The template was deleted.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [SESSION_TEMPLATE_FIXED],
        adds: [400, 401, 422],
        run: delete,
    }
}

async fn list(call: Call<SecretKey, (), PageParams>) -> Result<Answer, Failure> {
    let params = call.read()?.finish()?;
    let (limit, offset) = params.part();
    let scoped = call.app.store.instance(&call.context.instance.id);
    let (templates, total) = scoped.jwt_templates(limit, offset, call.context.deadline).await?;
    page(templates.iter().map(render::sessions::jwt_template).collect(), total, params.paginated)
}

async fn get(call: Call<SecretKey, JwtTemplateId>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.jwt_template(&call.path, call.context.deadline).await?;
    rendered(&found.ok_or_else(|| Failure::not_found("JWT template"))?)
}

async fn create(call: Call<SecretKey, (), JwtTemplateParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    judge_claims(&mut input);
    let id = call.app.env().jwt_template_id();
    let key = read_key(&mut input, true);
    let input = input.finish()?;
    let signing_key = match key {
        Key::None => None,
        Key::Kept(_) => return Err(missing("signing_key")),
        Key::New { algorithm, text } => Some(sealed(&call, &id, algorithm, &text)?),
    };
    Writing::of(&call)?.add_jwt_template(id, fields(input, signing_key), rendered).await
}

async fn update(call: Call<SecretKey, JwtTemplateId, JwtTemplateParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    judge_claims(&mut input);
    let key = read_key(&mut input, false);
    let input = input.finish()?;
    let new = match &key {
        Key::New { algorithm, text } => Some(sealed(&call, &call.path, *algorithm, text)?),
        Key::None | Key::Kept(_) => None,
    };
    let change = |template: &JwtTemplate, now| {
        let signing_key = match &key {
            Key::None => None,
            Key::New { .. } => new.clone(),
            Key::Kept(algorithm) => {
                let kept = template.signing_key.clone();
                let is_same = |kept: &SigningKey| kept.algorithm == algorithm.as_str();
                Some(kept.filter(is_same).ok_or_else(|| missing("signing_key"))?)
            }
        };
        template.update(fields(input.clone(), signing_key), now).map(Some).map_err(refused)
    };
    Writing::of(&call)?.change_jwt_template(call.path.clone(), change, rendered).await
}

async fn delete(call: Call<SecretKey, JwtTemplateId>) -> Result<Answer, Failure> {
    let change = |template: &JwtTemplate, _| template.delete().map(|()| None).map_err(refused);
    let render =
        |template: &JwtTemplate| Answer::json(&render::deleted(template.id.as_str(), "jwt_template"));
    Writing::of(&call)?.change_jwt_template(call.path.clone(), change, render).await
}

/// Claims stand in tokens that every reader of JSON must be able to read, as metadata is.
fn judge_claims(input: &mut Read<JwtTemplateParams>) {
    let claims = input.is_good("claims").then(|| input.claims.clone());
    judge_object(input, "claims", claims);
}

/// The key that a request asks for.
enum Key {
    /// The instance's.
    None,
    /// The one that the template has, of this algorithm.
    Kept(Algorithm),
    /// Another.
    New { algorithm: Algorithm, text: String },
}

fn read_key(input: &mut Read<JwtTemplateParams>, is_new: bool) -> Key {
    let (algorithm, text) = (input.signing_algorithm.clone(), input.signing_key.clone());
    if input.custom_signing_key != Some(true) {
        refuse_key_of_own(input, algorithm.as_deref(), text.as_deref());
        return Key::None;
    }
    let Some(algorithm) = algorithm.filter(|algorithm| !algorithm.is_empty()) else {
        input.problem("signing_algorithm", Refused::new(&PARAM_MISSING));
        return Key::None;
    };
    let Some(algorithm) = Algorithm::parse(&algorithm) else {
        let names: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        input.problem("signing_algorithm", value_invalid(format!("must be one of {}", names.join(", "))));
        return Key::None;
    };
    match text.filter(|text| !text.is_empty()) {
        Some(text) => {
            if let Err(error) = verger_jwt::SigningKey::from_text(algorithm, &text) {
                input.problem(
                    "signing_key",
                    Refused::new(&SIGNING_KEY_INVALID).with("why", error.to_string()),
                );
            }
            Key::New { algorithm, text }
        }
        None => {
            if is_new {
                input.problem("signing_key", Refused::new(&PARAM_MISSING));
            }
            Key::Kept(algorithm)
        }
    }
}

/// Whoever sends a key or its algorithm wants tokens that are signed with it: they must not be signed with another. The
/// algorithm of the instance's key may stand there, as in the answer.
fn refuse_key_of_own(input: &mut Read<JwtTemplateParams>, algorithm: Option<&str>, text: Option<&str>) {
    let fields = [
        ("signing_algorithm", algorithm.filter(|algorithm| *algorithm != Algorithm::Rs256.as_str())),
        ("signing_key", text),
    ];
    for (param, sent) in fields {
        if sent.is_some_and(|sent| !sent.is_empty()) {
            input.problem(param, value_invalid("needs custom_signing_key to be true"));
        }
    }
}

fn sealed(
    call: &KeyRequest,
    id: &JwtTemplateId,
    algorithm: Algorithm,
    text: &str,
) -> Result<SigningKey, Failure> {
    let sealed = call.app.keyring.seal(&seal_name(id), text);
    let sealed = sealed.ok_or_else(|| Failure::Bug("a key could not be sealed".to_owned()))?;
    Ok(SigningKey { algorithm: algorithm.as_str().to_owned(), sealed })
}

fn fields(input: JwtTemplateParams, signing_key: Option<SigningKey>) -> TemplateFields {
    TemplateFields {
        name: input.name,
        claims: input.claims,
        lifetime_seconds: input.lifetime.unwrap_or(LIFETIME_SECONDS_DEFAULT),
        clock_skew_seconds: input.allowed_clock_skew.unwrap_or(CLOCK_SKEW_SECONDS_DEFAULT),
        signing_key,
    }
}

fn rendered(template: &JwtTemplate) -> Result<Answer, Failure> {
    Answer::json(&render::sessions::jwt_template(template))
}

fn missing(param: &'static str) -> Failure {
    Refused::new(&PARAM_MISSING).param(param).into()
}

fn refused(refusal: TemplateRefusal) -> Failure {
    Refused::from(refusal).into()
}
