//! Whether a description can be followed: every template is filled in once, with examples of what it will see.

use serde::Serialize;

use super::Slip;
use crate::description::{Client, Description, Operations, Template, TemplateError};
use crate::seen::{NodeSees, RequestSees};

pub(super) fn check(described: &Description) -> Result<(), Slip> {
    name(&described.name)?;
    templates(described)?;
    rules(described)
}

fn name(name: &str) -> Result<(), Slip> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    match !name.is_empty() && name.chars().all(fits) {
        true => Ok(()),
        false => Err(Slip::Other(format!(
            "name = {name:?}: a system's name has small letters, digits and hyphens"
        ))),
    }
}

fn all(templates: &[Template], context: &impl Serialize) -> Result<(), TemplateError> {
    templates
        .iter()
        .try_for_each(|template| template.render(context).map(drop))
}

fn templates(described: &Description) -> Result<(), Slip> {
    if described.profiles.is_empty() {
        return Err(Slip::Other(
            "profiles = []: name at least one, or leave it out".to_owned(),
        ));
    }
    let mut profiles = described.profiles.iter();
    profiles.try_for_each(|profile| templates_under(described, profile))
}

fn templates_under(described: &Description, profile: &str) -> Result<(), Slip> {
    let node = NodeSees::example(profile);
    let life = &described.life;
    all(&life.command, &node)?;
    all(life.restart.as_deref().unwrap_or_default(), &node)?;
    for template in life.env.values() {
        template.render(&node)?;
    }
    for content in life.files.values() {
        content.bytes(&node)?;
    }
    if let Some(status) = &described.status {
        for template in status.path.iter().chain(&status.body) {
            template.render(&node)?;
        }
        all(status.command.as_deref().unwrap_or_default(), &node)?;
    }
    let requests = RequestSees::examples(&profile.into());
    match &described.client {
        Client::Http(operations) => each(operations, &requests, |operation, request| {
            operation.path.render(request)?;
            for template in operation.headers.values().chain(&operation.body) {
                template.render(request)?;
            }
            Ok(())
        }),
        Client::Redis(operations) => each(operations, &requests, |operation, request| {
            all(&operation.command, request)
        }),
        Client::Adapter(adapter) => all(&adapter.command, &node),
    }?;
    Ok(())
}

fn each<T>(
    operations: &Operations<T>,
    requests: &[RequestSees],
    render: impl Fn(&T, &RequestSees) -> Result<(), TemplateError>,
) -> Result<(), TemplateError> {
    for example in requests {
        if let Some(operation) = operations.get(example.word()) {
            render(operation, example)?;
        }
    }
    Ok(())
}

fn rules(described: &Description) -> Result<(), Slip> {
    for rule in &described.errors {
        if rule.transport.is_none() && rule.when.is_empty() {
            return Err(Slip::Other(format!(
                "the error {:?} fits every answer: say which by `transport` or `when`",
                rule.code
            )));
        }
    }
    Ok(())
}
