//! Adding, changing and removing JWT templates.

use super::precondition::Versions;
use super::run::{Command, Engine};
use super::writing::Writing;
use crate::answer::Answer;
use crate::error::Failure;
use crate::reasons::{JWT_TEMPLATE_NAME_TAKEN, JWT_TEMPLATES_QUOTA};
use verger_core::JwtTemplate;
use verger_core::jwt_template::{TEMPLATES_MAX, TemplateFields, TemplateRefusal};
use verger_store::{AggregateKey, AggregateKind, Change, Conflict, StoreError, Write};
use verger_wire::{JwtTemplateId, Refused, UnixMillis};

impl Writing<'_> {
    /// Adds a template.
    pub(crate) async fn add_jwt_template(
        &self,
        id: JwtTemplateId,
        fields: TemplateFields,
        render: impl Fn(&JwtTemplate) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        self.engine.carry_out(&AddTemplate { writing: self, id, fields, render }).await
    }

    /// Changes a template; `None` removes it.
    pub(crate) async fn change_jwt_template(
        &self,
        id: JwtTemplateId,
        change: impl Fn(&JwtTemplate, UnixMillis) -> Result<Option<JwtTemplate>, Failure> + Send + Sync,
        render: impl Fn(&JwtTemplate) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        self.engine.carry_out(&ChangeTemplate { writing: self, id, change, render }).await
    }
}

struct AddTemplate<'a, R> {
    writing: &'a Writing<'a>,
    id: JwtTemplateId,
    fields: TemplateFields,
    render: R,
}

impl<R> Command for AddTemplate<'_, R>
where
    R: Fn(&JwtTemplate) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = ();
    type Outcome = Answer;

    async fn load(&self, _engine: &Engine<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn keys(&self, _found: &()) -> Vec<AggregateKey> {
        vec![AggregateKey::instance(self.writing.engine.instance)]
    }

    fn versions(&self, _found: &()) -> Versions {
        Versions::Nothing
    }

    async fn decide(&self, _engine: &Engine<'_>, _found: &()) -> Result<(Write, Answer), Failure> {
        let now = self.writing.now();
        let template = JwtTemplate::create(self.id.clone(), self.fields.clone(), now).map_err(refused)?;
        let answer = (self.render)(&template)?;
        let added = Change { before: None, after: Some(template) };
        Ok((Write { changes: vec![added.into()], ..Write::at(now) }, answer))
    }

    async fn refused(&self, _engine: &Engine<'_>, _found: &(), failure: Failure) -> Failure {
        conflicting(failure)
    }
}

struct ChangeTemplate<'a, C, R> {
    writing: &'a Writing<'a>,
    id: JwtTemplateId,
    change: C,
    render: R,
}

impl<C, R> Command for ChangeTemplate<'_, C, R>
where
    C: Fn(&JwtTemplate, UnixMillis) -> Result<Option<JwtTemplate>, Failure> + Send + Sync,
    R: Fn(&JwtTemplate) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = JwtTemplate;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<JwtTemplate, Failure> {
        let found = engine.scoped().jwt_template(&self.id, engine.deadline).await?;
        found.ok_or_else(|| Failure::not_found(AggregateKind::JwtTemplate.noun()))
    }

    fn keys(&self, found: &JwtTemplate) -> Vec<AggregateKey> {
        vec![AggregateKey::jwt_template(&found.id)]
    }

    fn versions(&self, _found: &JwtTemplate) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &JwtTemplate) -> Result<(Write, Answer), Failure> {
        let now = self.writing.now();
        let after = (self.change)(found, now)?;
        let answer = (self.render)(after.as_ref().unwrap_or(found))?;
        let changed = Change { before: Some(found.clone()), after };
        Ok((Write { changes: vec![changed.into()], ..Write::at(now) }, answer))
    }

    async fn refused(&self, _engine: &Engine<'_>, _found: &JwtTemplate, failure: Failure) -> Failure {
        conflicting(failure)
    }
}

/// What the database knows of other templates.
fn conflicting(failure: Failure) -> Failure {
    match failure {
        Failure::Store(StoreError::Conflict(Conflict::Duplicate)) => {
            Refused::new(&JWT_TEMPLATE_NAME_TAKEN).param("name").into()
        }
        Failure::Store(StoreError::Conflict(Conflict::LimitReached(_))) => {
            Refused::new(&JWT_TEMPLATES_QUOTA).with("max", TEMPLATES_MAX.to_string()).into()
        }
        failure => failure,
    }
}

fn refused(refusal: TemplateRefusal) -> Failure {
    Refused::from(refusal).into()
}
