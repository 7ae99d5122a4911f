//! Secrets: what a value must look like, whom it is sealed to, and what is taken in. Ciphertext only.
//!
//! Neighbours: documents say which secrets a site has (`intake::catalog`), the store keeps them, operators and agents call
//! through their doors. It holds no key, and so can judge of a ciphertext only how many it is sealed to: that the recovery keys
//! and every agent of the site are among those that are claimed, and that as many are in it, is what it demands.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::run::IllegalMove;
use muster_model::document::Documents;
use muster_model::event::EventBody;
use muster_model::limits::SEALED_SIZE_BYTES;
use muster_model::name::{InvalidName, ParameterName, PlanId, Recipient, SecretVersion, ServerId, Slug};
use muster_model::parameter::Parameter;
use muster_model::secret::{SealedSecret, SecretForm, SecretRef};
use muster_model::view::{SecretVersionView, SecretView, SecretsView, StepState};
use muster_proto::secret::recipients_in;
use thiserror::Error;

use crate::dispatch::{self, load};
use crate::intake::catalog::{self, Catalog};
use crate::store::{self, Snapshot, Store, Tx};

/// Why a secret was not taken in or handed out.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the secrets cannot be reached")]
    Store(#[from] store::Error),
    /// The site is not known.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The plan cannot be loaded, or is not where it should be.
    #[error(transparent)]
    Dispatch(#[from] dispatch::Error),
    /// The site's product has no such secret.
    #[error(
        "the product of {site} has no secret {secret}; `muster secret list {site}` shows those that it has"
    )]
    Unknown {
        /// The site.
        site: Slug,
        /// What was asked for.
        secret: ParameterName,
    },
    /// It may be set once, and the site is installed.
    #[error(
        "{secret} of {site} is fixed: it was installed with {version}, and another value needs a new installation"
    )]
    Fixed {
        /// The site.
        site: Slug,
        /// The secret.
        secret: ParameterName,
        /// The version that it has.
        version: SecretVersion,
    },
    /// Somebody else set it in between, or that version is not there.
    #[error("{} of {} is at {newest}; look, then set it again: `muster secret list {}`", .secret.secret, .secret.site, .secret.site)]
    Version {
        /// What was sent.
        secret: SecretRef,
        /// The newest version.
        newest: SecretVersion,
    },
    /// It is not sealed to all who must open it.
    #[error("{} is not sealed to {missing}; type the command again", .secret.secret)]
    NotSealedTo {
        /// What was sent.
        secret: SecretRef,
        /// Who is missing.
        missing: String,
    },
    /// It is no age file for as many as it says, or too large.
    #[error("what was sent for {} is not sealed as it says", .0.secret)]
    NotSealed(SecretRef),
    /// A stored key is not in its form.
    #[error("a recovery key of this controller cannot be sealed to")]
    Recovery(#[from] InvalidName),
    /// The step has no secrets for this server to show now.
    #[error("step {plan}/{step} has no secret to type on this server now; see `muster steps {plan}`")]
    NotHere {
        /// The plan.
        plan: PlanId,
        /// The step.
        step: u32,
    },
    /// A secret of the step is not stored.
    #[error("{} {} is not set; let the operator type: `muster secret set {} {}`", .0.secret, .0.version, .0.site, .0.secret)]
    NotSet(SecretRef),
}

/// Whom secrets of a site are sealed to now, each with whose key it is.
pub type Recipients = BTreeMap<Recipient, String>;

/// What a new value must be.
#[derive(Debug)]
pub struct Slot {
    /// The version that it gets.
    pub next: SecretVersion,
    /// What it must look like.
    pub form: SecretForm,
    /// Whom it is sealed to.
    pub recipients: Recipients,
    /// Why none is taken, where that is so.
    pub refusal: Option<Error>,
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    store: Store,
    catalog: Catalog,
    dispatch: dispatch::Handle,
}

impl Secrets {
    /// A room between these.
    pub fn new(store: Store, catalog: Catalog, dispatch: dispatch::Handle) -> Self {
        Self { store, catalog, dispatch }
    }

    /// What the next value of a secret must be.
    ///
    /// # Errors
    /// Where the site or its secret is not known.
    pub async fn describe(&self, site: &Slug, secret: &ParameterName) -> Result<Slot, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (_, documents) = self.catalog.newest(&mut snapshot).await?;
        let parameter = parameter(&documents, site, secret)?;
        let newest = newest(&mut snapshot, site, secret).await?;
        Ok(Slot {
            next: SecretVersion(newest.0 + 1),
            form: parameter.ty.secret_form().cloned().unwrap_or_default(),
            recipients: recipients(&mut snapshot, &documents, site).await?,
            refusal: refuse_fixed(&mut snapshot, parameter, site, newest).await?,
        })
    }

    /// Takes a sealed value in: the next version, or with `reseal` a stored one that was sealed anew.
    ///
    /// # Errors
    /// Where the site has no such secret, the version is another, or it is not sealed to everybody who must open it.
    pub async fn put(
        &self,
        sealed: SealedSecret,
        to: BTreeSet<Recipient>,
        reseal: bool,
        by: String,
    ) -> Result<SecretRef, Error> {
        let secret = sealed.secret.clone();
        let bytes = sealed.sealed.bytes();
        if bytes.len() as u64 > SEALED_SIZE_BYTES || recipients_in(bytes) != Some(to.len()) {
            return Err(Error::NotSealed(secret));
        }
        let catalog = self.catalog.clone();
        let write = self.store.transaction(move |tx: &mut Tx| {
            Box::pin(async move {
                let (_, documents) = catalog.newest(tx).await?;
                let SecretRef { site, secret: name, version } = &sealed.secret;
                let newest = newest(tx, site, name).await?;
                sealed_to_all(&sealed.secret, &to, &recipients(tx, &documents, site).await?)?;
                let wrong = || Error::Version { secret: sealed.secret.clone(), newest };
                let recipients = u32::try_from(to.len()).unwrap_or(u32::MAX);
                let body = if reseal {
                    if !tx.reseal_secret(&sealed, &to).await? {
                        return Err(wrong());
                    }
                    EventBody::SecretResealed { secret: sealed.secret.clone(), by, recipients }
                } else {
                    let parameter = parameter(&documents, site, name)?;
                    if let Some(refusal) = refuse_fixed(tx, parameter, site, newest).await? {
                        return Err(refusal);
                    }
                    if version.0 != newest.0 + 1 {
                        return Err(wrong());
                    }
                    tx.add_secret(&sealed, &to, &by).await?;
                    EventBody::SecretSet { secret: sealed.secret.clone(), by, recipients }
                };
                tx.append(Some(site), body).await?;
                Ok(())
            })
        });
        write.await.map(|()| secret)
    }

    /// `muster.secrets/1` of a site.
    ///
    /// # Errors
    /// Where the site is not known.
    pub async fn list(&self, site: &Slug) -> Result<SecretsView, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (_, documents) = self.catalog.newest(&mut snapshot).await?;
        let outline = catalog::outline(&documents, site)?;
        let wanted = catalog::parameters(&documents, site);
        let current = recipients(&mut snapshot, &documents, site).await?;
        let agents = snapshot.agents_recipients(site).await?;
        let mut secrets: BTreeMap<ParameterName, SecretView> = BTreeMap::new();
        let row = |secret: &ParameterName| {
            let parameter = wanted.get(secret).filter(|parameter| parameter.ty.secret_form().is_some());
            SecretView {
                secret: secret.clone(),
                wanted: parameter.is_some(),
                fixed: parameter.is_some_and(|parameter| parameter.fixed),
                versions: Vec::new(),
            }
        };
        for (name, _) in wanted.iter().filter(|(_, parameter)| parameter.ty.secret_form().is_some()) {
            secrets.insert(name.clone(), row(name));
        }
        for stored in snapshot.secrets(site).await? {
            let name = &stored.sealed.secret.secret;
            let servers = outline.servers.iter();
            let servers = servers.map(|(role, _)| ServerId { site: site.clone(), role: role.clone() });
            let cannot = |server: &ServerId| {
                agents.get(server).is_none_or(|recipient| !stored.recipients.contains(recipient))
            };
            secrets.entry(name.clone()).or_insert_with(|| row(name)).versions.push(SecretVersionView {
                version: stored.sealed.secret.version,
                by: stored.by.clone(),
                at: stored.at,
                readable_by: stored
                    .recipients
                    .iter()
                    .map(|recipient| {
                        current.get(recipient).cloned().unwrap_or_else(|| "a key of before".to_owned())
                    })
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
                not_yet_readable_by: servers.filter(cannot).collect(),
            });
        }
        Ok(SecretsView { site: site.clone(), secrets: secrets.into_values().collect() })
    }

    /// Every sealed value of a site, and whom they are sealed to from now on.
    ///
    /// # Errors
    /// Where the site is not known.
    pub async fn fetch(&self, site: &Slug) -> Result<(Vec<SealedSecret>, Recipients), Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (_, documents) = self.catalog.newest(&mut snapshot).await?;
        let recipients = recipients(&mut snapshot, &documents, site).await?;
        let secrets = snapshot.secrets(site).await?;
        Ok((secrets.into_iter().map(|stored| stored.sealed).collect(), recipients))
    }

    /// The sealed secrets of a gate of this server that waits and was not shown them yet.
    ///
    /// # Errors
    /// Where the step is not such a gate, or a secret of it is not stored.
    pub async fn of_gate(
        &self,
        server: &ServerId,
        plan: PlanId,
        step: u32,
    ) -> Result<Vec<SealedSecret>, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let mut sealed = Vec::new();
        for secret in gate(&mut snapshot, server, plan, step).await? {
            sealed.push(snapshot.sealed(&secret).await?.ok_or(Error::NotSet(secret))?);
        }
        Ok(sealed)
    }

    /// Stores that a gate's secrets are shown.
    ///
    /// # Errors
    /// Where the step is not such a gate of this server, or they were shown before.
    pub async fn shown(&self, server: &ServerId, plan: PlanId, step: u32, by: String) -> Result<(), Error> {
        let secrets = gate(&mut self.store.snapshot().await?, server, plan, step).await?;
        let body = EventBody::SecretsShown { plan, step, by, secrets };
        let change = self.dispatch.change(plan, move |_: &mut Tx, _: &load::Loaded| {
            Box::pin(async move { Ok::<_, dispatch::Error>(vec![body]) })
        });
        change.await?;
        Ok(())
    }
}

/// The secrets of a waiting gate that is this server's and was not shown them yet; never none.
async fn gate(
    snapshot: &mut Snapshot,
    server: &ServerId,
    plan: PlanId,
    number: u32,
) -> Result<Vec<SecretRef>, Error> {
    let not_here = || Error::NotHere { plan, step: number };
    let loaded = load::load(snapshot, plan).await.map_err(dispatch::Error::from)?;
    let step = loaded.run.step(number).filter(|step| {
        loaded.parts.site == server.site && step.role == server.role && step.state == StepState::Waiting
    });
    let step = step.ok_or_else(not_here)?;
    if let Some((by, at)) = step.shown.clone() {
        return Err(dispatch::Error::from(IllegalMove::Shown { plan, step: number, by, at }).into());
    }
    let part = loaded.parts.servers.get(&step.role);
    let node = part.and_then(|part| part.manifest.value().node(&step.step.node)).ok_or_else(not_here)?;
    let secrets: Vec<SecretRef> = node.secrets().cloned().collect();
    if secrets.is_empty() { Err(not_here()) } else { Ok(secrets) }
}

/// The secrets of a server's site that are sealed to its agent, at each of their versions.
///
/// # Errors
/// Where the store does not answer.
pub(crate) async fn readable(
    snapshot: &mut Snapshot,
    server: &ServerId,
) -> Result<BTreeSet<SecretRef>, store::Error> {
    let agents = snapshot.agents_recipients(&server.site).await?;
    let Some(recipient) = agents.get(server) else { return Ok(BTreeSet::new()) };
    let secrets = snapshot.secrets(&server.site).await?.into_iter();
    Ok(secrets
        .filter(|stored| stored.recipients.contains(recipient))
        .map(|stored| stored.sealed.secret)
        .collect())
}

/// Those of these secrets that are stored, sealed.
///
/// # Errors
/// Where the store does not answer.
pub(crate) async fn sealed(
    snapshot: &mut Snapshot,
    wanted: BTreeSet<&SecretRef>,
) -> Result<Vec<SealedSecret>, store::Error> {
    let mut secrets = Vec::new();
    for secret in wanted {
        secrets.extend(snapshot.sealed(secret).await?);
    }
    Ok(secrets)
}

/// Whom secrets of a site are sealed to: every recovery key, every agent of the site, and the client where it gave a key.
async fn recipients(
    snapshot: &mut Snapshot,
    documents: &Documents,
    site: &Slug,
) -> Result<Recipients, Error> {
    catalog::outline(documents, site)?;
    let mut recipients = Recipients::new();
    for key in snapshot.recovery_keys().await? {
        recipients.insert(key.parse()?, "a recovery key".to_owned());
    }
    for (server, key) in snapshot.agents_recipients(site).await? {
        recipients.insert(key, server.to_string());
    }
    recipients.extend(catalog::client_recipient(documents, site));
    Ok(recipients)
}

fn sealed_to_all(secret: &SecretRef, to: &BTreeSet<Recipient>, current: &Recipients) -> Result<(), Error> {
    let missing =
        current.iter().find(|(recipient, _)| !to.contains(recipient)).map(|(_, whose)| whose.clone());
    let foreign = to.iter().any(|recipient| !current.contains_key(recipient));
    match missing.or_else(|| foreign.then(|| "those alone who are to open it now".to_owned())) {
        Some(missing) => Err(Error::NotSealedTo { secret: secret.clone(), missing }),
        None => Ok(()),
    }
}

fn parameter<'d>(
    documents: &'d Documents,
    site: &Slug,
    secret: &ParameterName,
) -> Result<&'d Parameter, Error> {
    catalog::outline(documents, site)?;
    let parameter = documents
        .site(site)
        .and_then(|(_, site)| documents.product(&site.product.value))
        .and_then(|(_, product)| product.parameters.get(secret))
        .filter(|parameter| parameter.ty.secret_form().is_some());
    parameter.ok_or_else(|| Error::Unknown { site: site.clone(), secret: secret.clone() })
}

/// The newest version of a secret; 0 for none.
async fn newest(
    snapshot: &mut Snapshot,
    site: &Slug,
    secret: &ParameterName,
) -> Result<SecretVersion, store::Error> {
    Ok(snapshot.secret_versions(site).await?.get(secret).copied().unwrap_or(SecretVersion(0)))
}

/// G4, G8: a fixed one is set once, as long as nothing was installed with it as often as one likes.
async fn refuse_fixed(
    snapshot: &mut Snapshot,
    parameter: &Parameter,
    site: &Slug,
    version: SecretVersion,
) -> Result<Option<Error>, store::Error> {
    if !parameter.fixed || version.0 == 0 || snapshot.installed(site).await?.is_none() {
        return Ok(None);
    }
    let secret = parameter.name.value.clone();
    Ok(Some(Error::Fixed { site: site.clone(), secret, version }))
}
