//! Whether a description can be followed: every template is filled in once, with examples of what it will see.

mod cluster;
mod frames;
mod guard;

use runs::judge;
use serde::Serialize;

use super::Slip;
use crate::commands::places;
use crate::description::{
    Client, Condition, Description, HttpOperation, NatsOperation, Operations, Part, PostgresOperation,
    Request, Template, TemplateError, ValueAt, Word,
};
use crate::seen::{NodeSees, RequestSees};

pub(super) fn check(described: &Description) -> Result<(), Slip> {
    name(&described.name)?;
    cluster::check(described)?;
    guard::check(described)?;
    frames::check(described)?;
    ways(described)?;
    templates(described)?;
    init(described)?;
    status(described)?;
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
    let node = match &described.cluster {
        Some(cluster) => NodeSees::of_cluster(&places(cluster), described.network.client, profile),
        None => NodeSees::example(profile),
    };
    let life = &described.life;
    cluster::templates(described, profile)?;
    all(&life.command, &node)?;
    all(life.restart.as_deref().unwrap_or_default(), &node)?;
    for template in life.env.values() {
        template.render(&node)?;
    }
    for content in life.files.values() {
        content.bytes(&node)?;
    }
    match life.init.as_ref().and_then(|init| init.request()) {
        Some(Request::Http(request)) => http(request, &node)?,
        Some(Request::Nats(request)) => nats(request, &node)?,
        Some(Request::Postgres(request)) => postgres(request, &node)?,
        Some(Request::Redis(request)) => all(&request.command, &node)?,
        None => {}
    }
    if let Some(status) = &described.status {
        for template in status
            .path
            .iter()
            .chain(&status.body)
            .chain(&status.subject)
            .chain(&status.sql)
        {
            template.render(&node)?;
        }
        all(status.command.as_deref().unwrap_or_default(), &node)?;
    }
    let mut requests = RequestSees::examples(&profile.into());
    if described.client.reads_before_update() {
        let read = |request: &mut RequestSees| *request = request.with_revision(Some("5".to_owned()));
        let updates = requests.iter_mut().filter(|request| request.word() == Word::Cas);
        updates.for_each(read);
    }
    match &described.client {
        Client::Http(operations) => each(operations, &requests, http),
        Client::Nats(operations) => each(operations, &requests, nats),
        Client::Postgres(operations) => each(operations, &requests, postgres),
        Client::Redis(operations) => each(operations, &requests, |operation, request| {
            all(&operation.command, request)
        }),
        Client::Adapter(adapter) => all(&adapter.command, &node),
    }?;
    Ok(())
}

fn http(operation: &HttpOperation, sees: &impl Serialize) -> Result<(), TemplateError> {
    let others = operation.headers.values().chain(&operation.body);
    others
        .chain([&operation.path])
        .try_for_each(|template| template.render(sees).map(drop))
}

fn nats(operation: &NatsOperation, sees: &impl Serialize) -> Result<(), TemplateError> {
    let others = operation.headers.values().chain(&operation.body);
    others
        .chain([&operation.subject])
        .try_for_each(|template| template.render(sees).map(drop))
}

fn postgres(operation: &PostgresOperation, sees: &impl Serialize) -> Result<(), TemplateError> {
    let mut templates = operation.templates();
    templates.try_for_each(|template| template.render(sees).map(drop))
}

fn each<T>(
    operations: &Operations<T>,
    requests: &[RequestSees],
    render: impl Fn(&T, &RequestSees) -> Result<(), TemplateError>,
) -> Result<(), TemplateError> {
    let parts = requests.iter().flat_map(|example| match example.word() {
        Word::Txn => example.parts(),
        _ => vec![example.clone()],
    });
    for example in parts {
        if let Some(operation) = operations.get(example.word(), example.part()) {
            render(operation, &example)?;
        }
    }
    Ok(())
}

/// What is asked for in several requests, or by several words, is there as a whole.
fn ways(described: &Description) -> Result<(), Slip> {
    match &described.client {
        Client::Http(operations) => ways_of(operations, |operation| &operation.answer),
        Client::Redis(operations) if operations.watch.is_some() => Err(no_watch("redis")),
        Client::Nats(operations) if operations.watch.is_some() => Err(no_watch("nats")),
        Client::Postgres(operations) if operations.watch.is_some() => Err(no_watch("postgres")),
        Client::Postgres(operations) => ways_of(operations, |operation| &operation.answer),
        Client::Redis(operations) => ways_of(operations, |operation| &operation.answer),
        Client::Nats(operations) if operations.txn.is_some() => Err(Slip::Marked {
            mark: "[client.nats.txn".to_owned(),
            why: "client.nats.txn: the protocol of NATS has no transactions; leave it out".to_owned(),
        }),
        Client::Nats(operations) => ways_of(operations, |operation| &operation.answer),
        Client::Adapter(adapter) => together(&adapter.words()),
    }?;
    let Some(level) = &described.consistency else {
        return Ok(());
    };
    match judge::is_level_of_transactions(level) {
        true => Ok(()),
        false => Err(Slip::Marked {
            mark: "consistency = ".to_owned(),
            why: format!(
                "consistency = {level:?}: there is no level of this name; see `harness list levels`"
            ),
        }),
    }
}

fn no_watch(protocol: &str) -> Slip {
    Slip::Marked {
        mark: format!("[client.{protocol}.watch"),
        why: format!("client.{protocol}.watch: only HTTP and adapters can be watched; leave it out"),
    }
}

fn ways_of<T>(operations: &Operations<T>, answer: fn(&T) -> &ValueAt) -> Result<(), Slip> {
    together(&operations.words())?;
    let slip = |why: &str| {
        Err(Slip::Marked {
            mark: ".txn".to_owned(),
            why: format!("the client's `txn` {why} (docs/systems.md, \"Transactions\")"),
        })
    };
    if operations.update.is_some()
        && (operations.cas.is_some() || answer(&operations.read).revision.is_none())
    {
        return Err(Slip::Marked {
            mark: ".update".to_owned(),
            why: "an `update` stands in place of `cas`, and the read's `answer` says by `revision` what it updates"
                .to_owned(),
        });
    }
    let watched = operations.watch.as_ref().map(answer);
    if watched
        .is_some_and(|watched| watched.each.is_none() || watched.key.is_none() || watched.revision.is_none())
    {
        return Err(Slip::Marked {
            mark: ".watch".to_owned(),
            why: "a `watch` has an answer with `each`, and in each of them `key`, `value` and `revision`"
                .to_owned(),
        });
    }
    let Some(txn) = &operations.txn else {
        return Ok(());
    };
    let of_read = txn.get(Part::Read).map(answer);
    let of_whole = txn.get(Part::Whole).map(answer);
    match of_read {
        _ if !txn.is_a_way() => slip("is either `whole`, or `read` and `commit`"),
        // What its reads show would need one each, which nobody takes from it.
        _ if of_whole.is_some_and(|whole| whole.revision.is_some()) => slip(
            "is a `whole` with a `revision`, of which nothing is made: leave that out, or say `read` and `commit`",
        ),
        Some(read) if read.each.is_none() => {
            slip("has a `read` whose answer has no `each`: where its keys' parts are")
        }
        _ => Ok(()),
    }
}

/// A queue that is filled in one way and emptied in another is none.
fn together(words: &[Word]) -> Result<(), Slip> {
    let alone = match (words.contains(&Word::Enqueue), words.contains(&Word::Dequeue)) {
        (true, false) => "enqueue",
        (false, true) => "dequeue",
        _ => return Ok(()),
    };
    Err(Slip::Marked {
        mark: alone.to_owned(),
        why: format!("the client has `{alone}` alone: a queue needs both `enqueue` and `dequeue`"),
    })
}

fn rules(described: &Description) -> Result<(), Slip> {
    for rule in &described.errors {
        let slip = |why: &str| Slip::Marked {
            mark: format!("code = {:?}", rule.code),
            why: format!("the error {:?} {why}", rule.code),
        };
        match rule.transport {
            None if rule.when.is_empty() => {
                return Err(slip("fits every answer: say which by `transport` or `when`"));
            }
            Some(_) if rule.when.status.is_some() || rule.when.path.is_some() => {
                return Err(slip(
                    "is for no answer at all: beside `transport` only a `text` can be asked for",
                ));
            }
            _ => condition(&rule.when).map_err(slip)?,
        }
    }
    let init = described.life.init.as_ref().and_then(|init| init.request());
    let init = init.as_ref().map(Request::answer);
    let answers = described.client.answers().into_iter().chain(init);
    let of_answers = answers.flat_map(|answer| [Some(&answer.ok), answer.absent.as_ref()]);
    let leads = described.status.as_ref().and_then(|status| status.leads.as_ref());
    for asked in of_answers.chain([leads]).flatten() {
        condition(asked).map_err(|why| Slip::Other(format!("a condition {why}")))?;
    }
    Ok(())
}

/// What would never hold, or always, for want of a place to look at.
fn condition(condition: &Condition) -> Result<(), &'static str> {
    let asks = condition.equals.is_some() || condition.same_as.is_some() || condition.missing;
    match asks && condition.path.is_none() {
        true => Err("has `equals`, `same-as` or `missing` without the `path` to look at"),
        false => Ok(()),
    }
}

/// What is done once is one request, of the protocol that the clients speak.
fn init(described: &Description) -> Result<(), Slip> {
    let Some(init) = &described.life.init else {
        return Ok(());
    };
    let is_askable = |request: Request<'_>| request.is_for(&described.client);
    match init.request().is_some_and(is_askable) {
        true => Ok(()),
        false => Err(Slip::Marked {
            mark: "[life.init".to_owned(),
            why: "life.init is one request, of the protocol of [client]: http, nats, postgres or redis; an adapter does it by itself, \
                  at its start"
                .to_owned(),
        }),
    }
}

/// A status that is asked for in the words of another protocol would never be told.
fn status(described: &Description) -> Result<(), Slip> {
    let Some(status) = &described.status else {
        return Ok(());
    };
    let lacks = match &described.client {
        Client::Http(_) if status.path.is_none() => "path",
        Client::Nats(_) if status.subject.is_none() => "subject",
        Client::Postgres(_) if status.sql.is_none() => "sql",
        Client::Redis(_) if status.command.is_none() => "command",
        _ => return Ok(()),
    };
    Err(Slip::Marked {
        mark: "[status]".to_owned(),
        why: format!("[status] has no `{lacks}`, by which a node is asked"),
    })
}
