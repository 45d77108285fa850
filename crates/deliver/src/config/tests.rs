use super::*;
use std::time::SystemTime;

const SID: &str = "AC0123456789abcdef0123456789abcdef";

fn clock() -> WallClock {
    Arc::new(|| SystemTime::UNIX_EPOCH)
}

fn sms(text: &str) -> Result<Arc<dyn Sender>, String> {
    let config: SmsConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    config.build(clock()).map_err(|error| error.to_string())
}

fn email(text: &str) -> Result<Arc<dyn Sender>, String> {
    let config: EmailConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    config.build(clock()).map_err(|error| error.to_string())
}

/// Each text is refused in words that contain these.
fn refuses(build: impl Fn(&str) -> Result<Arc<dyn Sender>, String>, cases: &[(&str, &str)]) {
    for (text, words) in cases {
        let error = build(text).err().unwrap_or_default();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn what_twilio_lacks_is_named_with_what_to_do() {
    let twilio = |rest: &str| {
        let rest = rest.replace("SID", SID);
        sms(&format!("sender = \"twilio\"\n[twilio]\n{rest}"))
    };
    refuses(
        twilio,
        &[
            ("", "[sms.twilio] account_sid is missing: copy it from the Twilio console"),
            ("account_sid = \"AC1\"", "account_sid must be AC and 32 hexadecimal digits"),
            ("account_sid = \"SID\"", "auth_token is missing: set it, or VERGER_SMS_TWILIO_AUTH_TOKEN"),
            ("account_sid = \"SID\"\nauth_token = \"t\"", "from is missing"),
            ("account_sid = \"SID\"\napi_key_sid = \"SK1\"", "api_key_secret is missing"),
            ("account_sid = \"SID\"\napi_key_secret = \"t\"", "api_key_sid is missing"),
            (
                "account_sid = \"SID\"\nauth_token = \"t\"\nfrom = \"+1\"\nmessaging_service_sid = \"MG\"",
                "has both from and messaging_service_sid",
            ),
            (
                "account_sid = \"SID\"\napi_key_sid = \"SK1\"\napi_key_secret = \"t\"\nfrom = \"+1\"\n\
                 status_callback_url = \"https://id.example.com/x\"",
                "auth_token is missing: status callbacks are signed with it",
            ),
            (
                "account_sid = \"SID\"\nauth_token = \"t\"\nfrom = \"+1\"\nbase_url = \"http://example.com\"",
                "base_url must begin with https://",
            ),
            (
                "account_sid = \"SID\"\nauth_token = \"t\"\nfrom = \"+1\"\nbase_url = \"https://example.com:65616\"",
                "base_url must have a port from 1 to 65535",
            ),
            (
                "account_sid = \"SID\"\nauth_token = \"t\"\nfrom = \"+1\"\n\
                 status_callback_url = \"https://id.example.com:-1/x\"",
                "status_callback_url must have a port from 1 to 65535",
            ),
        ],
    );
}

#[test]
fn what_other_senders_of_text_messages_lack_is_named_with_what_to_do() {
    refuses(
        sms,
        &[
            ("sender = \"vonage\"", "[sms.vonage] api_key is missing"),
            ("sender = \"vonage\"\nvonage.api_key = \"k\"", "VERGER_SMS_VONAGE_API_SECRET"),
            ("sender = \"webhook\"", "[sms.webhook] url is missing"),
            ("sender = \"webhook\"\nwebhook.url = \"https://example.com\"", "VERGER_SMS_WEBHOOK_SECRET"),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com\"\nwebhook.secret = \"hunter2\"",
                "secret must be `whsec_` and base64",
            ),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com:99999\"",
                "url must have a port from 1 to 65535",
            ),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com:0\"",
                "url must have a port from 1 to 65535",
            ),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com/#x\"",
                "url must not have a fragment",
            ),
        ],
    );
}

#[test]
fn what_is_out_of_range_or_unknown_is_named() {
    refuses(
        sms,
        &[
            ("attempt_timeout_ms = 99", "[sms] attempt_timeout_ms must be from 100 to 60000"),
            ("sender = \"pigeon\"", "pigeon"),
            ("twilio.acount_sid = \"x\"", "acount_sid"),
        ],
    );
}

#[test]
fn empty_text_is_not_the_same_as_none() {
    refuses(
        sms,
        &[
            ("twilio.from = \"\"", "must not be empty"),
            ("twilio.status_callback_url = \"\"", "must not be empty"),
            ("vonage.api_key = \" \"", "must not be empty"),
            ("webhook.url = \"\"", "must not be empty"),
            ("webhook.from = \"\"", "must not be empty"),
            ("instances.ins_1.from = \"\"", "must not be empty"),
        ],
    );
    refuses(
        email,
        &[("smtp.host = \"\"", "must not be empty"), ("smtp.username = \"\"", "must not be empty")],
    );
}

#[test]
fn what_senders_of_email_lack_is_named_with_what_to_do() {
    refuses(
        email,
        &[
            ("sender = \"smtp\"", "[email.smtp] host is missing"),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com\"", "from is missing"),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com:25\"", "without port"),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com \"", "without port"),
            (
                "sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.port = 0",
                "port must be from 1 to 65535",
            ),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.port = 65536", "65536"),
            (
                "sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.from = \"x\"",
                "from must be an address",
            ),
            (
                "sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.security = \"none\"",
                "is for a mail server on this machine only",
            ),
            (
                "sender = \"smtp\"\nsmtp.host = \"localhost\"\nsmtp.from = \"a@example.com\"\nsmtp.username = \"a\"",
                "VERGER_EMAIL_SMTP_PASSWORD",
            ),
            ("sender = \"webhook\"\nwebhook.url = \"https://example.com\"", "VERGER_EMAIL_WEBHOOK_SECRET"),
        ],
    );
}

#[test]
fn nothing_configured_sends_nothing() {
    assert_eq!(sms("").unwrap().name(), "none");
    assert_eq!(email("").unwrap().name(), "none");
    assert_eq!(sms("sender = \"log\"").unwrap().name(), "log");
}

#[test]
fn secrets_of_the_environment_win_and_are_never_shown() {
    let text = "twilio.auth_token = \"hunter2file\"\nwebhook.secret = \"hunter2webhook\"";
    let config: SmsConfig = toml::from_str(text).unwrap();
    assert_eq!(config.twilio.auth_token.as_ref().unwrap().expose(), "hunter2file");
    let config = config.with_env(|name| match name {
        "VERGER_SMS_TWILIO_AUTH_TOKEN" => Some("hunter2env".to_owned()),
        "VERGER_SMS_WEBHOOK_SECRET" => Some(String::new()),
        _ => None,
    });
    assert_eq!(config.twilio.auth_token.as_ref().unwrap().expose(), "hunter2env");
    assert_eq!(config.webhook.secret.as_ref().unwrap().expose(), "hunter2webhook");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

#[test]
fn a_secret_without_quotes_is_not_repeated_in_the_error() {
    for value in
        ["918273645", "-918273645", "918273645.5", "true", "[\"918273645\"]", "{ a = \"918273645\" }"]
    {
        let error = toml::from_str::<SmsConfig>(&format!("vonage.api_secret = {value}")).unwrap_err();
        assert!(!error.message().contains("918273645"), "{value}: {}", error.message());
    }
    let error = toml::from_str::<SmsConfig>("vonage.api_secret = 918273645").unwrap_err();
    assert!(error.message().contains("text in quotes"), "{}", error.message());
}
