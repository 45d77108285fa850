//! The tests that a run counted, read from the closing lines of its log.

/// The tests of a suite as its own runner counted them. Schemathesis counts operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: usize,
    /// Tests that failed.
    pub(crate) failed: usize,
    /// Tests that said themselves that they do not apply.
    pub(crate) skipped: usize,
}

/// Reads the closing lines of a suite's runner.
pub(crate) fn count(suite: &str, log: &str) -> Counts {
    let mut counts = Counts::default();
    for line in log.lines() {
        match suite {
            // `ℹ pass 12`
            "js" | "twilio" | "webhooks" | "node" => {
                let mut words = line.split_whitespace();
                if words.next() == Some("ℹ")
                    && let (Some(word), Some(number), None) = (words.next(), words.next(), words.next())
                    && let Ok(number) = number.parse()
                {
                    counts.add(word, number);
                }
            }
            // `      Tests  2 passed (2)`
            "express" if line.trim_start().starts_with("Tests ") => counts.add_pairs(line),
            // `test result: ok. 12 passed; 0 failed; 0 ignored; …`, once for each test binary
            "clerk-rs" if line.starts_with("test result: ") => counts.add_pairs(line),
            // `12 passed, 1 failed in 3.45s`, the last of its kind
            "python" | "schemathesis" if line.contains(" passed") || line.contains(" failed") => {
                let mut last = Counts::default();
                last.add_pairs(line);
                if last != Counts::default() {
                    counts = last;
                }
            }
            _ => {}
        }
    }
    counts
}

impl Counts {
    fn add(&mut self, word: &str, number: usize) {
        match word.trim_matches(|letter: char| !letter.is_ascii_alphabetic()) {
            "pass" | "passed" => self.passed += number,
            "fail" | "failed" | "cancelled" | "errors" | "error" => self.failed += number,
            "skipped" | "todo" | "ignored" => self.skipped += number,
            _ => {}
        }
    }

    /// Every number of the line with the word after it.
    pub(crate) fn add_pairs(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            if let Ok(number) = pair[0].parse() {
                self.add(pair[1], number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Counts {
        Counts { passed, failed, skipped }
    }

    #[test]
    fn the_closing_lines_of_node_are_read() {
        assert_eq!(
            count("express", " Test Files  1 passed (1)\n      Tests  1 failed | 2 passed (3)\n"),
            counts(2, 1, 0)
        );
        let log = "✔ a (1ms)\nℹ tests 12\nℹ suites 3\nℹ pass 9\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 2\n";
        assert_eq!(count("js", log), counts(9, 2, 1));
    }

    #[test]
    fn the_closing_line_of_pytest_is_read() {
        assert_eq!(count("python", "146 passed, 60 warnings in 10.60s\n"), counts(146, 0, 0));
        assert_eq!(count("python", "2 failed, 143 passed, 1 skipped, 1 error in 17.1s\n"), counts(143, 3, 1));
    }

    #[test]
    fn the_last_line_of_its_kind_counts() {
        let log = "     23 passed  2 failed\n\n25 passed, 0 failed\n";
        assert_eq!(count("schemathesis", log), counts(25, 0, 0));
    }

    #[test]
    fn the_test_binaries_of_cargo_are_added_up() {
        let line = |passed| {
            format!("test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out")
        };
        assert_eq!(
            count("clerk-rs", &format!("{}\nnoise 7 passed\n{}\n", line(0), line(17))),
            counts(17, 0, 0)
        );
    }
}
