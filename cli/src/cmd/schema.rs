//! `muster schema [PRODUCT -f PATH]`: prints JSON Schema for editors; nothing is sent.
//!
//! Neighbours: `muster_model::json_schema` makes it. Printed as an editor reads it, without an envelope, whatever `--output`
//! says.

use muster_model::document::{self, Documents};
use muster_model::json_schema;

use super::{Context, files, validate};
use crate::args::SchemaArgs;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn run(context: &mut Context<'_>, args: &SchemaArgs) -> Result<Exit, Failure> {
    let Some(product) = &args.product else {
        context.output.data(&serde_json::to_string_pretty(&json_schema::documents())?)?;
        return Ok(Exit::Ok);
    };
    let files = files::collect(&args.paths)?.files;
    let set: Documents = match document::read(&files) {
        Ok(documents) => documents.into_iter().collect(),
        Err(diagnostics) => {
            let again = files::command("validate", &args.paths);
            return validate::rejected(context, &diagnostics, "printed", &again);
        }
    };
    let Some((_, found)) = set.product(product) else {
        let products: Vec<String> = set.products().map(ToString::to_string).collect();
        let advice = match products.as_slice() {
            [] => "name a folder that holds its Product document".to_owned(),
            known => format!("there are: {}", known.join(", ")),
        };
        return Err(Failure::new(Exit::Rejected, format!("these files have no product {product}"), advice));
    };
    context.output.data(&serde_json::to_string_pretty(&json_schema::of_product(found))?)?;
    Ok(Exit::Ok)
}
