//! The little Markdown that descriptions in the OpenAPI document use, as HTML.

/// Paragraphs, `- ` lists and fenced code as HTML: all the Markdown that our document uses.
pub(super) fn blocks(markdown: &str) -> String {
    let mut html = String::new();
    for block in markdown.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        if let Some(code) = block.strip_prefix("```") {
            html.push_str(&format!(
                "<pre tabindex=\"0\"><code>{}</code></pre>\n",
                escape(code.trim_end_matches("```").trim())
            ));
        } else if block.starts_with("- ") {
            let items =
                block.lines().map(|item| format!("<li>{}</li>", inline(item.trim_start_matches("- "))));
            html.push_str(&format!("<ul>{}</ul>\n", items.collect::<String>()));
        } else {
            html.push_str(&format!("<p>{}</p>\n", inline(block)));
        }
    }
    html
}

/// One line of text as HTML, with `` `code` `` in it.
pub(super) fn inline(line: &str) -> String {
    let mut html = String::new();
    for (at, part) in line.split('`').enumerate() {
        let part = escape(part);
        // Every second part stands between backticks.
        html.push_str(&if at % 2 == 1 { format!("<code>{part}</code>") } else { part });
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn slug(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}
