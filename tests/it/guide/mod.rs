//! The vendor's guide row by row, over its own example: one story for each demand, named after it.
//!
//! `documents` has what is settled before a server is touched, `installation` what takes place on it. Other stories go deeper
//! into single kinds (`preflight`, `guided`, `database`, `secrets`, `kinds`); here each row is seen where the guide puts it.

mod documents;
mod installation;

use muster_agent::host::twin::ledger::Deed;
use muster_model::name::PlanId;
use muster_model::outcome::End;
use muster_model::view::StepState;
use muster_tests::cli::code;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

const DONE: StepState = StepState::Ended(End::Done);

/// One server with everything on it, no Treasury, port 2025; nothing is started.
fn martin() -> Field {
    Field::lay(Programs::built(), Scene::guide("martin-prod", "twin-mar-srv01.yaml")).unwrap()
}

/// Treasury, OData, PWA, all over HTTPS; its SQL Server is looked after by nobody. Nothing is started.
fn dupont() -> Field {
    let field = Field::lay(Programs::built(), Scene::guide("dupont-prod", "twin-dup-web01.yaml")).unwrap();
    field.edit("  sql: {name: DUP-SQL01}\n", "");
    field
}

/// A site of the guide in operation, its secrets set.
fn begun(mut field: Field) -> Field {
    field.begin().unwrap();
    field.set_secret("batch_account_password", "Corr3ct-horse").expect(code::OK);
    field.set_secret("security_code", "0123456789").expect(code::OK);
    field.set_secret("encryption_password", "An0ther-horse").expect(code::OK);
    field
}

/// Runs an approved plan until it waits for a person at this node; what a person does before it is done.
#[track_caller]
fn run_until(field: &Field, plan: PlanId, node: &str) {
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    loop {
        let step = field.waiting(plan);
        if step.node.to_string() == node {
            return;
        }
        field.do_by_hand(plan, &step).expect(code::WAITING);
    }
}

/// The services that were started, in order.
fn services_started(field: &Field) -> Vec<String> {
    let mut started = Vec::new();
    for entry in field.agent.twin.ledger() {
        if let Deed::ServiceStarted { service } = entry.deed {
            started.push(service);
        }
    }
    started
}
