//! What messages say, by language and instance.
//!
//! Built-in texts of SMS are written to fit one segment, which is what is paid for: in the alphabet of GSM where the
//! language allows (that is why Spanish says `clave` and not `código`), else in 70 characters.

use crate::config::{EmailConfig, EmailTemplate, SmsConfig};
use std::collections::BTreeMap;
use std::fmt;

/// Characters of an operator's SMS template.
pub const SMS_CHARACTERS_MAX: usize = 320;
/// Characters of the subject in an operator's email template.
pub const SUBJECT_CHARACTERS_MAX: usize = 150;
/// Characters of the text in an operator's email template.
pub const EMAIL_CHARACTERS_MAX: usize = 10_000;
/// More of an application's name is cut off.
pub const APP_NAME_CHARACTERS_MAX: usize = 40;
const LOCALE_BYTES_MAX: usize = 64;
const PLACEHOLDERS: [&str; 3] = ["code", "app_name", "minutes"];

/// What takes the place of the placeholders. Its `Debug` does not show the code.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The value of `{code}`.
    pub code: &'a str,
    /// The value of `{app_name}`.
    pub app_name: &'a str,
    /// `{minutes}`: how long the code is valid.
    pub minutes: u32,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct TemplateError {
    /// Section of the configuration.
    pub at: String,
    /// The key in it, and why.
    pub problem: String,
}

/// Every text there is: built in, and the operator's.
pub struct Templates {
    sms: Texts<String>,
    email: Texts<EmailTemplate>,
    autofill_host: Option<String>,
    autofill_hosts: BTreeMap<String, String>,
}

/// Texts of one channel, by language in lower case.
struct Texts<T> {
    default_language: String,
    built_in: BTreeMap<String, T>,
    own: BTreeMap<String, T>,
    instances: BTreeMap<String, BTreeMap<String, T>>,
    last_resort: T,
}

const BUILT_IN_SMS: [(&str, &str); 11] = [
    ("en", "{code} is your {app_name} code. It expires in {minutes} minutes. Do not share it."),
    ("de", "{code} ist Ihr Code für {app_name}. Er gilt {minutes} Minuten. Geben Sie ihn nicht weiter."),
    ("fr", "{code} est votre code {app_name}. Il expire dans {minutes} minutes. Ne le partagez pas."),
    ("es", "{code} es tu clave de {app_name}. Caduca en {minutes} minutos. No la compartas."),
    ("it", "{code} è il tuo codice {app_name}. Scade tra {minutes} minuti. Non condividerlo."),
    ("pt", "{code} é o seu PIN de {app_name}. Expira em {minutes} minutos. Nunca o revele."),
    ("nl", "{code} is je code voor {app_name}. Hij verloopt over {minutes} minuten. Deel hem niet."),
    ("pl", "{code} to kod do {app_name}. Wygasa za {minutes} min. Nikomu go nie podawaj."),
    ("ja", "{app_name}の認証コードは{code}です。{minutes}分間有効です。誰にも教えないでください。"),
    ("zh", "{app_name}验证码：{code}，{minutes}分钟内有效，请勿告知他人。"),
    ("zh-hant", "{app_name}驗證碼：{code}，{minutes}分鐘內有效，請勿告訴他人。"),
];

const BUILT_IN_EMAIL: [(&str, &str, &str); 11] = [
    (
        "en",
        "Your {app_name} verification code",
        "Your {app_name} verification code is {code}.\n\nIt expires in {minutes} minutes. Do not share it with anyone. \
         If you did not ask for it, you can ignore this message.\n",
    ),
    (
        "de",
        "Ihr Bestätigungscode für {app_name}",
        "Ihr Bestätigungscode für {app_name} lautet {code}.\n\nEr ist {minutes} Minuten gültig. Geben Sie ihn an \
         niemanden weiter. Falls Sie ihn nicht angefordert haben, können Sie diese Nachricht ignorieren.\n",
    ),
    (
        "fr",
        "Votre code de vérification {app_name}",
        "Votre code de vérification {app_name} est {code}.\n\nIl expire dans {minutes} minutes. Ne le communiquez à \
         personne. Si vous ne l'avez pas demandé, ignorez ce message.\n",
    ),
    (
        "es",
        "Tu código de verificación de {app_name}",
        "Tu código de verificación de {app_name} es {code}.\n\nCaduca en {minutes} minutos. No lo compartas con \
         nadie. Si no lo has solicitado, ignora este mensaje.\n",
    ),
    (
        "it",
        "Il tuo codice di verifica {app_name}",
        "Il tuo codice di verifica {app_name} è {code}.\n\nScade tra {minutes} minuti. Non condividerlo con nessuno. \
         Se non l'hai richiesto, ignora questo messaggio.\n",
    ),
    (
        "pt",
        "O seu código de verificação {app_name}",
        "O seu código de verificação {app_name} é {code}.\n\nExpira em {minutes} minutos. Não o revele a ninguém. \
         Se não o pediu, ignore esta mensagem.\n",
    ),
    (
        "nl",
        "Je verificatiecode voor {app_name}",
        "Je verificatiecode voor {app_name} is {code}.\n\nDe code verloopt over {minutes} minuten. Deel hem met \
         niemand. Heb je er niet om gevraagd, dan kun je dit bericht negeren.\n",
    ),
    (
        "pl",
        "Twój kod weryfikacyjny {app_name}",
        "Twój kod weryfikacyjny {app_name} to {code}.\n\nKod wygaśnie za {minutes} min. Nikomu go nie podawaj. Jeśli \
         nie prosisz o kod, zignoruj tę wiadomość.\n",
    ),
    (
        "ja",
        "{app_name}の認証コード",
        "{app_name}の認証コードは{code}です。\n\n有効期限は{minutes}分です。誰にも教えないでください。\
         お心当たりのない場合は、このメールを無視してください。\n",
    ),
    (
        "zh",
        "{app_name}验证码",
        "您的{app_name}验证码是{code}。\n\n验证码将在{minutes}分钟后失效，请勿告知他人。如非本人操作，请忽略此邮件。\n",
    ),
    (
        "zh-hant",
        "{app_name}驗證碼",
        "您的{app_name}驗證碼是{code}。\n\n驗證碼將在{minutes}分鐘後失效，請勿告訴他人。若非本人操作，請忽略此郵件。\n",
    ),
];

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("app_name", &self.app_name)
            .field("minutes", &self.minutes)
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// Reads and checks the operator's templates.
    ///
    /// # Errors
    /// The first one that is wrong.
    pub fn new(sms: &SmsConfig, email: &EmailConfig) -> Result<Self, TemplateError> {
        let sms_instances = sms.instances.iter().map(|(id, instance)| (id, &instance.templates));
        let email_instances = email.instances.iter().map(|(id, instance)| (id, &instance.templates));
        let mut autofill_hosts = BTreeMap::new();
        for (id, instance) in &sms.instances {
            if let Some(host) = &instance.autofill_host {
                autofill_hosts.insert(id.clone(), autofill_host(&format!("sms.instances.{id}"), host)?);
            }
        }
        Ok(Self {
            sms: Texts::new(
                "sms",
                sms.default_language.as_deref(),
                BUILT_IN_SMS.map(|(language, text)| (language.to_owned(), text.to_owned())),
                &sms.templates,
                sms_instances,
                |text| check(text, SMS_CHARACTERS_MAX, true),
            )?,
            email: Texts::new(
                "email",
                email.default_language.as_deref(),
                BUILT_IN_EMAIL.map(|(language, subject, text)| {
                    (
                        language.to_owned(),
                        EmailTemplate { subject: subject.to_owned(), text: text.to_owned() },
                    )
                }),
                &email.templates,
                email_instances,
                check_email,
            )?,
            autofill_host: sms.autofill_host.as_deref().map(|host| autofill_host("sms", host)).transpose()?,
            autofill_hosts,
        })
    }

    /// The text of an SMS. `locale` is the user's own, such as `de-AT` or `pt_BR`.
    pub fn sms(&self, instance_id: &str, locale: Option<&str>, values: &Values<'_>) -> String {
        let mut text = fill(self.sms.pick(instance_id, locale), values);
        if let Some(host) = self.autofill_hosts.get(instance_id).or(self.autofill_host.as_ref()) {
            // Must be the last line: https://wicg.github.io/sms-one-time-codes/
            text.push_str("\n@");
            text.push_str(host);
            text.push_str(" #");
            text.push_str(values.code);
        }
        text
    }

    /// Subject and text of an email. `locale` is the user's own.
    pub fn email(&self, instance_id: &str, locale: Option<&str>, values: &Values<'_>) -> (String, String) {
        let template = self.email.pick(instance_id, locale);
        (fill(&template.subject, values), fill(&template.text, values))
    }
}

impl<T: Clone> Texts<T> {
    fn new<'a, const N: usize>(
        section: &str,
        default_language: Option<&str>,
        built_in: [(String, T); N],
        own: &BTreeMap<String, T>,
        instances: impl Iterator<Item = (&'a String, &'a BTreeMap<String, T>)>,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Result<Self, TemplateError>
    where
        T: 'a,
    {
        let read = |at: String, templates: &BTreeMap<String, T>| {
            let mut read = BTreeMap::new();
            for (language, template) in templates {
                let bad =
                    |problem| TemplateError { at: at.clone(), problem: format!("{language} {problem}") };
                let tag = normal(language)
                    .ok_or_else(|| bad("is no language: write it as `de` or `pt-BR`".to_owned()))?;
                check(template).map_err(bad)?;
                if read.insert(tag, template.clone()).is_some() {
                    return Err(bad("is there twice, written in two ways".to_owned()));
                }
            }
            Ok(read)
        };
        let last_resort = built_in[0].1.clone();
        let mut texts = Self {
            default_language: "en".to_owned(),
            built_in: BTreeMap::from(built_in),
            own: read(format!("{section}.templates"), own)?,
            instances: BTreeMap::new(),
            last_resort,
        };
        for (id, templates) in instances {
            texts
                .instances
                .insert(id.clone(), read(format!("{section}.instances.{id}.templates"), templates)?);
        }
        if let Some(language) = default_language {
            let known = normal(language)
                .filter(|tag| texts.own.contains_key(tag) || texts.built_in.contains_key(tag))
                .ok_or_else(|| TemplateError {
                    at: section.to_owned(),
                    problem: format!(
                        "default_language has no template: add one to [{section}.templates], or use one of {}",
                        texts.built_in.keys().cloned().collect::<Vec<_>>().join(", ")
                    ),
                })?;
            texts.default_language = known;
        }
        Ok(texts)
    }

    /// The operator's own text in the user's language goes before a built-in one, and that before another language.
    fn pick(&self, instance_id: &str, locale: Option<&str>) -> &T {
        let sources = [self.instances.get(instance_id), Some(&self.own), Some(&self.built_in)];
        for wanted in [locale.and_then(normal), Some(self.default_language.clone())].into_iter().flatten() {
            let tags = fallbacks(&wanted);
            for source in sources.into_iter().flatten() {
                if let Some(template) = tags.iter().find_map(|tag| source.get(tag)) {
                    return template;
                }
            }
        }
        &self.last_resort
    }
}

/// How many parts an SMS is sent and paid in.
pub fn segments(text: &str) -> usize {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
                         ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENDED: &str = "\u{c}^{}\\[~]|€";
    let gsm_units: Option<usize> = text
        .chars()
        .map(|character| match character {
            _ if BASIC.contains(character) => Some(1),
            _ if EXTENDED.contains(character) => Some(2),
            _ => None,
        })
        .sum();
    let (units, whole, part) = match gsm_units {
        Some(units) => (units, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    if units <= whole { 1 } else { units.div_ceil(part) }
}

/// A language tag in lower case with hyphens, without what POSIX adds.
fn normal(locale: &str) -> Option<String> {
    let tag = locale.split(['.', '@']).next().unwrap_or_default().replace('_', "-").to_ascii_lowercase();
    let is_tag = (2..=LOCALE_BYTES_MAX).contains(&tag.len())
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    is_tag.then_some(tag)
}

/// The tag, then what it is a special case of.
fn fallbacks(tag: &str) -> Vec<String> {
    let mut tags = vec![tag.to_owned()];
    let mut rest = tag;
    while let Some((shorter, _)) = rest.rsplit_once('-') {
        // These write Chinese in the traditional script without saying so.
        if shorter == "zh" && ["zh-tw", "zh-hk", "zh-mo"].contains(&rest) {
            tags.push("zh-hant".to_owned());
        }
        tags.push(shorter.to_owned());
        rest = shorter;
    }
    tags
}

/// In one pass, so that nothing inside a value is taken for a placeholder.
fn fill(template: &str, values: &Values<'_>) -> String {
    let mut text = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        match name {
            "code" => text.push_str(values.code),
            "app_name" => {
                text.extend(values.app_name.chars().filter(|c| !c.is_control()).take(APP_NAME_CHARACTERS_MAX))
            }
            _ => text.push_str(&values.minutes.to_string()),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Whether a template can be filled and says what it must.
fn check(template: &str, characters_max: usize, needs_code: bool) -> Result<(), String> {
    if template.chars().count() > characters_max {
        return Err(format!("is longer than {characters_max} characters"));
    }
    if template.chars().any(|character| character.is_control() && character != '\n') {
        return Err("holds control characters".to_owned());
    }
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let name = rest[at..]
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'))
            .ok_or("has a brace that belongs to no placeholder")?;
        if !PLACEHOLDERS.contains(&name.0) {
            let known = PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ");
            return Err(format!("has the unknown placeholder {{{}}}: there are {known}", name.0));
        }
        found.push(name.0);
        rest = name.1;
    }
    if needs_code && !found.contains(&"code") {
        return Err("must contain {code}".to_owned());
    }
    Ok(())
}

fn check_email(template: &EmailTemplate) -> Result<(), String> {
    let about = |part: &'static str| move |problem: String| format!("{part} {problem}");
    if template.subject.contains('\n') || template.subject.trim().is_empty() {
        return Err("subject must be one line".to_owned());
    }
    check(&template.subject, SUBJECT_CHARACTERS_MAX, false).map_err(about("subject"))?;
    check(&template.text, EMAIL_CHARACTERS_MAX, true).map_err(about("text"))
}

fn autofill_host(section: &str, host: &str) -> Result<String, TemplateError> {
    let is_host = (1..=253).contains(&host.len())
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    if is_host {
        return Ok(host.to_ascii_lowercase());
    }
    Err(TemplateError {
        at: section.to_owned(),
        problem: "autofill_host must be a host name such as app.example.com, without https://".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'_> = Values { code: "918273", app_name: "Acme", minutes: 10 };

    fn templates(sms: &str, email: &str) -> Result<Templates, String> {
        let sms: SmsConfig = toml::from_str(sms).unwrap();
        let email: EmailConfig = toml::from_str(email).unwrap();
        Templates::new(&sms, &email).map_err(|error| error.to_string())
    }

    #[test]
    fn built_in_texts_are_valid_and_name_code_app_and_minutes() {
        let all = templates("", "").unwrap();
        for (language, text) in BUILT_IN_SMS {
            assert_eq!(check(text, SMS_CHARACTERS_MAX, true), Ok(()), "{language}");
            let text = all.sms("ins_1", Some(language), &VALUES);
            for part in ["918273", "Acme", "10"] {
                assert!(text.contains(part), "{language}: {text}");
            }
        }
        for (language, subject, text) in BUILT_IN_EMAIL {
            let template = EmailTemplate { subject: subject.to_owned(), text: text.to_owned() };
            assert_eq!(check_email(&template), Ok(()), "{language}");
            let (subject, text) = all.email("ins_1", Some(language), &VALUES);
            // Mail servers log subjects.
            assert!(subject.contains("Acme") && !subject.contains("918273"), "{language}: {subject}");
            for part in ["918273", "Acme", "10"] {
                assert!(text.contains(part), "{language}: {text}");
            }
        }
    }

    #[test]
    fn built_in_sms_is_one_segment_even_with_a_long_name_and_the_autofill_line() {
        let all = templates("autofill_host = \"accounts.example.com\"", "").unwrap();
        let values = Values { app_name: "Twenty characters of", ..VALUES };
        for (language, _) in BUILT_IN_SMS {
            let text = all.sms("ins_1", Some(language), &values);
            let is_wide = ["ja", "zh", "zh-hant"].contains(&language);
            if !is_wide {
                assert_eq!(segments(&text), 1, "{language}: {text}");
            }
            let short = templates("", "").unwrap().sms("ins_1", Some(language), &values);
            assert_eq!(segments(&short), 1, "{language}: {short}");
        }
    }

    #[test]
    fn segments_are_counted_as_they_are_paid() {
        for (text, expected) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ó".repeat(70), 1),
            ("ó".repeat(71), 2),
            ("😀".repeat(35), 1),
            ("😀".repeat(36), 2),
        ] {
            assert_eq!(segments(&text), expected, "{} characters", text.chars().count());
        }
    }

    #[test]
    fn the_language_is_the_users_then_the_default() {
        let all = templates(
            "default_language = \"fr\"\n[templates]\nde = \"Kode {code}\"\npt-BR = \"BR {code}\"",
            "",
        )
        .unwrap();
        let begins = |locale, words: &str| {
            let text = all.sms("ins_1", locale, &VALUES);
            assert!(text.contains(words), "{locale:?}: {text}");
        };
        begins(Some("de"), "Kode 918273");
        begins(Some("de-AT"), "Kode 918273");
        begins(Some("DE_at.UTF-8@euro"), "Kode 918273");
        begins(Some("pt-BR"), "BR 918273");
        begins(Some("pt-PT"), "PIN de Acme");
        begins(Some("en-GB"), "is your Acme code");
        begins(Some("zh-TW"), "驗證碼");
        begins(Some("zh-Hant-HK"), "驗證碼");
        begins(Some("zh-Hans-CN"), "验证码");
        for other in [Some("sv"), Some(""), Some("x"), Some("not a locale"), None] {
            begins(other, "est votre code Acme");
        }
    }

    #[test]
    fn an_instance_has_its_own_text_sender_and_host() {
        let all = templates(
            "autofill_host = \"example.com\"\n[templates]\nen = \"all {code}\"\n[instances.ins_2]\n\
             autofill_host = \"App.Example.org\"\ntemplates.en = \"two {code}\"",
            "[instances.ins_2.templates.en]\nsubject = \"S {app_name}\"\ntext = \"T {code} {minutes}\"",
        )
        .unwrap();
        assert_eq!(all.sms("ins_1", Some("en"), &VALUES), "all 918273\n@example.com #918273");
        assert_eq!(all.sms("ins_2", Some("en"), &VALUES), "two 918273\n@app.example.org #918273");
        assert_eq!(all.email("ins_2", Some("en"), &VALUES), ("S Acme".to_owned(), "T 918273 10".to_owned()));
        assert!(all.sms("ins_2", Some("de"), &VALUES).starts_with("918273 ist Ihr Code"));
    }

    #[test]
    fn a_value_is_never_taken_for_a_placeholder_or_a_line() {
        let all = templates("", "").unwrap();
        let values = Values { app_name: "{code}\r\n@evil.example #1", ..VALUES };
        let text = all.sms("ins_1", None, &values);
        assert_eq!(
            text,
            "918273 is your {code}@evil.example #1 code. It expires in 10 minutes. Do not share it."
        );
        let long = "n".repeat(100);
        let text = all.sms("ins_1", None, &Values { app_name: &long, ..VALUES });
        assert!(text.contains(&"n".repeat(40)) && !text.contains(&"n".repeat(41)), "{text}");
    }

    #[test]
    fn a_bad_template_is_refused_with_where_and_why() {
        let long = format!("templates.en = \"{{code}}{}\"", "x".repeat(SMS_CHARACTERS_MAX));
        for (sms, words) in [
            ("templates.en = \"hello\"", "sms.templates: en must contain {code}"),
            ("templates.en = \"{code} {name}\"", "en has the unknown placeholder {name}"),
            ("templates.en = \"{code} {\"", "en has a brace that belongs to no placeholder"),
            ("templates.en = \"}{code}\"", "en has a brace that belongs to no placeholder"),
            ("templates.en = \"{code}\\u0007\"", "en holds control characters"),
            (&long, "en is longer than 320 characters"),
            ("templates.\"not a language\" = \"{code}\"", "is no language"),
            ("templates.pt-BR = \"{code}\"\ntemplates.pt_br = \"{code}\"", "is there twice"),
            ("instances.ins_1.templates.de = \"x\"", "sms.instances.ins_1.templates: de must contain {code}"),
            ("default_language = \"sv\"", "sms: default_language has no template"),
            ("autofill_host = \"https://example.com\"", "sms: autofill_host must be a host name"),
            ("instances.ins_1.autofill_host = \"a b\"", "sms.instances.ins_1: autofill_host must be"),
        ] {
            let error = templates(sms, "").err().unwrap_or_default();
            assert!(error.contains(words), "{sms}: {error}");
        }
        for (email, words) in [
            ("subject = \"S\"\ntext = \"T\"", "email.templates: en text must contain {code}"),
            ("subject = \"a\\nb\"\ntext = \"{code}\"", "en subject must be one line"),
            ("subject = \"\"\ntext = \"{code}\"", "en subject must be one line"),
            ("subject = \"{nmae}\"\ntext = \"{code}\"", "en subject has the unknown placeholder {nmae}"),
        ] {
            let error = templates("", &format!("[templates.en]\n{email}")).err().unwrap_or_default();
            assert!(error.contains(words), "{email}: {error}");
        }
    }

    #[test]
    fn debug_does_not_show_the_code() {
        let shown = format!("{VALUES:?}");
        assert!(shown.contains("Acme") && !shown.contains("918273"), "{shown}");
    }
}
