//! What is looked at in a package before the `msi` crate reads it.
//!
//! That crate asks for as much memory as a text's length says, be it 4 GB in a file of 20 KB: a damaged file would end the
//! process, not the command. So every length that it trusts is compared here with what is there: the allocation tables
//! (MS-CFB 2.2), the summary information (MS-OLEPS 2.21), the strings, and the tables that it reads on opening.
//! Neighbours: `package` calls it; it reads by `cfb`, as `msi` does. Says nothing of what a package means.

use std::io::{Read as _, Seek as _, SeekFrom};

use muster_model::limits;

use super::window::Window;
use super::{Damage, Error};

/// The name of the summary information's stream (MS-OLEPS 2.25.1).
const SUMMARY: &str = "\u{5}SummaryInformation";
/// What the name of a table's stream begins with.
const TABLE: char = '\u{4840}';
/// The tables that are read on opening, with their columns: `s` a string, `i` two bytes, `l` four.
const SYSTEM_TABLES: [(&str, &str); 3] =
    [("_Tables", "s"), ("_Columns", "sisi"), ("_Validation", "sssllsisss")];
/// An installer's class: {000C1084-0000-0000-C000-000000000046}. Patches have 86, transforms 82.
const CLASS: [u8; 16] = [0, 0x0c, 0x10, 0x84, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

type Compound = cfb::CompoundFile<Window>;

/// Checks the whole and gives it back for reading.
///
/// # Errors
/// Where it is no package, or a length in it cannot be true.
pub(super) fn check(mut window: Window) -> Result<Window, Error> {
    check_allocation(&mut window)?;
    let mut compound =
        cfb::CompoundFile::open(window).map_err(|error| Damage::Compound(error.to_string()))?;
    check_class(*compound.root_entry().clsid().as_bytes())?;
    let summary = read(&mut compound, SUMMARY, limits::INSPECT_SUMMARY_SIZE_BYTES)?;
    check_summary(&summary.ok_or(Error::NoPackage)?)?;
    check_streams(&compound)?;
    let strings = check_strings(&mut compound)?;
    check_names(&mut compound, &strings)?;
    Ok(compound.into_inner())
}

/// The list of allocation sectors is no longer than a file of this size needs: `cfb` reads it whole before it compares.
fn check_allocation(window: &mut Window) -> Result<(), Error> {
    let mut header = [0; 512];
    window.seek(SeekFrom::Start(0))?;
    window.read_exact(&mut header).map_err(|_| Damage::Short)?;
    let sector_bytes: u64 = match u16_at(&header, 0x1e) {
        Some(9) => 512,
        Some(12) => 4_096,
        _ => {
            return Err(
                Damage::Compound("the header names no size of sectors that there is".to_owned()).into()
            );
        }
    };
    let sectors = window.len_bytes()? / sector_bytes + 1;
    let entries = sector_bytes / 4;
    let needed = sectors / (entries * (entries - 1)) + 2;
    let mut next = u32_at(&header, 0x44).unwrap_or_default();
    let mut seen = 0;
    while u64::from(next) < sectors {
        seen += 1;
        if seen > needed {
            return Err(Damage::Compound("its list of allocation sectors does not end".to_owned()).into());
        }
        let last_entry = (u64::from(next) + 2) * sector_bytes - 4;
        window.seek(SeekFrom::Start(last_entry))?;
        let mut bytes = [0; 4];
        window.read_exact(&mut bytes).map_err(|_| Damage::Short)?;
        next = u32::from_le_bytes(bytes);
    }
    Ok(())
}

fn check_class(class: [u8; 16]) -> Result<(), Error> {
    let mut as_installer = class;
    as_installer[3] = CLASS[3];
    match (class[3], as_installer == CLASS) {
        (0x84, true) => Ok(()),
        (0x86, true) => Err(Error::Patch),
        (0x82, true) => Err(Error::Transform),
        _ => Err(Error::NoPackage),
    }
}

/// A stream whole; none where there is no such stream.
fn read(compound: &mut Compound, name: &str, most_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    if !compound.is_stream(name) {
        return Ok(None);
    }
    let wrong = |error: std::io::Error| Damage::Compound(error.to_string());
    let stream = compound.open_stream(name).map_err(wrong)?;
    let len_bytes = stream.len();
    if len_bytes > most_bytes {
        return Err(Damage::Large { part: decoded(name), len_bytes, most_bytes }.into());
    }
    let mut bytes = Vec::new();
    stream.take(most_bytes).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 != len_bytes {
        return Err(Damage::Promised { part: decoded(name), says: len_bytes, has: bytes.len() as u64 }.into());
    }
    Ok(Some(bytes))
}

/// Every property lies inside the stream, and so does the text that it says it is.
fn check_summary(bytes: &[u8]) -> Result<(), Damage> {
    const TEXT: u32 = 30;
    let promised = |says: u64| Damage::Promised {
        part: "the summary information".to_owned(),
        says,
        has: bytes.len() as u64,
    };
    let at = |offset: u64| -> Result<u32, Damage> {
        let place = usize::try_from(offset).map_err(|_| promised(offset))?;
        u32_at(bytes, place).ok_or_else(|| promised(offset.saturating_add(4)))
    };
    let section = u64::from(at(44)?);
    let count = u64::from(at(section + 4)?);
    if section + 8 + count * 8 > bytes.len() as u64 {
        return Err(promised(section + 8 + count * 8));
    }
    for number in 0..count {
        let value = section + u64::from(at(section + 8 + number * 8 + 4)?);
        if at(value)? == TEXT {
            let end = value + 8 + u64::from(at(value + 4)?);
            if end > bytes.len() as u64 {
                return Err(promised(end));
            }
        }
    }
    Ok(())
}

/// No table claims to be larger than one can be.
fn check_streams(compound: &Compound) -> Result<(), Damage> {
    let data = encoded("_StringData");
    for entry in compound.read_root_storage().filter(|entry| entry.name().starts_with(TABLE)) {
        let most_bytes = if entry.name() == data {
            limits::INSPECT_STRINGS_SIZE_BYTES
        } else {
            limits::INSPECT_TABLE_SIZE_BYTES
        };
        if entry.len() > most_bytes {
            return Err(Damage::Large { part: decoded(entry.name()), len_bytes: entry.len(), most_bytes });
        }
    }
    Ok(())
}

/// The lengths of the strings, in the order in which tables refer to them, and how wide a reference is.
struct Strings {
    lengths: Vec<u32>,
    reference_bytes: usize,
}

/// Every string lies inside the data, and none is longer than one can be.
fn check_strings(compound: &mut Compound) -> Result<Strings, Error> {
    let pool = read(compound, &encoded("_StringPool"), limits::INSPECT_TABLE_SIZE_BYTES)?;
    let pool = pool.ok_or(Error::NoPackage)?;
    let data = read(compound, &encoded("_StringData"), limits::INSPECT_STRINGS_SIZE_BYTES)?;
    let has = data.ok_or(Error::NoPackage)?.len() as u64;
    let head = u32_at(&pool, 0).ok_or(Damage::Short)?;
    let reference_bytes = if head & 0x8000_0000 == 0 { 2 } else { 3 };
    let (mut lengths, mut place, mut says) = (Vec::new(), 4, 0);
    while let Some(short) = u16_at(&pool, place) {
        let used = u16_at(&pool, place + 2).ok_or(Damage::Short)?;
        place += 4;
        // A string that is longer than 64 KiB has its length behind a zero.
        let len_bytes = if short == 0 && used > 0 {
            place += 4;
            u32_at(&pool, place - 4).ok_or(Damage::Short)?
        } else {
            u32::from(short)
        };
        if u64::from(len_bytes) > limits::INSPECT_STRING_SIZE_BYTES {
            let most_bytes = limits::INSPECT_STRING_SIZE_BYTES;
            let part = format!("string {}", lengths.len() + 1);
            return Err(Damage::Large { part, len_bytes: len_bytes.into(), most_bytes }.into());
        }
        says += u64::from(len_bytes);
        lengths.push(len_bytes);
    }
    if says > has {
        return Err(Damage::Promised { part: "the list of strings".to_owned(), says, has }.into());
    }
    Ok(Strings { lengths, reference_bytes })
}

/// The tables that are read on opening keep a copy of each string that they refer to: all of them together stay small.
fn check_names(compound: &mut Compound, strings: &Strings) -> Result<(), Error> {
    for (name, columns) in SYSTEM_TABLES {
        let Some(table) = read(compound, &encoded(name), limits::INSPECT_TABLE_SIZE_BYTES)? else { continue };
        let width = |column: u8| match column {
            b's' => strings.reference_bytes,
            b'l' => 4,
            _ => 2,
        };
        let rows = table.len() / columns.bytes().map(width).sum::<usize>();
        let (mut place, mut len_bytes) = (0, 0);
        for column in columns.bytes() {
            // Tables lie column by column.
            let cells = &table[place..place + rows * width(column)];
            place += cells.len();
            for cell in cells.chunks_exact(width(column)).filter(|_| column == b's') {
                let number = cell.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
                let length = number.checked_sub(1).and_then(|index| strings.lengths.get(index));
                len_bytes += length.map_or(0, |length| u64::from(*length));
            }
        }
        let most_bytes = limits::INSPECT_STRINGS_SIZE_BYTES;
        if len_bytes > most_bytes {
            return Err(Damage::Large { part: format!("the text in {name}"), len_bytes, most_bytes }.into());
        }
    }
    Ok(())
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    bytes.get(place..place.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    bytes.get(place..place.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// The 64 characters that a table's name may have, in the order of their numbers.
const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";

/// The name of a table's stream: two characters in one, so that 31 are enough.
fn encoded(table: &str) -> String {
    let number =
        |byte: &u8| LETTERS.iter().position(|letter| letter == byte).and_then(|at| u32::try_from(at).ok());
    let pairs = table.as_bytes().chunks(2).filter_map(|pair| match pair {
        [first, second] => char::from_u32(0x3800 + (number(second)? << 6) + number(first)?),
        [one] => char::from_u32(0x4800 + number(one)?),
        _ => None,
    });
    std::iter::once(TABLE).chain(pairs).collect()
}

/// A stream's name as people know it.
fn decoded(stream: &str) -> String {
    let letter = |number: u32| LETTERS.get((number & 63) as usize).map_or('?', |byte| char::from(*byte));
    let mut name = String::new();
    for c in stream.chars().filter(|c| *c != TABLE && !c.is_control()) {
        match u32::from(c) {
            number @ 0x3800..0x4800 => name.extend([letter(number - 0x3800), letter((number - 0x3800) >> 6)]),
            number @ 0x4800..0x4840 => name.push(letter(number - 0x4800)),
            _ => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_found_under_its_stream() {
        assert_eq!(encoded("_Columns"), "\u{4840}\u{3b3f}\u{43f2}\u{4438}\u{45b1}");
        for name in ["_Tables", "_StringPool", "Property", "A.b_9"] {
            assert_eq!(decoded(&encoded(name)), name);
        }
    }

    /// One property of text: header, section at 48, its number and offset, type, length, text.
    fn summary(count: u32, offset: u32, length: u32) -> Vec<u8> {
        let mut bytes = vec![0; 44];
        for number in [48, 64, count, 2, offset, 30, length] {
            bytes.extend(u32::to_le_bytes(number));
        }
        bytes.extend(b"text\0\0\0\0");
        bytes
    }

    #[test]
    fn a_text_that_says_more_than_there_is_is_damage() {
        assert_eq!(check_summary(&summary(1, 16, 5)), Ok(()));
        for (count, offset, length) in [(1, 16, 9), (1, 16, u32::MAX), (u32::MAX, 16, 5), (1, u32::MAX, 5)] {
            let said = check_summary(&summary(count, offset, length));
            assert!(matches!(said, Err(Damage::Promised { .. })), "{count} {offset} {length}: {said:?}");
        }
        assert!(check_summary(&[]).is_err());
    }
}
