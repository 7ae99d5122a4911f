//! `muster inspect FILE`: what an installer is and can be told, as a draft of its node; asks nobody and runs nothing.
//!
//! Neighbours: `inspect` looks into the file. The draft is all of stdout, so that it can be written to a file.

use super::Context;
use crate::args::InspectArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inspect::{Error, inspect};
use crate::shape;

pub(super) fn run(context: &mut Context<'_>, args: &InspectArgs) -> Result<Exit, Failure> {
    context.output.spin("reading");
    let found = inspect(&args.file).map_err(|error| failure(args, &error))?;
    context.output.end_progress();
    if context.output.is_json() {
        context.output.json(shape::INSPECT, &found)?;
        return Ok(Exit::Ok);
    }
    context.output.data(&found.draft)?;
    context.output.note(&crate::render::next(&[
        "settle what says \"decide:\", put the nodes into your product, then: muster validate -f PATH"
            .to_owned(),
    ]))?;
    Ok(Exit::Ok)
}

fn failure(args: &InspectArgs, error: &Error) -> Failure {
    let next = |advice: &str| {
        Failure::usage(format!("{} cannot be looked into", args.file.display()), advice).because(error)
    };
    match error {
        Error::Read(_) | Error::NoFile(_) | Error::Other(_) | Error::NoPackage => {
            next("name the installer itself, a .msi or .exe file that you may read")
        }
        Error::Empty => next("copy the file anew from where it came"),
        Error::Large { .. } => next("name the installer itself, not an image of a disk with it"),
        Error::Archive(_) => next("unpack it, and name the .msi or .exe file in it"),
        Error::Unknown => next("ask its vendor how it is installed without dialogs")
            .or("install it once by hand, with `install: guided` in its node"),
        Error::Unpacks(_) => next("unpack it, as 7-Zip does, and name the .msi or .exe file in it")
            .or("where there is none, install it once by hand, with `install: guided` in its node"),
        Error::Patch | Error::Transform => next("name the .msi file that it goes with"),
        Error::Damaged(_) => {
            next("copy the file anew from where it came, and compare its SHA-256 with the vendor's").or(
                "if it is the vendor's, install it once by hand and read its properties in the log: msiexec /i FILE /L*v LOG",
            )
        }
    }
}
