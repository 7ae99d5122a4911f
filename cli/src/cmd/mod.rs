//! A file per verb: from what was typed to what the controller answers.
//!
//! Neighbours: `args` parses, `connect` dials, `render` shows. A verb does one thing and returns how it ended.

mod approve;
mod cancel;
mod completions;
mod diff;
mod done;
mod events;
mod explain;
mod files;
mod handout;
mod inspect;
mod media;
mod operator;
mod plan;
mod preflight;
mod private;
mod push;
mod recover;
mod render;
mod resume;
mod run;
mod schema;
pub(crate) mod secret;
mod server;
mod stage;
mod status;
mod steps;
mod validate;
mod why;

use std::path::Path;

use muster_proto::v1;

use crate::args::{Args, Verb};
use crate::connect::Controller;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::shape;

/// What every verb needs.
struct Context<'a> {
    profile: Option<&'a Path>,
    output: &'a mut Output,
}

impl Context<'_> {
    async fn connect(&self) -> Result<Controller, Failure> {
        Controller::connect(self.profile).await
    }

    /// Prints what now holds, and what to type next.
    fn done(&mut self, done: &v1::Done, next: &[String]) -> Result<(), Failure> {
        if self.output.is_json() {
            return self.output.json(shape::DONE, &serde_json::json!({ "message": done.message }));
        }
        let message = self.output.prose(&crate::render::clean(&done.message));
        self.output.data(&message)?;
        self.next(next)
    }

    /// Prints what to type next; for people only.
    fn next(&mut self, next: &[String]) -> Result<(), Failure> {
        if self.output.is_json() || next.is_empty() {
            return Ok(());
        }
        self.output.data(&crate::render::next(next))
    }
}

/// Carries out what was typed.
pub(crate) async fn run(args: Args, output: &mut Output) -> Result<Exit, Failure> {
    let mut context = Context { profile: args.profile.as_deref(), output };
    match args.verb {
        Verb::Validate(args) => validate::run(&mut context, &args),
        Verb::Diff(args) => diff::run(&mut context, &args).await,
        Verb::Push(args) => push::run(&mut context, args).await,
        Verb::Render(args) => render::run(&mut context, &args.site).await,
        Verb::Explain(args) => explain::run(&mut context, &args).await,
        Verb::Preflight(args) => preflight::run(&mut context, &args).await,
        Verb::Plan(args) => plan::run(&mut context, args).await,
        Verb::Approve(args) => approve::run(&mut context, args).await,
        Verb::Run(args) => run::run(&mut context, &args).await,
        Verb::Resume(args) => resume::run(&mut context, args).await,
        Verb::Cancel(args) => cancel::run(&mut context, args).await,
        Verb::Steps(args) => steps::run(&mut context, args.which).await,
        Verb::Done(args) => done::run(&mut context, args).await,
        Verb::Status(args) => status::run(&mut context, &args).await,
        Verb::Why(args) => why::run(&mut context, &args.site).await,
        Verb::Events(args) => events::run(&mut context, &args).await,
        Verb::Server(verb) => server::run(&mut context, verb).await,
        Verb::Handout(args) => handout::run(&mut context, &args).await,
        Verb::Inspect(args) => inspect::run(&mut context, &args),
        Verb::Schema(args) => schema::run(&mut context, &args),
        Verb::Operator(verb) => operator::run(&mut context, verb).await,
        Verb::Recover(verb) => recover::run(&mut context, verb).await,
        Verb::Secret(verb) => secret::run(&mut context, verb).await,
        Verb::Media(verb) => media::run(&mut context, verb).await,
        Verb::Stage(args) => stage::run(&mut context, &args.site).await,
        Verb::Completions(args) => completions::run(&mut context, args.shell),
    }
}

/// Advice for a verb about a site that the controller refused.
fn site_advice() -> Vec<String> {
    vec!["see the sites: muster status".to_owned()]
}

/// Advice for a verb about a plan that the controller refused.
fn plan_advice(plan: muster_model::name::PlanId) -> Vec<String> {
    vec![
        format!("see how the plan stands: muster steps {plan}"),
        "see the sites and their plans: muster status".to_owned(),
    ]
}
