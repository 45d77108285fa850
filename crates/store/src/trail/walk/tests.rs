use super::*;
use crate::trail::TrailKey;
use verger_core::event::USER_ERASED;

const ERASED: &str = "user_gone";

fn keys() -> TrailKeys {
    TrailKeys::new([("new", 2), ("old", 1)].map(|(id, byte)| TrailKey::new(id.to_owned(), [byte; 32])))
}

/// A trail as it was written: old rows, then changes under two keys, of which some were erased.
#[derive(Clone)]
struct Trail {
    ends: Ends,
    rows: Vec<TrailRow>,
}

fn ours() -> InstanceId {
    InstanceId::from("ins_ours")
}

fn entry(number: i64, previous: &str) -> AuditEntry {
    let mut entry = AuditEntry {
        sequence_number: number,
        event_id: format!("evt_{number}").as_str().into(),
        kind: "user.updated".to_owned(),
        user_id: "user_1".into(),
        created_at: UnixMillis(number),
        entry: "{}".to_owned(),
        previous_hash: previous.to_owned(),
        hash: String::new(),
    };
    entry.hash = entry.hash_in(&ours());
    entry
}

/// Binds a change to what is before it, under a key.
fn bind(change: &mut ChangeRow, key: &TrailKey, previous: &str) -> String {
    change.key_id = key.id().to_owned();
    let hash = key.link(Hash::from_hex(previous), change.number, change.content(&ours()).digest());
    change.hash = hash.to_base64();
    hash.to_hex()
}

fn change(number: i64, event_count: i64, user: &str) -> ChangeRow {
    let (salt, personal) = (format!("salt{number}"), format!("{{\"n\":{number}}}"));
    ChangeRow {
        number,
        event_count,
        kind: "user".to_owned(),
        events: vec!["user.updated:a"; usize::try_from(event_count).unwrap()].join(" "),
        user_id: user.into(),
        user_version: number,
        created_at: UnixMillis(number),
        who: "{\"v\":1}".to_owned(),
        personal_digest: personal_digest(&salt, &personal),
        personal: Some(personal),
        salt: Some(salt),
        key_id: String::new(),
        hash: String::new(),
    }
}

/// What a row says that somebody with this key wrote who erased its user.
fn proof_of(row: &ChangeRow, key: &TrailKey) -> String {
    let ours = ours();
    let erasure = Erasure { instance: &ours, user: &row.user_id, at: row.created_at };
    erasure.signed(&row.who, key).unwrap()
}

/// Three old rows, then changes with the numbers 4 to 12.
fn trail() -> Trail {
    let keys = keys();
    let (mut rows, mut hash) = (Vec::new(), String::new());
    for number in 1..=3 {
        let entry = entry(number, &hash);
        hash.clone_from(&entry.hash);
        rows.push(TrailRow::Old(entry));
    }
    let plan =
        [(5, 2, "user_1", "old"), (6, 1, ERASED, "old"), (9, 3, "user_1", "new"), (10, 1, ERASED, "new")];
    for (number, count, user, key) in plan {
        let mut change = change(number, count, user);
        hash = bind(&mut change, keys.by_id(key).unwrap(), &hash);
        if user == ERASED {
            (change.personal, change.salt) = (None, None);
        }
        rows.push(TrailRow::Change(Box::new(change)));
    }
    for (number, events, user) in [(11, USER_ERASED, ERASED), (12, "user.updated", "user_2")] {
        let mut change = ChangeRow { events: events.to_owned(), ..change(number, 1, user) };
        if events == USER_ERASED {
            change.who = proof_of(&change, keys.newest().unwrap());
        }
        hash = bind(&mut change, keys.newest().unwrap(), &hash);
        rows.push(TrailRow::Change(Box::new(change)));
    }
    let mut ends = Ends {
        first_number: 1,
        first_previous_hash: String::new(),
        first_seal: None,
        last_number: 12,
        last_hash: hash,
        last_seal: None,
    };
    ends.last_seal = Some(seal(End::Last, 12, &ends.last_hash));
    Trail { ends, rows }
}

fn seal(end: End, number: i64, hash: &str) -> String {
    let place = Place { number, hash: Hash::from_hex(hash) };
    end.seal(keys().newest().unwrap(), &ours(), place).to_string()
}

impl Trail {
    fn verdict(&self) -> Result<Proven, Broken> {
        self.verdict_with(&keys())
    }

    fn verdict_with(&self, keys: &TrailKeys) -> Result<Proven, Broken> {
        let ours = ours();
        let mut walk = Walk::begin(&ours, keys, &self.ends)?;
        for row in &self.rows {
            walk.step(row)?;
        }
        walk.end()
    }

    fn change(&mut self, at: usize) -> &mut ChangeRow {
        match &mut self.rows[at] {
            TrailRow::Change(change) => change,
            TrailRow::Old(entry) => panic!("{entry:?} is old"),
        }
    }

    fn hash_of(&self, at: usize) -> String {
        match &self.rows[at] {
            TrailRow::Old(entry) => entry.hash.clone(),
            TrailRow::Change(change) => Hash::from_base64(&change.hash).unwrap().to_hex(),
        }
    }

    fn broken_at(&self, number: i64, what: &str) {
        match self.verdict() {
            Err(broken) => assert_eq!(broken.number, number, "{what}: {broken:?}"),
            Ok(proven) => panic!("{what}: {proven:?}"),
        }
    }
}

#[test]
fn whole_trail_is_proven_with_what_each_key_made() {
    let proven = trail().verdict().unwrap();
    let part = |key: Option<&str>, first_number, last_number, rows| TrailPart {
        key_id: key.map(str::to_owned),
        first_number,
        last_number,
        rows,
    };
    assert_eq!(proven.parts, [part(None, 1, 3, 3), part(Some("old"), 4, 6, 3), part(Some("new"), 7, 12, 6)]);
    assert_eq!((proven.rows, proven.erased, proven.is_sealed), (12, 2, true));
    assert!(proven.unexplained.is_empty());
}

#[test]
fn every_column_of_a_change_is_covered() {
    let edits: &[fn(&mut ChangeRow)] = &[
        |row| row.kind.push('x'),
        |row| row.events.push('x'),
        |row| row.user_id = "user_9".into(),
        |row| row.user_version += 1,
        |row| row.created_at.0 += 1,
        |row| row.who.push('x'),
        |row| row.personal.as_mut().unwrap().push('x'),
        |row| row.personal = None,
        |row| row.salt.as_mut().unwrap().push('x'),
        |row| row.salt = None,
        |row| row.personal_digest.push('x'),
        |row| row.personal_digest.clear(),
        |row| row.key_id = "old".to_owned(),
        |row| row.key_id = "unknown".to_owned(),
        |row| row.hash.replace_range(..1, if row.hash.starts_with('A') { "B" } else { "A" }),
        |row| row.hash.clear(),
    ];
    for (at, edit) in edits.iter().enumerate() {
        let mut trail = trail();
        edit(trail.change(5));
        trail.broken_at(9, &format!("edit {at}"));
    }
    for (edit, number) in [
        ((|row| row.event_count -= 1) as fn(&mut ChangeRow), 7),
        (|row| row.event_count += 1, 9),
        (|row| row.event_count = 0, 9),
        (|row| row.event_count = i64::MIN, 9),
        (|row| row.number += 1, 7),
        (|row| row.number -= 1, 8),
    ] {
        let mut trail = trail();
        edit(trail.change(5));
        trail.broken_at(number, "numbers");
    }
}

#[test]
fn personal_part_that_nobody_erased_is_not_missed_in_silence() {
    // Without the row that says so.
    let mut unexplained = trail();
    (unexplained.change(5).personal, unexplained.change(5).salt) = (None, None);
    let proven = unexplained.verdict().unwrap();
    assert_eq!(proven.unexplained.into_iter().collect::<Vec<_>>(), [("user_1".into(), 9)]);
    // Behind it.
    let mut late = trail();
    let mut last = ChangeRow { personal: None, salt: None, ..change(13, 1, ERASED) };
    let hash = bind(&mut last, keys().newest().unwrap(), &late.ends.last_hash);
    late.rows.push(TrailRow::Change(Box::new(last)));
    (late.ends.last_number, late.ends.last_hash) = (13, hash);
    let proven = late.verdict().unwrap();
    assert_eq!(proven.unexplained.into_iter().collect::<Vec<_>>(), [(ERASED.into(), 13)]);
    // What was erased does not come back as something else.
    let mut back = trail();
    (back.change(4).personal, back.change(4).salt) = (Some("{}".to_owned()), Some("s".to_owned()));
    back.broken_at(6, "another personal part");
}

/// A server numbers and binds whatever waits for its number, so that its key under the row proves nothing.
#[test]
fn erasure_is_one_if_whoever_said_so_had_a_key() {
    let keys = keys();
    let (newest, old) = (keys.newest().unwrap(), keys.by_id("old").unwrap());
    let forger = TrailKey::new("new".to_owned(), [9; 32]);
    let genuine = trail().change(7).clone();
    let of_other = ChangeRow { user_id: "user_2".into(), ..genuine.clone() };
    let of_other_moment = ChangeRow { created_at: UnixMillis(1), ..genuine.clone() };
    let plain = ChangeRow { who: "{\"v\":1}".to_owned(), ..genuine.clone() };
    for (who, is_proven) in [
        (genuine.who.clone(), true),
        (proof_of(&plain, old), true),
        (plain.who.clone(), false),
        (proof_of(&plain, &forger), false),
        (proof_of(&of_other, newest), false),
        (proof_of(&of_other_moment, newest), false),
        (genuine.who.replace("new:", "old:"), false),
        (genuine.who.replace("new:", "new:A"), false),
        ("{\"p\":\"new:\"}".to_owned(), false),
        ("{\"p\":7}".to_owned(), false),
        ("[]".to_owned(), false),
        ("{".to_owned(), false),
    ] {
        let mut trail = trail();
        trail.change(7).who.clone_from(&who);
        let mut hash = trail.hash_of(6);
        for at in 7..trail.rows.len() {
            hash = bind(trail.change(at), newest, &hash);
        }
        trail.ends.last_seal = Some(seal(End::Last, 12, &hash));
        trail.ends.last_hash = hash;
        assert_eq!(trail.verdict().unwrap().unexplained.is_empty(), is_proven, "{who}");
    }
}

#[test]
fn row_that_was_removed_added_or_moved_is_found() {
    for at in 0..9 {
        let mut removed = trail();
        removed.rows.remove(at);
        assert!(removed.verdict().is_err(), "row {at} was removed");
        let mut twice = trail();
        twice.rows.insert(at, twice.rows[at].clone());
        assert!(twice.verdict().is_err(), "row {at} is there twice");
        for other in 0..at {
            let mut swapped = trail();
            swapped.rows.swap(at, other);
            assert!(swapped.verdict().is_err(), "rows {at} and {other} changed places");
            // What they say is swapped; the numbers stay.
            if let (TrailRow::Change(one), TrailRow::Change(two)) =
                (&mut swapped.rows[at].clone(), &mut swapped.rows[other].clone())
            {
                std::mem::swap(&mut one.number, &mut two.number);
                swapped.rows[at] = TrailRow::Change(one.clone());
                swapped.rows[other] = TrailRow::Change(two.clone());
                assert!(swapped.verdict().is_err(), "rows {at} and {other} say what the other said");
            }
        }
    }
}

#[test]
fn end_that_was_cut_off_is_found_though_its_record_was_moved() {
    let mut cut = trail();
    cut.rows.pop();
    (cut.ends.last_number, cut.ends.last_hash) = (11, cut.hash_of(7));
    cut.broken_at(11, "the seal is of the row behind");
    cut.ends.last_seal = None;
    cut.broken_at(11, "the seal was removed");
    cut.ends.last_seal = trail().ends.last_seal.map(|seal| seal.replacen(":12:", ":11:", 1));
    cut.broken_at(11, "the seal was moved");
    cut.ends.last_seal = Some("nonsense".to_owned());
    cut.broken_at(11, "no seal");
    // The first rows likewise.
    let mut cut = trail();
    cut.rows.drain(..2);
    (cut.ends.first_number, cut.ends.first_previous_hash) = (3, trail().hash_of(1));
    cut.broken_at(3, "no seal of the beginning");
    cut.ends.first_seal = cut.ends.last_seal.clone();
    cut.broken_at(3, "the seal of the other end");
    // With the key it is what retention does.
    cut.ends.first_seal = Some(seal(End::First, 3, &cut.ends.first_previous_hash));
    assert_eq!(cut.verdict().unwrap().rows, 10);
    cut.rows.remove(0);
    (cut.ends.first_number, cut.ends.first_previous_hash) = (4, trail().hash_of(2));
    cut.broken_at(4, "more than what was sealed");
}

#[test]
fn rows_behind_a_seal_are_proven_by_their_own_key() {
    let mut behind = trail();
    behind.ends.last_seal = Some(seal(End::Last, 9, &behind.hash_of(5)));
    assert!(behind.verdict().is_ok());
    behind.ends.last_seal = Some(seal(End::Last, 9, &behind.hash_of(4)));
    behind.broken_at(9, "another row was there");
    behind.ends.last_seal = Some(seal(End::Last, 8, &behind.hash_of(5)));
    behind.broken_at(9, "no row ended there");
    // An old row needs no key, so anybody can add one.
    let mut added = trail();
    let forged = entry(13, &added.ends.last_hash);
    (added.ends.last_number, added.ends.last_hash) = (13, forged.hash.clone());
    added.rows.push(TrailRow::Old(forged));
    added.broken_at(13, "a row without a key");
}

/// With every right to the database, and all the hashes computed anew: everything but the keys.
#[test]
fn trail_that_was_rewritten_without_the_key_is_found() {
    let wrong = TrailKey::new("new".to_owned(), [9; 32]);
    // All of it, from the first change on.
    let mut rewritten = trail();
    rewritten.change(3).who = "{\"v\":1,\"c\":\"somebody else\"}".to_owned();
    let mut hash = rewritten.hash_of(2);
    for at in 3..rewritten.rows.len() {
        hash = bind(rewritten.change(at), &wrong, &hash);
    }
    rewritten.ends.last_hash.clone_from(&hash);
    rewritten.broken_at(5, "another key under the name of ours");
    for seal in [
        None,
        Some(End::Last.seal(&wrong, &ours(), Place { number: 12, hash: Hash::from_hex(&hash) }).to_string()),
    ] {
        rewritten.ends.last_seal = seal;
        assert!(rewritten.verdict().is_err(), "whatever the seal says");
    }
    // Under a key of their own, with a name of its own.
    let own = TrailKey::new("own".to_owned(), [9; 32]);
    let mut hash = rewritten.hash_of(2);
    for at in 3..rewritten.rows.len() {
        hash = bind(rewritten.change(at), &own, &hash);
    }
    rewritten.ends.last_hash.clone_from(&hash);
    rewritten.ends.last_seal = None;
    rewritten.broken_at(5, "a key that is not ours");
    // All of it as old rows, which need no key.
    let (mut rows, mut hash) = (Vec::new(), String::new());
    for number in 1..=12 {
        let forged = entry(number, &hash);
        hash.clone_from(&forged.hash);
        rows.push(TrailRow::Old(forged));
    }
    let mut moved = Trail { ends: Ends { last_hash: hash, ..trail().ends }, rows };
    moved.broken_at(12, "the seal is of another row");
    // Nothing that a key made is left, and that is what it says.
    moved.ends.last_seal = None;
    let proven = moved.verdict().unwrap();
    assert!(!proven.is_sealed && proven.parts.iter().all(|part| part.key_id.is_none()));
}

#[test]
fn rows_of_a_key_that_is_not_known_prove_nothing() {
    let newest = TrailKeys::new([TrailKey::new("new".to_owned(), [2; 32])]);
    let broken = trail().verdict_with(&newest).unwrap_err();
    assert_eq!(
        (broken.number, broken.why),
        (5, "the row was made with a key that is not in code_keys (give all the code_keys of the server)")
    );
    let broken = trail().verdict_with(&TrailKeys::default()).unwrap_err();
    assert_eq!(
        broken.why,
        "it is sealed with a key that is not in code_keys (give all the code_keys of the server)"
    );
}
