//! What Muster cannot do on a Windows server yet: every question is answered with just that.
//!
//! A half of any of it would be worse than none. `WindowsHost::kinds` leaves out the kinds that stand on these ports, so that
//! a plan with one has a finding and no approval; what is here is the second line. Neighbours: none.

use muster_model::name::SqlAddress;

use super::WindowsHost;
use crate::host::{DatabaseChange, DatabaseFacts, Error, NewDatabase, SqlServer, SqlSession};

pub(super) fn missing<T>(what: &'static str) -> Result<T, Error> {
    Err(Error::CannotTell { what, message: "Muster cannot do this on Windows yet; do it by hand".to_owned() })
}

impl SqlServer for WindowsHost {
    fn database(&self, _server: &SqlAddress, _name: &str) -> Result<Option<DatabaseFacts>, Error> {
        missing("SQL Server")
    }

    fn create_database(&self, _server: &SqlAddress, _name: &str, _new: &NewDatabase) -> Result<(), Error> {
        missing("SQL Server")
    }

    fn alter_database(
        &self,
        _server: &SqlAddress,
        _name: &str,
        _change: &DatabaseChange,
    ) -> Result<(), Error> {
        missing("SQL Server")
    }

    fn connect(
        &self,
        _server: &SqlAddress,
        _database: &str,
        _quoted_identifier: bool,
    ) -> Result<Box<dyn SqlSession + '_>, Error> {
        missing("SQL Server")
    }
}
