//! The validation of a schema, and of settings against it, in an instance of the validator, which is stopped like that
//! of any plugin.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::error::Violation;
use crate::fault::{Cause, Fault};
use crate::guest::exceeded::{Times, name_time_or_stack};
use crate::guest::request::{GuestRequest, Seed};
use crate::guest::store::Budget;
use crate::guest::turn::Turn;
use crate::host::Host;
use crate::host::validator::Validity;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::tenant::Tenant;
use crate::util::block_on::block_on;

/// The settings of the validator (`plugins/validate-settings`).
#[derive(Serialize)]
struct Validation<'a> {
    schema: &'a str,
    settings: Option<&'a str>,
}

/// Validates settings, or the schema alone, at the cost of `owner`. The limits are those of configuring a check. The result is kept, so that the
/// same settings are validated once. The error is a fault that another attempt may not have.
pub(super) fn validate(
    host: &Host,
    owner: &Tenant,
    schema: &str,
    settings: Option<&str>,
    limits: &Limits,
) -> Result<Arc<Validity>, Fault> {
    let key = Digest::of_parts([
        schema.as_bytes(),
        settings.unwrap_or_default().as_bytes(),
        &[u8::from(settings.is_some())],
        &limits.configure_cpu_time.as_nanos().to_be_bytes(),
    ]);
    // Equal settings may be validated on another thread right now.
    let end = Instant::now() + limits.configure_deadline;
    host.validator().validated.get(key, end, || {
        let text = serde_json::to_string(&Validation { schema, settings }).map_err(Fault::host)?;
        match block_on(run(host, owner, text, limits)).map_err(Fault::host).flatten() {
            Ok(Ok(())) => Ok(Validity::Valid),
            Ok(Err(message)) => read(&message),
            Err(fault) => {
                let fault = name_time_or_stack(fault, host.limits(), Times::of_configuring(limits));
                // It may be kept, and a backtrace of the validator tells nobody anything.
                let fault = Fault { backtrace: None, ..fault };
                if is_repeatable(fault.cause) { Ok(Validity::Failed(fault)) } else { Err(fault) }
            }
        }
    })
}

async fn run(host: &Host, owner: &Tenant, text: String, limits: &Limits) -> Result<Result<(), String>, Fault> {
    let toolchain = host.toolchain();
    let linked = host.validator().code(toolchain).map_err(|error| Fault::host(format!("the validator: {error}")))?;
    // The time of making the code, once for each host, does not count.
    let end = Instant::now() + limits.configure_deadline;
    let most = host.limits();
    let limits = Limits {
        configure_cpu_time: limits.configure_cpu_time,
        memory_bytes: most.memory_bytes,
        table_elements: most.table_elements,
        core_instances: most.core_instances,
        ..Limits::default()
    };
    let permit = host.admission(linked.pool).admit(None, linked.weight, end).await?;
    let budget = Budget::new(&limits, end, toolchain.tick).for_configuring().for_tenant(owner);
    let request = GuestRequest::none(Seed { decision: DecisionId::random(), check: "".into() });
    let mut turn = Turn::of(owner, toolchain.tick);
    turn.take(end).await?;
    let mut instance = Instance::new(linked, &budget, request).with_pool_permit(permit);
    instance.configure(&mut turn, Some(&text), end).await
}

/// Whether a fault depends on the schema and the settings alone.
fn is_repeatable(cause: Cause) -> bool {
    !matches!(cause, Cause::Deadline | Cause::NoCapacity | Cause::Host)
}

/// Reads the answer of the validator for an invalid schema or invalid settings.
fn read(message: &str) -> Result<Validity, Fault> {
    if let Some(reason) = message.strip_prefix("schema ") {
        return Ok(Validity::BadSchema(reason.to_owned()));
    }
    let (length, text) = message.split_once(' ').unwrap_or_default();
    let (pointer, reason) = length
        .parse()
        .ok()
        .and_then(|length| text.split_at_checked(length))
        .ok_or_else(|| Fault::host(format!("the validator answered {message:?}")))?;
    Ok(Validity::Invalid(Violation { pointer: pointer.to_owned(), reason: reason.to_owned() }))
}
