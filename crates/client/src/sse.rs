//! Server-sent events, as far as the feed of events uses them.

use bytes::{Buf as _, BytesMut};

/// One message of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Of this message, or the last one that had one; empty before that.
    pub(crate) id: String,
    pub(crate) data: Vec<u8>,
}

/// A line, or the data of a message, is larger than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The byte order mark that a stream may begin with.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// Reads lines of `id` and `data`, with an empty line after each message. Comments, and fields that it does not know, are
/// passed over. It keeps at most a line and the data of a message, each of `bytes_max` (docs/adr/0010).
pub(crate) struct Parser {
    unread: BytesMut,
    /// So many bytes of `unread` have no end of a line in them.
    searched: usize,
    /// The last line ended with a carriage return: a line feed behind it belongs to it.
    is_after_return: bool,
    id: String,
    data: Vec<u8>,
    /// Nothing was read yet: a byte order mark may come.
    is_at_start: bool,
    /// Of one line, and of the data of one message.
    bytes_max: usize,
}

impl Parser {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            unread: BytesMut::new(),
            searched: 0,
            is_after_return: false,
            id: String::new(),
            data: Vec::new(),
            is_at_start: true,
            bytes_max,
        }
    }

    /// Takes bytes as they come, cut anywhere.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next message in what there is to read.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, TooLarge> {
        while let Some(line) = self.line()? {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let (name, value) = line.split_at(colon);
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match name {
                b"" if line.is_empty() && !self.data.is_empty() => {
                    // The line feed after the last line.
                    self.data.pop();
                    let data = std::mem::take(&mut self.data);
                    return Ok(Some(Frame { id: self.id.clone(), data }));
                }
                b"id" if !value.contains(&0) => self.id = String::from_utf8_lossy(value).into_owned(),
                b"data" => {
                    if value.len() >= self.bytes_max - self.data.len().min(self.bytes_max) {
                        return Err(TooLarge);
                    }
                    self.data.extend_from_slice(value);
                    self.data.push(b'\n');
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Result<Option<BytesMut>, TooLarge> {
        if self.is_after_return && !self.unread.is_empty() {
            self.is_after_return = false;
            if self.unread[0] == b'\n' {
                self.unread.advance(1);
            }
        }
        let ends = self.unread[self.searched..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(end) = ends.map(|at| at + self.searched) else {
            self.searched = self.unread.len();
            return if self.searched > self.bytes_max { Err(TooLarge) } else { Ok(None) };
        };
        self.searched = 0;
        let mut line = self.unread.split_to(end);
        if std::mem::take(&mut self.is_at_start) && line.starts_with(BOM) {
            line.advance(BOM.len());
        }
        self.is_after_return = self.unread[0] == b'\r';
        self.unread.advance(1);
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "id: evt_1\nevent: user.created\ndata: {\"a\":1}\n\n: hello\n\n: still here\n\nretry: 5\nid\n\
                        data:one\ndata: two\ndata\n\nid: evt_3\n\ndata: three\n\ndata: half";

    /// What it gives for a text that comes in pieces of this length.
    fn frames(text: &str, piece: usize, bytes_max: usize) -> Result<Vec<(String, String)>, TooLarge> {
        let mut parser = Parser::new(bytes_max);
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            parser.push(piece);
            while let Some(Frame { id, data }) = parser.next()? {
                found.push((id, String::from_utf8_lossy(&data).into_owned()));
            }
        }
        Ok(found)
    }

    #[test]
    fn messages_are_the_same_however_they_are_cut_and_whatever_ends_their_lines() {
        let expected = [("evt_1", "{\"a\":1}"), ("", "one\ntwo\n"), ("evt_3", "three")];
        let expected = expected.map(|(id, data)| (id.to_owned(), data.to_owned())).to_vec();
        for (end, start) in [("\n", ""), ("\r", ""), ("\r\n", ""), ("\n", "\u{feff}")] {
            let text = format!("{start}{}", TEXT.replace('\n', end));
            for piece in 1..=text.len() {
                assert_eq!(frames(&text, piece, 1_000).as_ref(), Ok(&expected), "{end:?}, pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_is_larger_than_the_limit_is_refused_before_it_is_complete() {
        for piece in [1, 7, 1_000] {
            assert_eq!(frames(&format!("data: {}", "a".repeat(100)), piece, 50), Err(TooLarge));
            assert_eq!(frames(&"data: aaaaaaaaa\n".repeat(6), piece, 50), Err(TooLarge));
            assert_eq!(frames(&"data: aaaaaaaaa\n".repeat(4), piece, 50), Ok(vec![]));
            // Every message for itself.
            assert_eq!(frames(&"data: aaaaaaaaa\n\n".repeat(50), piece, 50).map(|found| found.len()), Ok(50));
        }
    }
}
