//! Components that answer a request while they are built, and keep the state that it leaves.

use std::time::Instant;

use wasmtime_wizer::Wizer;

use crate::decision::DecisionId;
use crate::error::PrepareError;
use crate::fault::Fault;
use crate::guest::reason::Reason;
use crate::guest::request::{GuestRequest, Seed};
use crate::guest::store::Budget;
use crate::guest::turn::Turn;
use crate::host::Host;
use crate::image::snapshot::{load, written};
use crate::instance::{CheckCall, Instance};
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::request::AuthContext;
use crate::util::block_on::block_on;

/// Calls the `check` of a component once, with `context`, and returns the component with the state that the call left,
/// so that its instances go on from there. It is for builds: a language whose runtime takes seconds to make is made
/// once, and reads the author's modules from the documents of the request.
///
/// The component need not be a plugin that would be accepted otherwise, and runs in the same sandbox and under the same
/// limits as every plugin. The result is not trusted more: load it like every plugin. It may have a state of up to
/// [`HostLimits::image_bytes`](crate::HostLimits::image_bytes). The time of the call is that of configuring an instance.
///
/// # Errors
/// [`PrepareError::Refused`] with the message of the component, if `check` denies. Every other error says why there is
/// no result.
pub fn prepare(host: &Host, component: &[u8], context: &AuthContext, limits: &Limits) -> Result<Vec<u8>, PrepareError> {
    let impossible = |reason: Reason| PrepareError::Impossible(reason.into_text());
    let wizer = Wizer::new();
    let instrumented = wizer.instrument_component(component);
    let (modules, instrumented) = instrumented.map_err(|error| impossible(error.into()))?;
    let owner = host.tenants().get(None);
    let linked = load(host, &owner, &instrumented).map_err(impossible)?;
    let end = Instant::now() + limits.configure_deadline;
    let (pool, tick, cap) = (linked.pool, host.toolchain().tick, host.limits().image_bytes);
    let seed = Seed { decision: DecisionId::random(), check: "".into() };
    let answered = block_on(async {
        let permit = host.admission(pool).admit(None, linked.weight, end).await?;
        let mut turn = Turn::of(&owner, tick);
        turn.take(end).await.map_err(Fault::from)?;
        let budget = Budget::new(limits, end, tick).for_configuring().for_tenant(&owner);
        let request = GuestRequest::new(context, seed, limits.context_bytes)?.with_documents(context);
        let mut instance = Instance::new(linked.into(), &budget, request).with_pool_permit(permit);
        // The state cannot contain handles.
        instance.set_max_handles(0);
        let message_bytes = limits.message_bytes;
        let call = CheckCall { context, settings: None, name_missing_scopes: false, message_bytes, end, probe: None };
        match instance.check(&mut turn, &call).await?.0 {
            Outcome::Allow => {}
            Outcome::Denied => return Err(PrepareError::Refused(String::new())),
            Outcome::DeniedWithMessage(error) => return Err(PrepareError::Refused(error.message)),
            Outcome::Failed(fault) => return Err(fault.into()),
        }
        written(&wizer, &modules, &mut instance, &mut turn, cap, end).await.map_err(impossible)
    });
    answered.map_err(Fault::host)?
}
