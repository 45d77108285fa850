use super::document::{entries, list, text, values};
use super::markdown::{blocks, inline, slug};
use super::*;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(openapi_json()).expect("the embedded document is JSON")
}

fn attributes(name: &str) -> Vec<&'static str> {
    let start = format!(" {name}=\"");
    page().split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn page_shows_every_operation_field_and_error_of_the_document() {
    assert!(render().is_ok());
    let document = document();
    let mut expected = BTreeSet::new();
    for (path, item) in entries(&document["paths"]) {
        expected.insert(path.to_owned());
        for operation in values(item) {
            expected.insert(format!("id=\"{}\"", text(&operation["operationId"])));
            expected.insert(inline(&text(&operation["summary"])));
            for response in values(&operation["responses"]) {
                for error in list(&response["x-verger-errors"]) {
                    expected.insert(format!("<code>{}</code>", text(&error["code"])));
                    expected.insert(inline(&text(&error["when"])));
                }
            }
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            for property in values(&body["properties"]).chain(values(&body["items"]["properties"])) {
                expected.insert(inline(&text(&property["description"])));
            }
            for parameter in list(&operation["parameters"]) {
                expected.insert(inline(&text(&parameter["description"])));
            }
        }
    }
    for schema in values(&document["components"]["schemas"]) {
        for property in values(&schema["properties"]) {
            expected.insert(inline(&text(&property["description"])));
        }
    }
    let missing: Vec<_> = expected.iter().filter(|text| !page().contains(text.as_str())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn no_group_body_or_answer_is_empty() {
    let (page, document) = (page(), document());
    let operations: Vec<_> = values(&document["paths"]).flat_map(values).collect();
    for tag in list(&document["tags"]) {
        let has_operation = operations.iter().any(|operation| operation["tags"][0] == tag["name"]);
        let heading = format!("<h2 id=\"{}\"", slug(&text(&tag["name"])));
        assert_eq!(page.contains(&heading), has_operation, "{heading}");
    }
    let part = |from: &str, to: &str| page.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let bulk = part("id=\"CreateBulkInvitations-body\"", "<h4");
    assert!(bulk.contains("A list of 1 to 10 of these:") && bulk.contains(">email_address<"), "{bulk}");
    let refreshed = part("id=\"RefreshSession-answer\"", "<details>");
    assert!(
        refreshed.contains("#SessionRefresh.jwt") && refreshed.contains("#SessionRefresh.cookies"),
        "{refreshed}"
    );
}

#[test]
fn page_needs_nothing_but_itself() {
    let page = page();
    for outside in ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "javascript:", " on"] {
        let found = page.match_indices(outside).find(|(at, _)| outside != " on" || is_handler(&page[*at..]));
        assert!(found.is_none(), "{outside}");
    }
    assert!(attributes("href").iter().all(|target| target.starts_with('#') || *target == "/openapi.json"));
}

fn is_handler(text: &str) -> bool {
    text.split_once('=')
        .is_some_and(|(name, _)| name.len() < 16 && !name.trim_start().contains([' ', '<', '>']))
}

#[test]
fn anchors_are_unique_and_links_lead_somewhere() {
    let ids = attributes("id");
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len());
    for target in attributes("href").iter().filter_map(|target| target.strip_prefix('#')) {
        assert!(unique.contains(target), "#{target} leads nowhere");
    }
    for heading in ["<h2", "<h3", "<h4"] {
        for rest in page().split(heading).skip(1) {
            assert!(rest.starts_with(" id=\""), "{heading}{}", &rest[..40]);
        }
    }
}

#[test]
fn examples_carry_the_address_that_was_asked_and_ids_that_exist() {
    let nobody = Reader {
        address: "http://id.example.com:8080".to_owned(),
        key_for_shell: "$(cat mine/secret-key)".to_owned(),
        user_id: None,
        phone_number_id: None,
    };
    let reader = Reader {
        user_id: Some("user_demo".to_owned()),
        phone_number_id: Some("idn_demo".to_owned()),
        ..nobody.clone()
    };
    for text in [Text::OpenApi, Text::Page] {
        let plain = text_for(text, &nobody);
        assert!(!plain.contains("127.0.0.1:4100") && plain.contains("http://id.example.com:8080/v1/users"));
        assert!(plain.contains("/v1/users/USER_ID") && plain.contains("/v1/phone_numbers/PHONE_NUMBER_ID"));
        assert!(plain.contains("=$(cat mine/secret-key)") && !plain.contains("verger-data/secret-key"));
        let filled = text_for(text, &reader);
        assert!(!filled.contains("USER_ID") && !filled.contains("PHONE_NUMBER_ID"));
        assert!(filled.contains("/v1/users/user_demo/ban") && filled.contains("/v1/phone_numbers/idn_demo"));
    }
    let document: Value = serde_json::from_str(&text_for(Text::OpenApi, &reader)).expect("still JSON");
    assert_eq!(document["servers"][0]["url"], "http://id.example.com:8080");
    // No example has an id that nobody has.
    for operation in entries(&document["paths"]).flat_map(|(_, item)| values(item)) {
        for sample in list(&operation["x-codeSamples"]) {
            let source = text(&sample["source"]);
            for prefix in ["user_3", "idn_3", "ver_3", "whe_3", "sms_3"] {
                assert!(!source.contains(prefix), "{source}");
            }
        }
    }
}

#[test]
fn host_that_could_mean_something_else_is_not_repeated() {
    use axum::http::HeaderValue;
    let address = |hosts: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        address_of(&headers)
    };
    for good in [
        "localhost:4177",
        "127.0.0.1",
        "[::1]:4100",
        "[::1]",
        "id.example.com",
        "id-1.example.com:443",
        "a:0",
    ] {
        assert_eq!(address(&[good]), format!("http://{good}"));
    }
    for bad in [
        "",
        ":4100",
        "a b",
        "a/b",
        "a\"b",
        "a<b>",
        "a'b",
        "a$(b)",
        "a@b",
        "a:b",
        "a:70000",
        "a:+1",
        "a:",
        "[::1",
        "::1",
        "[1.2.3.4]",
        "a;b",
        "a\\b",
        "a%20b",
    ] {
        assert_eq!(address(&[bad]), ADDRESS, "{bad}");
    }
    assert_eq!(address(&[]), ADDRESS);
    assert_eq!(address(&["a.example.com", "b.example.com"]), ADDRESS);
    let long = Box::leak("a".repeat(256).into_boxed_str());
    assert_eq!(address(&[long]), ADDRESS);
}

#[test]
fn page_can_be_read_on_a_small_screen_and_by_keyboard() {
    let page = page();
    // What scrolls can be reached, and what is long need not be.
    for scrolled in ["<pre", "<div class=\"scroll\""] {
        for rest in page.split(scrolled).skip(1) {
            assert!(rest.starts_with(" tabindex=\"0\""), "{scrolled}{}", &rest[..60]);
        }
    }
    // Cells that are stacked say what they are, and are still a table to those who do not see it.
    for rest in page.split("<td").skip(1) {
        let tag = rest.split('>').next().unwrap_or_default();
        assert!(tag.contains("data-label=\"") && tag.contains("role=\"cell\""), "<td{tag}>");
    }
    for (tag, role) in [("<table", "table"), ("<tr", "row"), ("<th", "columnheader"), ("<tbody", "rowgroup")]
    {
        for rest in page.split(&format!("{tag} ")).skip(1).chain(page.split(&format!("{tag}>")).skip(1)) {
            let rest = rest.split('>').next().unwrap_or_default();
            assert!(rest.contains(&format!("role=\"{role}\"")), "{tag} {rest}");
        }
    }
    assert!(page.contains("<details class=\"menu\"><summary>"));
    assert!(page.contains("main a { text-decoration: underline; }"));
    assert_eq!(page.matches("<main").count(), 1);
    assert_eq!(page.matches("<h1").count(), 1);
}

#[test]
fn markdown_is_escaped_and_small() {
    assert_eq!(inline("a < `b & c` \"d\""), "a &lt; <code>b &amp; c</code> &quot;d&quot;");
    assert_eq!(
        blocks("one\n\n- two\n- `three`\n\n```\n{\"a\": 1}\n```"),
        "<p>one</p>\n<ul><li>two</li><li><code>three</code></li></ul>\n\
         <pre tabindex=\"0\"><code>{&quot;a&quot;: 1}</code></pre>\n",
    );
}
