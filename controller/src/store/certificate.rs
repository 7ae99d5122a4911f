//! Every certificate that was ever issued, and whether it was revoked.
//!
//! Neighbours: `authority` issues and stores, the acceptor's registry reads the revoked serials at start. Private keys are
//! never here.

use jiff::Timestamp;
use muster_model::identity::Identity;
use muster_model::name::Recipient;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{moment, moment_if, parse};
use super::{Error, Snapshot, Tx};

/// One issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its serial number, 32 hexadecimal digits.
    pub serial: String,
    /// Whom it names.
    pub identity: Identity,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The certificate, PEM.
    pub pem: String,
    /// An agent's: the age key that it names, to which secrets are sealed.
    pub recipient: Option<Recipient>,
}

fn read(row: &SqliteRow) -> Result<Certificate, Error> {
    let recipient: Option<String> = row.try_get("recipient")?;
    Ok(Certificate {
        serial: row.try_get("serial")?,
        identity: parse("identity", row.try_get("identity")?)?,
        issued_at: moment(row.try_get("issued_ms")?)?,
        expires_at: moment(row.try_get("expires_ms")?)?,
        revoked_at: moment_if(row.try_get("revoked_ms")?)?,
        pem: row.try_get("pem")?,
        recipient: recipient.map(|recipient| parse("recipient", &recipient)).transpose()?,
    })
}

impl Snapshot {
    /// The certificate of that serial number.
    pub async fn certificate(&mut self, serial: &str) -> Result<Option<Certificate>, Error> {
        sqlx::query("SELECT * FROM certificates WHERE serial = $1")
            .bind(serial)
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// The certificates of an identity, oldest first.
    pub async fn certificates_of(&mut self, identity: &Identity) -> Result<Vec<Certificate>, Error> {
        sqlx::query("SELECT * FROM certificates WHERE identity = $1 ORDER BY issued_ms, serial")
            .bind(identity.to_string())
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The newest certificate of each operator, by name.
    pub async fn operator_certificates(&mut self) -> Result<Vec<Certificate>, Error> {
        sqlx::query(
            "SELECT * FROM certificates AS newest WHERE identity LIKE 'muster://operator/%'
                 AND NOT EXISTS (SELECT 1 FROM certificates AS later WHERE later.identity = newest.identity
                     AND (later.issued_ms, later.serial) > (newest.issued_ms, newest.serial))
             ORDER BY identity",
        )
        .fetch_all(self.connection().await?)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// The serial numbers of every revoked certificate.
    pub async fn revoked_serials(&mut self) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar("SELECT serial FROM certificates WHERE revoked_ms IS NOT NULL")
            .fetch_all(self.connection().await?)
            .await?)
    }
}

impl Tx {
    /// Stores a certificate that is about to be handed out.
    pub async fn add_certificate(&mut self, certificate: &Certificate) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO certificates (serial, identity, issued_ms, expires_ms, pem, recipient)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&certificate.serial)
        .bind(certificate.identity.to_string())
        .bind(certificate.issued_at.as_millisecond())
        .bind(certificate.expires_at.as_millisecond())
        .bind(&certificate.pem)
        .bind(certificate.recipient.as_ref().map(Recipient::as_str))
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }

    /// Revokes what is valid of an identity's certificates and says which serials those were.
    pub async fn revoke_certificates_of(&mut self, identity: &Identity) -> Result<Vec<String>, Error> {
        let at = self.at().as_millisecond();
        Ok(sqlx::query_scalar(
            "UPDATE certificates SET revoked_ms = $1 WHERE identity = $2 AND revoked_ms IS NULL RETURNING serial",
        )
        .bind(at)
        .bind(identity.to_string())
        .fetch_all(self.connection().await?)
        .await?)
    }

    /// Revokes these certificates; those that were revoked before stay as they are.
    pub async fn revoke_certificates(&mut self, serials: &[String]) -> Result<(), Error> {
        let at = self.at().as_millisecond();
        for serial in serials {
            sqlx::query("UPDATE certificates SET revoked_ms = $1 WHERE serial = $2 AND revoked_ms IS NULL")
                .bind(at)
                .bind(serial)
                .execute(self.connection().await?)
                .await?;
        }
        Ok(())
    }
}
