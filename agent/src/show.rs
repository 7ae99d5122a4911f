//! `muster-agent secret show PLAN/STEP`: shows the secrets that a person types at a gate, once, on this server alone (G17).
//!
//! Neighbours: the controller's door says which secrets the gate has and stores that they were shown, before they are;
//! `identity` has the key, `os` knows who is an administrator of this agent. Nothing is logged, and nothing is written but to
//! the person's screen.

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use muster_model::name::StepName;
use muster_model::secret::SealedSecret;
use muster_proto::dial;
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;

use crate::identity::{DataDir, Enrolled};
use crate::os;
use crate::vault::{Secrets as _, Vault};

/// Shows them. All are opened before it is stored that they are shown, and stored before they are: what was not seen stays
/// to be seen, and what was seen is on record.
///
/// # Errors
/// Where the caller is no administrator of this agent, the step has no secrets to type now, they were shown before, or one
/// does not open. Nothing was shown then.
pub async fn show(data: &DataDir, step: StepName, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = data.path().display();
    if !os::is_owner(data.path()).with_context(|| format!("cannot look at {folder}"))? {
        bail!("only a local administrator, the owner of {folder}, may see secrets; nothing was shown");
    }
    let Enrolled { identity, credentials, secrets_key } = data.enrolled()?;
    let channel = dial::dial(&identity.controller, &credentials).await?;
    let mut controller = AgentClient::new(channel);
    let request = v1::ShowSecretsRequest { plan: step.plan.0, step: step.step };
    let reply = controller.show_secrets(request).await.map_err(refused)?.into_inner();
    let sealed = reply.secrets.into_iter().map(SealedSecret::try_from).collect::<Result<Vec<_>, _>>();
    let sealed = sealed.context("the controller said what this version cannot read")?;
    let vault = Vault::new(secrets_key);
    let opener = vault.opener(&sealed);
    let mut opened = Vec::new();
    for sealed in &sealed {
        let secret = &sealed.secret;
        ensure!(
            secret.site == identity.server.site,
            "a secret of {} was sent; nothing was shown",
            secret.site
        );
        opened.push((secret, opener.open(secret).context("nothing was shown")?));
    }
    let by = os::account().context("this account has no name; nothing was shown")?;
    let request = v1::SecretsShownRequest { plan: step.plan.0, step: step.step, by };
    controller.secrets_shown(request).await.map_err(refused)?;
    writeln!(out, "To type at step {step}; shown this once, and that is recorded:")?;
    for (secret, value) in &opened {
        writeln!(out, "  {} {}: {}", secret.secret, secret.version, value.expose())?;
    }
    writeln!(out, "Next: clear this screen, then let the operator type: muster done {step}")?;
    Ok(())
}

fn refused(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("the controller refused: {}", status.message())
}
