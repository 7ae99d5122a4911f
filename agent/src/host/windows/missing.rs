//! What Muster cannot do on a Windows server yet: every question is answered with just that.
//!
//! A half of any of it would be worse than none. `WindowsHost::kinds` leaves out the kinds that stand on these ports, so that
//! a plan with one has a finding and no approval; what is here is the second line. Neighbours: none.

use muster_model::name::SqlAddress;

use super::WindowsHost;
use crate::host::{
    CertificateFacts, Certificates, DatabaseChange, DatabaseFacts, Error, FeatureState, Features, HttpSys,
    KeyAccess, Machine, NewDatabase, SqlServer, SqlSession, SslRecord,
};

fn missing<T>(what: &'static str) -> Result<T, Error> {
    Err(Error::CannotTell { what, message: "Muster cannot do this on Windows yet; do it by hand".to_owned() })
}

impl HttpSys for WindowsHost {
    fn record(&self, _endpoint: &str) -> Result<Option<SslRecord>, Error> {
        missing("HTTP.SYS")
    }

    fn set_record(&self, _endpoint: &str, _thumbprint: &str) -> Result<(), Error> {
        missing("HTTP.SYS")
    }

    fn remove_record(&self, _endpoint: &str) -> Result<(), Error> {
        missing("HTTP.SYS")
    }
}

impl Certificates for WindowsHost {
    fn all(&self) -> Result<Vec<CertificateFacts>, Error> {
        missing("the certificate store")
    }

    fn import(&self, _pfx: &str) -> Result<(), Error> {
        missing("the certificate store")
    }

    fn key_rights(&self, _thumbprint: &str) -> Result<Vec<(String, KeyAccess)>, Error> {
        missing("the certificate store")
    }

    fn grant_key(&self, _thumbprint: &str, _account: &str, _access: KeyAccess) -> Result<(), Error> {
        missing("the certificate store")
    }

    fn revoke_key(&self, _thumbprint: &str, _account: &str) -> Result<(), Error> {
        missing("the certificate store")
    }
}

impl Features for WindowsHost {
    fn get(&self, _name: &str) -> Result<Option<FeatureState>, Error> {
        missing("the list of Windows features")
    }

    fn set(&self, _name: &str, _installed: bool) -> Result<(), Error> {
        missing("the list of Windows features")
    }
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

impl Machine for WindowsHost {
    fn boot(&self) -> Result<String, Error> {
        missing("the start of the computer")
    }

    fn reboot(&self, _why: &str) -> Result<(), Error> {
        missing("the start of the computer")
    }
}
