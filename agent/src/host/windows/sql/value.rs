//! Values as text, written as sqlcmd writes them, but never cut or padded.
//!
//! Neighbours: `muster_agent_core::tsql` writes dates and times. A type that nobody could read is refused by name.

use mssql_tds::datatypes::column_values::{ColumnValues, SqlTime};
use muster_agent_core::tsql;

/// From 0001-01-01 to 1900-01-01.
const DAYS_TO_1900: i64 = 693_595;
const NANOSECONDS_IN_A_MINUTE: u64 = 60_000_000_000;

/// A value's text, none for NULL, or what it is that cannot be read.
pub(super) fn text(value: &ColumnValues) -> Result<Option<String>, String> {
    let cannot =
        |what: &str| Err(format!("its answer has the type {what}; convert it to a text in the query"));
    Ok(Some(match value {
        ColumnValues::Null => return Ok(None),
        ColumnValues::TinyInt(number) => number.to_string(),
        ColumnValues::SmallInt(number) => number.to_string(),
        ColumnValues::Int(number) => number.to_string(),
        ColumnValues::BigInt(number) => number.to_string(),
        ColumnValues::Real(number) => number.to_string(),
        ColumnValues::Float(number) => number.to_string(),
        ColumnValues::Decimal(number) | ColumnValues::Numeric(number) => number.to_string(),
        ColumnValues::Bit(bit) => u8::from(*bit).to_string(),
        ColumnValues::String(text) => text.to_utf8_string(),
        ColumnValues::SmallMoney(money) => tsql::money(money.int_val.into()),
        ColumnValues::Money(money) => {
            // The lower half has no sign.
            let lower = i64::from(money.lsb_part) & 0xFFFF_FFFF;
            tsql::money((i64::from(money.msb_part) << 32) | lower)
        }
        ColumnValues::Date(date) => tsql::date(date.get_days().into()),
        ColumnValues::Time(time) => clock(time),
        ColumnValues::DateTime2(at) => format!("{} {}", tsql::date(at.days.into()), clock(&at.time)),
        ColumnValues::DateTime(at) => {
            // In 300ths of a second, shown in milliseconds as SQL Server rounds them.
            let milliseconds = (u64::from(at.time) * 10 + 1) / 3;
            let time = tsql::time(milliseconds * 1_000_000, 3);
            format!("{} {time}", tsql::date(i64::from(at.days) + DAYS_TO_1900))
        }
        ColumnValues::SmallDateTime(at) => {
            let time = tsql::time(u64::from(at.time) * NANOSECONDS_IN_A_MINUTE, 0);
            format!("{} {time}", tsql::date(i64::from(at.days) + DAYS_TO_1900))
        }
        ColumnValues::Uuid(id) => id.to_string().to_uppercase(),
        ColumnValues::Bytes(bytes) => {
            bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02X}"))
        }
        ColumnValues::DateTimeOffset(_) => return cannot("datetimeoffset"),
        ColumnValues::Xml(_) => return cannot("xml"),
        ColumnValues::Json(_) => return cannot("json"),
        ColumnValues::Vector(_) => return cannot("vector"),
    }))
}

fn clock(time: &SqlTime) -> String {
    tsql::time(time.time_nanoseconds, time.scale)
}

#[cfg(test)]
mod tests {
    use mssql_tds::datatypes::column_values::{SqlDateTime, SqlMoney};

    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        let read = |value| text(&value).unwrap().unwrap();
        assert_eq!(read(ColumnValues::Bit(true)), "1");
        assert_eq!(read(ColumnValues::BigInt(-7)), "-7");
        assert_eq!(read(ColumnValues::Bytes(vec![0, 255])), "0x00FF");
        assert_eq!(read(ColumnValues::Money(SqlMoney { lsb_part: -10_000, msb_part: -1 })), "-1.0000");
        let at = SqlDateTime { days: 45_356, time: 300 * 61 + 1 };
        assert_eq!(read(ColumnValues::DateTime(at)), "2024-03-07 00:01:01.003");
        assert_eq!(text(&ColumnValues::Null), Ok(None));
    }
}
