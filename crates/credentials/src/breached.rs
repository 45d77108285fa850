//! An operator's own list of passwords that are refused: full SHA-1 digests, sorted, in a file of any size.
//!
//! A line has 40 hexadecimal digits, then nothing or a colon and what the list says beside (as lists of breached passwords
//! have a count). Looking a password up reads a few hundred bytes; nothing is asked of anybody.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest as hash};
use data_encoding::HEXUPPER_PERMISSIVE;
use std::cmp::Ordering;
use std::io;

/// The digits of a SHA-1 digest.
const DIGITS: usize = 40;
/// The most bytes of a line, its end included.
const LINE_BYTES_MAX: usize = 128;
/// A range of this many bytes is read as a whole, so that a step always finds a line that begins in its second half.
const RANGE_BYTES: u64 = 2 * LINE_BYTES_MAX as u64;

/// What a list is read from.
pub trait ReadAt {
    /// The number of bytes.
    ///
    /// # Errors
    /// It cannot be read.
    fn size_bytes(&self) -> io::Result<u64>;

    /// Fills the buffer with the bytes from `offset` on.
    ///
    /// # Errors
    /// It cannot be read, or ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Whether the list has the SHA-1 digest of this password.
///
/// # Errors
/// The list cannot be read, or has a line of another form.
pub fn contains(list: &impl ReadAt, password: &str) -> io::Result<bool> {
    let digest = hash(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let (mut low, mut high) = (0, list.size_bytes()?);
    while high - low > RANGE_BYTES {
        let middle = low + (high - low) / 2;
        let mut around = [0; LINE_BYTES_MAX];
        list.read_at(middle, &mut around)?;
        let end = around.iter().position(|byte| *byte == b'\n').ok_or_else(|| malformed("is too long"))?;
        let start = middle + end as u64 + 1;
        let mut line = [0; DIGITS];
        list.read_at(start, &mut line)?;
        match decode(&line)?.as_slice().cmp(digest.as_ref()) {
            Ordering::Equal => return Ok(true),
            Ordering::Less => low = start,
            Ordering::Greater => high = start,
        }
    }
    let mut range = vec![0; usize::try_from(high - low).map_err(|_| malformed("is too long"))?];
    list.read_at(low, &mut range)?;
    for line in range.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if decode(line.get(..DIGITS).ok_or_else(|| malformed("is too short"))?)? == digest.as_ref() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks at the first and the last lines and some between, so that a file of another kind is refused when the server starts.
///
/// # Errors
/// The list cannot be read, has a line of another form, or is not sorted.
pub fn check(list: &impl ReadAt) -> io::Result<()> {
    const SAMPLES: u64 = 64;
    let size = list.size_bytes()?;
    let mut last: Option<Vec<u8>> = None;
    for sample in 0..SAMPLES {
        let at = size / SAMPLES * sample;
        let mut around = vec![0; usize::try_from((size - at).min(RANGE_BYTES)).unwrap_or(0)];
        list.read_at(at, &mut around)?;
        let skipped = if at == 0 { 0 } else { 1 };
        let Some(line) = around.split(|byte| *byte == b'\n').nth(skipped).filter(|line| !line.is_empty())
        else {
            continue;
        };
        let Some(digits) = line.get(..DIGITS) else {
            // Cut off by the end of what was read, unless it is the only one.
            if sample == 0 { return Err(malformed("is too short")) } else { continue }
        };
        if line.get(DIGITS).is_some_and(|next| !matches!(next, b':' | b'\r')) {
            return Err(malformed("has more than 40 hexadecimal digits"));
        }
        let digest = decode(digits)?;
        if last.as_ref().is_some_and(|last| *last > digest) {
            return Err(malformed("is out of order: sort the file by digest"));
        }
        last = Some(digest);
    }
    Ok(())
}

fn decode(digits: &[u8]) -> io::Result<Vec<u8>> {
    HEXUPPER_PERMISSIVE.decode(digits).map_err(|_| malformed("does not begin with 40 hexadecimal digits"))
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a line of the list of passwords {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(Vec<u8>);

    impl ReadAt for Bytes {
        fn size_bytes(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            let from = usize::try_from(offset).unwrap();
            let part = self.0.get(from..from + buffer.len());
            buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }

    fn list_of(count: usize, end: impl Fn(usize) -> String) -> Bytes {
        let digests =
            (0..count).map(|at| hash(&SHA1_FOR_LEGACY_USE_ONLY, format!("password {at}").as_bytes()));
        let mut lines: Vec<_> = digests.map(|digest| HEXUPPER_PERMISSIVE.encode(digest.as_ref())).collect();
        lines.sort();
        Bytes(
            lines
                .iter()
                .enumerate()
                .flat_map(|(at, line)| format!("{line}{}", end(at)).into_bytes())
                .collect(),
        )
    }

    #[test]
    fn every_password_of_a_list_of_any_size_is_found_and_no_other() {
        for count in [0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 1_000] {
            for end in [|_: usize| "\n".to_owned(), |at| format!(":{}\r\n", 10_usize.pow(at as u32 % 19))] {
                let list = list_of(count, end);
                check(&list).unwrap();
                for at in 0..count {
                    assert!(contains(&list, &format!("password {at}")).unwrap(), "{at} of {count}");
                }
                for at in count..count + 50 {
                    assert!(!contains(&list, &format!("password {at}")).unwrap(), "{at} of {count}");
                }
            }
        }
    }

    #[test]
    fn list_without_an_end_of_line_at_its_end_is_read_whole() {
        let mut list = list_of(500, |_| "\n".to_owned());
        list.0.pop();
        assert!((0..500).all(|at| contains(&list, &format!("password {at}")).unwrap()));
    }

    #[test]
    fn file_of_another_kind_is_refused() {
        let mut backwards: Vec<_> =
            list_of(500, |_| "\n".to_owned()).0.chunks(41).map(<[u8]>::to_vec).collect();
        backwards.reverse();
        for (bytes, words) in [
            (backwards.concat(), "out of order"),
            (b"password\n12345678\n".to_vec(), "too short"),
            ("é".repeat(10_000).into_bytes(), "more than 40"),
            ([b"0".repeat(64), b"\n".to_vec()].concat().repeat(9), "more than 40"),
            ([b"x".repeat(40), b"\n".to_vec()].concat().repeat(9), "40 hexadecimal digits"),
        ] {
            let error = check(&Bytes(bytes)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        assert!(contains(&Bytes(vec![b'0'; 4_000]), "password").is_err());
    }
}
